"""The zoo: every spec and variant names its source, and its numbers equal the published ones."""

import math
import re
import statistics
from collections import Counter
from itertools import islice, pairwise

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.layer import Role
from archcalc.lint.expectation import failures
from archcalc.measures.arithmetic import macs, operations
from archcalc.measures.params import buffers, params, trainable_params
from archcalc.measures.receptive_field import receptive_fields
from archcalc.spec.zoo import SCHEMA, text_of
from archcalc.verification import verify
from archcalc.verification.network import on_meta, silent
from archcalc.verification.structure.sizes import other_sizes
from tests.networks.zoo import FILES, SPECS, document, network, paper_table, published, references
from tests.torch_oracle import measured

REFERENCES = list(references())


# --- every spec ---------------------------------------------------------------------------------------------------


def test_every_network_of_the_lectures_is_there() -> None:
    assert {
        "linear_classifier", "two_layer", "mnist_cnn", "cifar10_cnn", "lenet5", "lenet5_1998", "lenet5_fcn", "alexnet",
        "caffenet", "zfnet", "vgg16@vgg11", "vgg16@vgg11_lrn", "vgg16@vgg13", "vgg16@vgg16_c", "vgg16", "vgg16@vgg19",
        "nin", "inception_naive", "inception_reduced", "googlenet", "googlenet_aux", "resnet18", "resnet18@resnet34",
        "resnet50", "resnet50@resnet101", "resnet50@resnet152",
    } <= set(REFERENCES)  # fmt: skip


def test_the_folder_contains_nothing_else() -> None:
    assert sorted(SPECS.iterdir()) == sorted([*FILES, SPECS / SCHEMA])


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_spec_describes_itself_and_names_its_sources(reference: str) -> None:
    found = document(reference)
    assert found.name
    assert found.about.endswith(".")
    assert found.citation
    assert {each.key.text for each in found.expect} & {"params", "operations"}


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_spec_has_the_published_numbers(reference: str) -> None:
    assert list(failures(network(reference), document(reference))) == []


HEAVY = {"hrnet"}
"""Networks of very many layers, which `make zoo` runs as a whole; every run checks their layers."""

each_file = pytest.mark.parametrize("reference", [path.stem for path in FILES])
each_light_file = pytest.mark.parametrize(
    "reference", [pytest.param(p.stem, marks=pytest.mark.zoo if p.stem in HEAVY else ()) for p in FILES]
)


@each_light_file
def test_a_spec_agrees_with_torch(reference: str) -> None:
    """The whole network at its own size: what it keeps, and every layer's volume and MACs in one forward pass."""
    rows = list(on_meta(network(reference), silent))
    assert len(rows) == 8
    assert [row for row in rows if row.agrees is not True] == []


@each_file
def test_every_layer_of_a_spec_agrees_with_torch_at_other_sizes(reference: str) -> None:
    """At an odd size, and at one of unequal axes where there are several, in other batches.

    Layers that are alike are run once, in whatever networks they are.
    """
    graph = network(reference)
    ranks = max(each.volume.rank for each in graph.inputs)
    for other in islice(other_sizes(document(reference), graph, "float32"), max(1, min(ranks, 2))):
        assert other.graph or other.refused  # what is built for one length of its input takes no other
        for node in other.graph or ():
            at_torch = measured(node.layer, node.inputs)
            assert at_torch == (node.output.shape, node.output.dtype, macs(node)), node.name


@pytest.mark.zoo
@each_file
def test_a_spec_agrees_with_torch_at_other_sizes(reference: str) -> None:
    """The whole network again."""
    certificate = verify(document(reference), device="meta", sizes=0)
    assert len(certificate.rows) >= 10
    assert [row for row in certificate.rows if row.agrees is not True] == []


@pytest.mark.zoo
@pytest.mark.parametrize("reference", REFERENCES)
def test_a_spec_and_its_closed_forms_agree_with_torch(reference: str) -> None:
    certificate = verify(document(reference), device="meta", sizes=6)
    assert [row for row in certificate.rows if row.agrees is not True] == []


LARGE = 400_000_000
"""The maximum number of parameters of a network that is run."""


