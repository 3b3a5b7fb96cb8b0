"""Compares counting conventions with the tools they are named after."""

import pytest

from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain
from archcalc.measures.arithmetic import flops, fvcore, macs, netscope, operations, scalar
from tests.networks.zoo import network, published


def graph_of(name: str) -> Graph:
    """A bundled network, or a chain."""
    return build(document_of_chain(name)) if "->" in name else network(name)


def unseen(graph: Graph) -> int:
    """What fvcore misses in the generated source: means, which it counts only as modules."""
    return sum(node.inputs[0].numel for node in graph if node.layer.name == "global_avgpool")


@pytest.mark.parametrize("row", published("fvcore"), ids=lambda row: row["network"])
def test_fvcore_has_the_same_count(row: dict[str, str]) -> None:
    graph = graph_of(row["network"])
    assert sum(map(fvcore, graph)) - unseen(graph) == int(row["flops"])


NETSCOPE = {
    "input(3, 227, 227) -> conv(11, 96, s4)": 11 * 11 * 55 * 55 * 3 * 96,
    "input(8, 10, 12) -> conv(3x5, 6, s2, padding=[1, 2])": 3 * 5 * 5 * 6 * 8 * 6,
    "input(256, 6, 6) -> fc(4096)": 6 * 6 * 256 * 4096,
    "input(96, 27, 27) -> lrn(5)": 27 * 27 * 96 * 5,
    "input(4, 9, 9) -> batchnorm": 9 * 9 * 4,
    "input(4, 9, 9) -> batchnorm(affine=false)": 0,
    "input(4, 9, 9) -> upconv(4, 6, stride=2, padding=1)": 4 * 6 * 18 * 18 * 2 * 2,
    "input(4, 9, 9) -> maxpool(3, 2) -> relu -> dropout -> softmax": 0,
}
"""The macc column by the formulas of Netscope's analyzer (dgschwend/netscope, src/analyzer.coffee, 2016)."""


@pytest.mark.parametrize(("chain", "expected"), NETSCOPE.items())
def test_netscope_has_the_same_count(chain: str, expected: int) -> None:
    assert sum(map(netscope, graph_of(chain))) == expected


def test_flops_are_twice_the_macs() -> None:
    for node in network("googlenet"):
        assert flops(node) == 2 * macs(node)


def test_a_convolution_with_bias_has_two_scalar_operations_for_each_mac() -> None:
    for node in network("vgg16"):
        if node.layer.name in ("conv", "linear"):
            assert scalar(node) == 2 * macs(node)
            assert operations(node) == macs(node) + node.output.numel


def test_totals_that_were_measured_independently() -> None:
    """VGG-16 at 224x224, computed by brute force and by torch before this project was written."""
    graph = network("vgg16")
    assert sum(map(macs, graph)) == 15_470_264_320
    assert sum(map(flops, graph)) == 30_940_528_640
    assert sum(map(operations, graph)) == 15_489_943_504
