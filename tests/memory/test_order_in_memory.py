"""Volumes whose memory order differs from the order of their axes: the resulting copies, to the byte."""

import pytest
import torch

from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.document import read_document
from tests.memory.footprints import differences

NETWORKS = {
    "gradients of filters are laid out like images": "conv(3, 6, p1) -> layernorm -> conv(3, 64, p1) -> conv(3, 128)",
    "norms, pools and activations keep the order": (
        "conv(3, 6, p1) -> layernorm -> conv(3, 8, p1) -> batchnorm -> relu -> maxpool(2) -> conv(3, 24, p1) -> flatten"
    ),
    "tokens of a channels-last image are contiguous": "conv(3, 6, p1) -> layernorm -> tokens -> fc(16) -> select",
    "moved axes are made contiguous": "conv(3, 64, p1) -> rmsnorm -> flatten",
    "a contiguous volume is not copied": "conv(3, 6, p1) -> layernorm -> rmsnorm -> flatten",
    "group norm accepts images in any order": "conv(3, 6, p1) -> layernorm -> group_norm(2) -> conv(3, 96) -> flatten",
    "group norm copies a part": "conv(3, 8, p1) -> channels(4) -> group_norm(2) -> conv(3, 4) -> flatten",
    "a single position has one order": "conv(3, 6, p1) -> layernorm -> adaptive_avgpool(1) -> flatten",
    "a part of the channels is flattened as a view": "conv(3, 8, p1) -> slice(2, 5) -> flatten -> sigmoid",
    "part of the features is a strided matrix": "conv(3, 8, p1) -> tokens -> fc(12) -> channels(6) -> fc(6)",
}

RESIDUAL = """
  - conv(3, 8, p1)
  - add:
      - layernorm -> conv(3, 8, p1) -> layer_scale(0.1) -> drop_path(0.2)
      - prev
  - mul:
      - gap(keepdim=true) -> conv(1, 8) -> sigmoid
      - prev
  - conv(3, 64, p1)
  - add:
      - prev
      - layernorm -> conv(3, 64, p1)
  - conv(3, 64, p1) -> flatten -> fc(3)
"""

FLATTENED = """
  - stem = conv(3, 8, p1)
  - concat:
      - stem -> conv(1, 3) -> flatten
      - stem -> slice(0, 4) -> flatten
      - stem -> flatten
  - fc(3)
"""