@pytest.mark.fuzz
@pytest.mark.parametrize("reference", REFERENCES)
def test_dye_reaches_every_field_border(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real run, with dye at the first and last element of every layer's field, without a time limit."""
    if sum(map(params, network(reference))) > LARGE:
        pytest.skip("too many parameters to run here")
    monkeypatch.setattr("archcalc.verification.field.dye.SECONDS", math.inf)
    certificate = verify(document(reference), device="cpu", sizes=64, memory=False)
    assert certificate.agrees
    for met, borders in re.findall(r"([\d,]+) of ([\d,]+) field borders", certificate.rows[-1].quantity):
        assert met == borders


LONG = {"hrnet", "sd_unet", "yolov8n"}
"""Networks of many different parts: up to 80 lines."""


def test_specs_are_short() -> None:
    lines = [sum(1 for line in text_of(path.stem).splitlines() if line.strip()) for path in FILES]
    assert statistics.median(lines) <= 30
    assert {path.stem for path, count in zip(FILES, lines, strict=True) if count > 42} <= LONG
    assert max(lines) <= 80


# --- what torchvision publishes -----------------------------------------------------------------------------------

TORCHVISION = {
    "vgg11": "vgg16@vgg11", "vgg13": "vgg16@vgg13", "vgg16": "vgg16", "vgg19": "vgg16@vgg19",
    "resnet18": "resnet18", "resnet34": "resnet18@resnet34", "resnet50": "resnet50",
    "resnet101": "resnet50@resnet101", "resnet152": "resnet50@resnet152",
    "densenet121": "densenet121", "mobilenet_v2": "mobilenet_v2",
}  # fmt: skip
"""torchvision's AlexNet and GoogLeNet are left out, because they differ: one tower; batch norm and no 5x5."""


@pytest.mark.parametrize("model", TORCHVISION)
def test_the_totals_equal_those_of_torchvision(model: str) -> None:
    [row] = (row for row in published("torchvision_totals") if row["builder"] == model)
    graph = network(TORCHVISION[model])
    assert sum(map(params, graph)) == int(row["num_params"])
    assert round(sum(map(macs, graph)) / 1e9, 3) == float(row["ops_gmacs"])


@pytest.mark.parametrize("model", TORCHVISION)
def test_the_smallest_input_equals_that_of_torchvision(model: str) -> None:
    """Without fc layers, whose adaptive pooling accepts any size, a network accepts the same sizes as torchvision's."""
    [row] = (row for row in published("torchvision_totals") if row["builder"] == model)
    least = int(row["min_size"].partition("x")[0])
    assert valid(TORCHVISION[model], least)
    assert least == 1 or not valid(TORCHVISION[model], least - 1)


def valid(reference: str, size: int) -> bool:
    try:
        build(document(reference), sizes={"input": (3, size, size)})
    except SpecError:
        return False
    return True


# --- what Keras publishes, layer by layer -------------------------------------------------------------------------

KERAS = {
    "Conv2D": "conv",
    "MaxPooling2D": "maxpool",
    "Dense": "linear",
    "BatchNormalization": "batchnorm",
    "Add": "add",
}

Line = tuple[str, tuple[int, ...], int]


def keras_lines(model: str) -> list[Line]:
    rows = (row for row in published("keras_layers") if row["model"] == model and row["cls"] in KERAS)
    return [(KERAS[row["cls"]], item_shape(row["output_shape"]), int(row["params"])) for row in rows]


def item_shape(text: str) -> tuple[int, ...]:
    """Keras's `[null, 56, 56, 64]` in our order: (64, 56, 56)."""
    *spatial, channels = (int(n) for n in text.strip("[]").split(",")[1:])
    return (channels, *spatial)


def our_lines(graph: Graph) -> list[Line]:
    known = set(KERAS.values())
    return [(n.layer.name, n.output.item_shape, params(n)) for n in graph if n.layer.name in known]


@pytest.mark.parametrize(("model", "reference"), [("VGG16", "vgg16"), ("VGG19", "vgg16@vgg19")])
def test_every_layer_of_vgg_equals_that_of_keras(model: str, reference: str) -> None:
    assert our_lines(network(reference)) == keras_lines(model)


def test_every_layer_of_resnet50_v1_equals_that_of_keras() -> None:
    """Keras has a bias before each norm, and counts running statistics as parameters."""

    def theirs(line: Line) -> Line:
        name, shape, count = line
        return name, shape, {"conv": count - shape[0], "batchnorm": count // 2}.get(name, count)

    assert Counter(our_lines(network("resnet50_v1"))) == Counter(map(theirs, keras_lines("ResNet50")))


# --- numbers in papers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", paper_table("lenet5"), ids=lambda row: row["layer"])
def test_every_layer_of_lenet5_equals_that_of_the_paper(row: dict[str, int]) -> None:
    """The paper's connections include biases, like the lectures' operations."""
    node = network("lenet5_1998")[str(row["layer"])]
    assert node.output.channels == row["maps"]
    assert max(node.output.spatial, default=1) == row["out_hw"]
    assert trainable_params(node) == row["params"]
    assert operations(node) == row["connections"]


def test_lenet5_has_the_totals_of_the_paper() -> None:
    graph = network("lenet5_1998")
    assert sum(map(trainable_params, graph)) == 60_000
    assert sum(map(operations, graph)) == 340_908


def test_the_modern_lenet5_equals_that_of_the_tutorials() -> None:
    *layers, whole = paper_table("lenet5_modern")
    found = [params(node) for node in network("lenet5") if params(node)]
    assert found == [row["params"] for row in layers]
    assert sum(found) == whole["params"]


@pytest.mark.parametrize("row", paper_table("vgg_table2"), ids=lambda row: row["config"])
def test_the_configurations_of_vgg_have_the_parameters_of_table_2(row: dict[str, int]) -> None:
    references = {
        "A": "vgg16@vgg11", "A-LRN": "vgg16@vgg11_lrn", "B": "vgg16@vgg13", "C": "vgg16@vgg16_c", "D": "vgg16",
        "E": "vgg16@vgg19",
    }  # fmt: skip
    found = sum(map(params, network(references[str(row["config"])])))
    assert found == row["params_exact"]
    assert round(found / 1e6) == row["params_M_paper"]


@pytest.mark.parametrize(
    ("reference", "depth"),
    [
        ("alexnet", 8), ("vgg16@vgg11", 11), ("vgg16@vgg13", 13), ("vgg16", 16), ("vgg16@vgg16_c", 16),
        ("vgg16@vgg19", 19), ("googlenet", 22), ("resnet18", 18), ("resnet18@resnet34", 34), ("resnet50", 50),
        ("resnet50@resnet101", 101), ("resnet50@resnet152", 152),
        ("densenet121", 121), ("densenet121@densenet169", 169), ("densenet121@densenet201", 201),
    ],
)  # fmt: skip
def test_a_network_has_the_depth_in_its_name(reference: str, depth: int) -> None:
    """Depth is the number of layers with weights on the longest path; 22 for GoogLeNet, as in its paper."""
    graph = network(reference)
    reached = {each.name: 0 for each in graph.inputs}
    for node in graph:
        own = 1 if node.layer.role is Role.CONTRACTION else 0
        reached[node.name] = own + max(reached[source] for source in node.sources)
    assert max(reached.values()) == depth


def test_moving_the_stride_to_the_3x3_keeps_the_parameters_and_narrows_the_field() -> None:
    """v1.5 compared with v1: 8, 16 and 32 pixels less at the three stages that halve the size."""
    first, later = network("resnet50_v1"), network("resnet50")
    assert sum(map(params, first)) == sum(map(params, later))
    assert sum(map(buffers, first)) == sum(map(buffers, later))
    sizes = [receptive_fields(graph)[graph["layer4"].name][0].size for graph in (first, later)]
    assert sizes == [483, 427]
    assert sizes[0] - sizes[1] == 8 + 16 + 32


def test_the_fully_convolutional_lenet5_scores_a_page_in_steps_of_four() -> None:
    found = {n: scores(n) for n in range(32, 64)}
    assert found == {n: (n - 28) // 4 for n in range(32, 64)}
    assert all(after - before in (0, 1) for before, after in pairwise(found.values()))


def scores(n: int) -> int:
    """The rows of scores that the fully convolutional LeNet-5 outputs for n rows of pixels."""
    graph = build(document("lenet5_fcn"), sizes={"input": (1, n, 32)})
    rows, columns = graph[graph.outputs[0]].output.spatial
    assert columns == 1
    return int(rows)
