"""Compares counting conventions with the tools they are named after."""

import pytest

from archcalc.measures.arithmetic import flops, fvcore, macs, netscope, operations, scalar
from tests.layers.test_layers import Case, each_case
from tests.measures.fvcore_oracle import counted, counted_in, graph_of, unseen
from tests.networks.test_zoo_language import SMALL, smaller
from tests.networks.zoo import network, published
from tests.torch_oracle import applied, zeros


@pytest.mark.parametrize("row", published("fvcore"), ids=lambda row: row["network"])
def test_fvcore_has_the_same_count(row: dict[str, str]) -> None:
    graph = graph_of(row["network"])
    assert sum(map(fvcore, graph)) - unseen(graph) == int(row["flops"])


OTHERWISE = {
    "einsum": "products without a sum count half, and others are rounded to four digits, as np.einsum_path prints them",
    "locally_connected": "an einsum: rounded to four digits",
    "global_avgpool": "a mean, which it counts if it is a module",
}
"""Layers of which fvcore's count of the generated source is not ours: docs/conventions.md names them."""


@pytest.mark.fuzz
@each_case
def test_fvcore_itself_counts_a_layer_so(case: Case) -> None:
    pytest.importorskip("fvcore.nn", reason="fvcore is not installed: tests/measures/fvcore_oracle.py says how")
    if case.kind in OTHERWISE:
        pytest.skip(OTHERWISE[case.kind])
    module, given = applied(case.layer, case.xs, "cpu"), zeros(case.xs, "cpu")
    if case.kind == "mixture" and case.layer.stated().get("scoring") == "sigmoid":
        with pytest.raises(RuntimeError, match="INTERNAL ASSERT FAILED"):  # torch cannot trace its router
            counted(module, given)
        return
    assert fvcore(case.node) == counted(module, given)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", SMALL)
def test_fvcore_itself_counts_a_language_model_so(name: str) -> None:
    pytest.importorskip("fvcore.nn", reason="fvcore is not installed: tests/measures/fvcore_oracle.py says how")
    graph = smaller(name, SMALL[name])
    assert sum(map(fvcore, graph)) == counted_in(graph)


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
