"""Efficient networks and scaled families: published numbers that are not in their specs."""

import math

import pytest

from archcalc import load
from archcalc.core.location import Source
from archcalc.explanation.explanation import explain
from archcalc.explanation.text import as_text
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import buffers, params
from archcalc.memory.footprint import footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.document import read_document
from archcalc.spec.function import make_divisible
from tests.memory.footprints import differences
from tests.memory.test_memory import iteration, sized
from tests.networks.test_zoo import valid
from tests.networks.zoo import network


def totals(graph: Graph) -> tuple[int, float]:
    """Parameters, and MACs in billions (10^9), as torchvision prints them."""
    return sum(map(params, graph)), round(sum(map(macs, graph)) / 1e9, 3)


# --- torchvision --------------------------------------------------------------------------------------------------

TORCHVISION = {
    "squeezenet": (1_248_424, 0.819), "squeezenet@v1_1": (1_235_496, 0.349),
    "mobilenet_v3": (5_483_032, 0.217), "mobilenet_v3_small": (2_542_856, 0.057),
    "mnasnet@a05": (2_218_512, 0.104), "mnasnet@a075": (3_170_208, 0.215),
    "mnasnet": (4_383_312, 0.314), "mnasnet@a13": (6_282_256, 0.526),
    "efficientnet": (5_288_548, 0.386), "efficientnet@b1": (7_794_184, 0.687),
    "efficientnet@b2": (9_109_994, 1.088), "efficientnet@b3": (12_233_232, 1.827),
    "efficientnet@b4": (19_341_616, 4.394), "efficientnet@b5": (30_389_784, 10.266),
    "efficientnet@b6": (43_040_704, 19.068), "efficientnet@b7": (66_347_960, 37.746),
    "efficientnet_v2": (21_458_488, 8.366), "efficientnet_v2@m": (54_139_356, 24.582),
    "efficientnet_v2@l": (118_515_272, 56.08),
    "regnet_x": (5_495_976, 0.414), "regnet_x@x800mf": (7_259_656, 0.8),
    "regnet_x@x1_6gf": (9_190_136, 1.603), "regnet_x@x3_2gf": (15_296_552, 3.177),
    "regnet_x@x8gf": (39_572_648, 7.995), "regnet_x@x16gf": (54_278_536, 15.941),
    "regnet_x@x32gf": (107_811_560, 31.736),
    "regnet_y": (4_344_144, 0.402), "regnet_y@y800mf": (6_432_512, 0.834),
    "regnet_y@y1_6gf": (11_202_430, 1.612), "regnet_y@y3_2gf": (19_436_338, 3.176),
    "regnet_y@y8gf": (39_381_472, 8.473), "regnet_y@y16gf": (83_590_140, 15.912),
    "resnext": (25_028_904, 4.23), "resnext@resnext101_32x8d": (88_791_336, 16.414),
    "resnext@resnext101_64x4d": (83_455_272, 15.46),
    "wide_resnet": (68_883_240, 11.398), "wide_resnet@wide_resnet101": (126_886_696, 22.753),
}  # fmt: skip
"""`num_params` and `_ops` of the weights' `meta` in torchvision.models."""


@pytest.mark.parametrize("reference", TORCHVISION)
def test_the_totals_equal_those_of_torchvision(reference: str) -> None:
    assert totals(network(reference)) == TORCHVISION[reference]


@pytest.mark.parametrize(("reference", "least"), [("squeezenet", 21), ("squeezenet@v1_1", 17), ("efficientnet", 1)])
def test_the_smallest_input_equals_that_of_torchvision(reference: str, least: int) -> None:
    assert valid(reference, least)
    assert least == 1 or not valid(reference, least - 1)


# --- MobileNet ----------------------------------------------------------------------------------------------------


TABLES_6_AND_7 = [
    (1, 224, 569, 4.2), (0.75, 224, 325, 2.6), (0.5, 224, 149, 1.3), (0.25, 224, 41, 0.5),
    (1, 192, 418, 4.2), (1, 160, 290, 4.2), (1, 128, 186, 4.2),
]  # fmt: skip
"""Alpha, resolution, millions of mult-adds and of parameters: Howard et al. 2017, arXiv:1704.04861."""


@pytest.mark.parametrize(("alpha", "size", "millions", "weights"), TABLES_6_AND_7)
def test_mobilenet_has_the_size_in_its_paper(alpha: float, size: int, millions: int, weights: float) -> None:
    graph = load("mobilenet_v1", settings={"alpha": str(alpha), "size": str(size)})
    assert abs(sum(map(macs, graph)) / 1e6 - millions) < 1  # 290.7 is printed as 290
    assert abs(sum(map(params, graph)) / 1e6 - weights) < 0.05