LAYERS = {
    **{name: f" {chain} -> fc(3)" for name, chain in NETWORKS.items()},
    "the first operand decides": RESIDUAL,
    "gradients of flattened parts are views": FLATTENED,
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_figure_equals_the_measured_one(name: str, dtype: str) -> None:
    torch.manual_seed(0)
    text = f"archcalc: 1\nname: it\ninput: [3, 10, 12]\nlayers:{LAYERS[name]}\n"
    graph = build(read_document(Source("net.yaml", text)), batch=3, dtype=dtype)
    assert {figure: nbytes for figure, nbytes in differences(graph).items() if nbytes} == {}


MAPS = {
    "padding": "pad(1)",
    "mirrored padding": "pad(1, mode=reflect)",
    "a smaller part": "crop(border=1)",
    "a smaller map": "resize(scale_factor=0.75)",
    "a larger map": "resize(scale_factor=2, mode=bilinear)",
    "a map by cubics": "resize(size=4, mode=bicubic)",
    "elements that move along an axis": "roll(shift=1)",
    "a function that torch computes in order": "logsigmoid",
    "a norm of groups": "group_norm(2)",
    "maps of one position that grow": "adaptive_avgpool(1) -> conv(1, 5) -> resize(scale_factor=4)",
    "an activation that goes by what it saved": "leaky_relu(0.1)",
}
ENDS = ("conv(1, 3)", "conv(3, 3)", "channels_last -> linear(3)", "relu -> flatten -> linear(2)")


def of_maps(channels: int, layers: str) -> dict[str, int]:
    """What is wrong with the memory of layers on maps whose features lie last in memory."""
    torch.manual_seed(0)
    given = f"{{shape: [5, 6, {channels}], channels_last: true}}"
    text = f"archcalc: 1\nname: it\ninput: {given}\nlayers: linear({channels}) -> channels_first -> {layers}\n"
    graph = build(read_document(Source("net.yaml", text)), batch=2)
    return {figure: nbytes for figure, nbytes in differences(graph).items() if nbytes}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", MAPS)
def test_operations_on_images_keep_features_last(name: str, end: str) -> None:
    assert of_maps(4, f"{MAPS[name]} -> {end}") == {}


@pytest.mark.parametrize(
    "layers",
    ["conv(3, 8)", "dropout(0.2) -> conv(3, 8)", "resize(scale_factor=2) -> conv(1, 4)", "pad(1, mode=replicate)"],
)
def test_maps_of_one_feature_are_contiguous_and_convolutions_make_features_last(layers: str) -> None:
    assert of_maps(1, f"{layers} -> relu -> flatten -> linear(2)") == {}


@pytest.mark.parametrize("given", ["[4, 6]", "[4, 6, 5]", "[4, 3, 6, 5]"])
def test_pooling_to_one_position_is_a_mean_that_keeps_nothing(given: str) -> None:
    text = f"archcalc: 1\nname: it\ninput: {given}\nlayers: conv(1, 4) -> adaptive_avgpool(1) -> conv(1, 3)\n"
    assert not any(differences(build(read_document(Source("net.yaml", text)), batch=2)).values())


TURNED = {
    "learned positions keep the order": "position_embedding(30)",
    "so does a part of their table": "position_embedding(40)",
    "so do computed positions": "sinusoidal_positions",
    "so does a scaled activation": "scaled_tanh",
}


@pytest.mark.parametrize("name", TURNED)
def test_what_is_computed_element_by_element_keeps_the_order(name: str) -> None:
    torch.manual_seed(0)
    layers = f"conv(3, 8, p1) -> tokens -> {TURNED[name]} -> untokens(5, 6) -> conv(3, 4)"
    graph = build(
        read_document(Source("net.yaml", f"archcalc: 1\nname: it\ninput: [3, 5, 6]\nlayers: {layers}\n")), batch=2
    )
    assert {figure: nbytes for figure, nbytes in differences(graph).items() if nbytes} == {}


WAYS_BACK = {
    "a linear map copies a turned gradient": "channels_first -> flatten -> linear(2)",
    "an activation keeps the order of its gradient": "relu -> channels_first -> flatten -> linear(2)",
    "a gradient that is turned twice lies as before": "channels_first -> relu -> channels_last -> linear(6)",
    "the gradient of an output lies as the output": "channels_first",
    "a mean hands on one number for all positions": "channels_first -> gap -> linear(2)",
    "gradients of filters over one axis are contiguous": "channels_first -> conv(3, 60)",
}


@pytest.mark.parametrize("autocast", ["", "bfloat16"])
@pytest.mark.parametrize("name", WAYS_BACK)
def test_gradients_go_back_in_the_order_in_which_values_came(name: str, autocast: str) -> None:
    torch.manual_seed(0)
    given = "{shape: [40, 30], channels_last: true}"
    text = f"archcalc: 1\nname: it\ninput: {given}\nlayers: linear(30) -> {WAYS_BACK[name]}\n"
    graph = build(read_document(Source("net.yaml", text)), batch=2)
    setup = TrainingSetup(autocast=autocast)
    assert {figure: nbytes for figure, nbytes in differences(graph, setup).items() if nbytes} == {}


@pytest.mark.parametrize("autocast", ["", "bfloat16"])
@pytest.mark.parametrize("kind", ["conv", "upconv"])
def test_gradients_of_filters_are_copied_where_they_lie_as_images_do(kind: str, autocast: str) -> None:
    torch.manual_seed(0)
    text = f"archcalc: 1\nname: it\ninput: [30, 4, 4]\nlayers: conv(1, 30) -> layernorm -> {kind}(3, 90) -> relu\n"
    graph = build(read_document(Source("net.yaml", text)), batch=2)
    setup = TrainingSetup(autocast=autocast)
    assert {figure: nbytes for figure, nbytes in differences(graph, setup).items() if nbytes} == {}
