"""Published receptive fields and sizes of networks for vision and audio."""

from typing import Any

import pytest

from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.measures.params import params
from archcalc.measures.receptive_field import receptive_fields
from archcalc.spec.document import read_document, read_source
from tests.networks.zoo import SPECS, network, paper_table


def field(graph: Graph, name: str) -> int:
    """The receptive field of a layer along one axis of the input, in elements."""
    return int(receptive_fields(graph)[graph[name].name][0].size)


@pytest.mark.parametrize("row", paper_table("dilated_context_module"), ids=lambda row: f"layer{row['layer']}")
@pytest.mark.parametrize("reference", ["dilated_context", "dilated_context@large"])
def test_the_context_module_has_the_published_fields(reference: str, row: dict[str, Any]) -> None:
    assert field(network(reference), f"layer{row['layer']}") == row["receptive_field"]


def test_the_basic_context_module_has_64_weights_for_every_pair_of_classes() -> None:
    """Yu & Koltun 2015, arXiv:1511.07122, section 3."""
    weights = [w for node in network("dilated_context") for w in node.weights if w.name == "weight"]
    assert sum(w.numel for w in weights) == 64 * 21**2


@pytest.mark.parametrize("row", paper_table("tcn_rf"), ids=lambda row: f"k{row['k']}-n{row['levels']}")
def test_the_field_of_a_tcn_follows_from_kernel_and_depth(row: dict[str, Any]) -> None:
    tcn = build(read_document(read_source(str(SPECS / "tcn.yaml")), settings={"k": str(row["k"])}))
    assert field(tcn, f"t{row['levels']}") == row["receptive_field"]


def test_the_field_of_a_wavenet_block_is_1024_samples_and_16_in_its_figure() -> None:
    figure, block = sorted(row["receptive_field"] for row in paper_table("wavenet_rf"))
    assert (field(network("wavenet"), "layers.3"), field(network("wavenet"), "last")) == (figure, block)


def test_every_map_of_the_unet_has_the_size_of_its_figure() -> None:
    """Ronneberger et al. 2015, arXiv:1505.04597, figure 1: convolutions, poolings and up-convolutions in order."""
    graph = network("unet")
    shown = [node.output.spatial[0] for node in graph if node.layer.name in ("conv", "maxpool", "upconv")]
    printed = [row["hw"] for row in paper_table("unet_sizes")]
    assert [graph.inputs[0].volume.spatial[0], *shown] == [*printed, 388]  # the last convolution keeps the size


@pytest.mark.parametrize(
    ("reference", "patch"), [("patchgan@patch16", 16), ("patchgan", 70), ("patchgan@patch286", 286)]
)
def test_a_patchgan_judges_patches_of_the_size_in_its_name(reference: str, patch: int) -> None:
    assert field(network(reference), "score") == patch


def test_a_pixelgan_judges_pixels() -> None:
    """Isola et al. 2016, arXiv:1611.07004, section 6.1.2: the 1x1 discriminator, C64-C128 with 1x1 filters."""
    chain = "conv(1, 64) -> leaky_relu(0.2) -> conv(1, 128) -> batchnorm -> leaky_relu(0.2) -> score = conv(1, 1)"
    graph = load_text(f"archcalc: 1\ninput: [6, 256, 256]\nlayers:\n  - {chain}\n")
    assert field(graph, "score") == 1


@pytest.mark.parametrize(
    ("reference", "layer", "size"),
    [("inception_v3", "mixed_7c", 1311), ("inception_v4", "mixed7", 2071), ("resnet50_v1", "layer4", 483)],
)
def test_fields_equal_those_of_a_library(reference: str, layer: str, size: int) -> None:
    """Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill; its table."""
    assert field(network(reference), layer) == size


def test_keras_counts_running_statistics_of_xception_as_parameters() -> None:
    """keras.applications.Xception: 22,910,480 parameters, 54,528 of them not trained."""
    graph = network("xception")
    statistics = [w for node in graph for w in node.weights if w.name in ("running_mean", "running_var")]
    assert sum(map(params, graph)) + sum(w.numel for w in statistics) == 22_910_480
    assert sum(w.numel for w in statistics) == 54_528