def test_keras_counts_the_running_statistics_of_mobilenet_as_parameters() -> None:
    graph = network("mobilenet_v1")
    counters = sum(node.layer.name == "batchnorm" for node in graph)  # batch counters, which Keras does not have
    assert sum(map(params, graph)) + sum(map(buffers, graph)) - counters == 4_253_864


# --- RegNet -------------------------------------------------------------------------------------------------------

REGNETS = {
    "regnet_x": (22, 24, 24.48, 2.54, 16), "regnet_x@x800mf": (16, 56, 35.73, 2.28, 16),
    "regnet_x@x1_6gf": (18, 80, 34.01, 2.25, 24), "regnet_x@x3_2gf": (25, 88, 26.31, 2.25, 48),
    "regnet_x@x8gf": (23, 80, 49.56, 2.88, 120), "regnet_x@x16gf": (22, 216, 55.59, 2.1, 128),
    "regnet_x@x32gf": (23, 320, 69.86, 2.0, 168),
    "regnet_y": (16, 48, 27.89, 2.09, 8), "regnet_y@y800mf": (14, 56, 38.84, 2.4, 16),
    "regnet_y@y1_6gf": (27, 48, 20.71, 2.65, 24), "regnet_y@y3_2gf": (21, 80, 42.63, 2.66, 24),
    "regnet_y@y8gf": (17, 192, 76.82, 2.19, 56), "regnet_y@y16gf": (18, 200, 106.23, 2.48, 112),
}  # fmt: skip
"""Depth, w_0, w_a, w_m and the channels per group, as in torchvision.models.regnet."""


@pytest.mark.parametrize("reference", REGNETS)
def test_the_widths_of_a_regnet_lie_on_a_line(reference: str) -> None:
    """The width of block j is w_0 + w_a j, rounded to w_0 times a power of w_m, to a multiple of 8, and to full groups.

    Source: Radosavovic et al. 2020, arXiv:2003.13678, equations 2 to 4.
    """
    depth, first, slope, factor, group = REGNETS[reference]
    widths = []
    for j in range(depth):
        power = round(math.log((first + slope * j) / first) / math.log(factor))
        width = 8 * round(first * factor**power / 8)
        widths.append(make_divisible(width, min(group, width)))
    graph = network(reference)
    assert [node.output.channels for node in graph if node.layer.name == "add"] == widths


def test_the_largest_regnets_are_a_setting_away() -> None:
    y32 = {"widths": "[232, 696, 1392, 3712]", "depths": "[2, 5, 12, 1]", "group": "232"}
    y128 = {"widths": "[528, 1056, 2904, 7392]", "depths": "[2, 7, 17, 1]", "group": "264"}
    assert totals(load("regnet_y", settings=y32)) == (145_046_770, 32.28)
    assert totals(load("regnet_y", settings=y128)) == (644_812_894, 127.518)


# --- gates -------------------------------------------------------------------------------------------------------


GATED = """
archcalc: 1
name: Gated
input: [3, 18, 21]
defaults:
  conv: {padding: same, norm: batchnorm, act: silu}
blocks:
  gate(squeezed, act):
    - mul:
        - gap(keepdim=true) -> conv(1, squeezed, norm=none) -> conv(1, x.channels, norm=none, act=act)
        - prev
  residual:
    - add:
        - conv(1, 4 * x.channels) -> conv(3, 4 * x.channels, groups=4 * x.channels) -> gate(4, sigmoid)
          -> conv(1, x.channels, act=none)
        - prev
layers:
  - conv(3, 8, s2, act=hardswish) -> gate(8, hardsigmoid) -> residual * 2
  - conv(1, 32) -> gap -> dropout(0.2) -> fc(5)
"""


def test_a_product_is_explained_by_the_volume_its_gate_is_broadcast_to() -> None:
    graph = build(read_document(Source("gated.yaml", GATED)))
    assert "H' = H = 9 " in as_text(explain(graph, "gate1.mul1"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gates_use_the_predicted_memory(dtype: str) -> None:
    graph = build(read_document(Source("gated.yaml", GATED)), batch=2, dtype=dtype)
    assert set(differences(graph).values()) == {0}


@pytest.mark.fuzz
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("batch", "size"), [(2, None), (3, (3, 97, 113))])
@pytest.mark.parametrize("reference", ["efficientnet", "mobilenet_v3"])
def test_networks_with_gates_use_the_predicted_memory(
    reference: str, batch: int, size: tuple[int, ...] | None, dtype: str
) -> None:
    graph, adamw = sized(reference, batch, size, dtype), read_optimizer("adamw")
    assert {figure: nbytes for figure, nbytes in differences(graph).items() if nbytes} == {}
    assert footprint_of(graph, TrainingSetup(optimizer=adamw)).iteration == iteration(graph, adamw)
