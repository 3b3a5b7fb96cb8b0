"""Learned values in a chain, and on their own."""

import pytest

from archcalc.closed_forms.solve import solve
from archcalc.core.diagnostic import SpecError
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params
from archcalc.spec.document import one_liner
from archcalc.verification import verify


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(
    "chain",
    [
        "tokens -> linear(8) -> learned([5, 8])",
        "tokens -> linear(8) -> learned([1, 5, 8], op=mul)",
        "tokens -> linear(8) -> learned([1], op=mul, init=0)",
        "tokens -> linear(1) -> learned([5, 8], op=mul) -> learned([8])",
        "conv(3, 4, p1) -> learned([4, 1])",
        "learned_values([3, 8]) -> attention(2)",
        "learned_values([2, 4, 4]) -> conv(3, 2)",
    ],
)
def test_values_are_stored_once_and_used_for_each_sample(chain: str, batch: int) -> None:
    """Sizes, MACs, and memory to the byte, with what backward keeps."""
    certificate = verify(one_liner(f"input(6, 5) -> {chain} -> relu"), batch=batch, device="cpu", sizes=4)
    assert [row for row in certificate.rows if row.agrees is False] == []
    assert any(row.quantity == "training peak, bytes" for row in certificate.rows)


def test_the_number_of_parameters_does_not_depend_on_the_batch() -> None:
    graphs = [build(one_liner("input(6, 5) -> learned_values([3, 8]) -> linear(4)"), batch=n) for n in (1, 7)]
    assert [sum(map(params, graph)) for graph in graphs] == [24 + 36, 24 + 36]
    assert [sum(map(macs, graph)) for graph in graphs] == [96, 7 * 96]
    assert [graph["learned_values1"].output.nbytes for graph in graphs] == [96, 7 * 96]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("learned([4, 8])", "learned values of size [4, 8] do not fit [5, 6]"),
        ("learned([2, 5, 6])", "learned values of size [2, 5, 6] do not fit [5, 6]"),
        ("learned([0])", "size must be at least 1, got 0"),
        ("learned_values([1, 2, 3, 4, 5])", "learned values have 1 to 4 axes, got 5"),
    ],
)
def test_what_does_not_fit_is_refused(call: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        build(one_liner(f"input(6, 5) -> tokens -> {call}"))
    assert raised.value.diagnostics[0].message == message


def test_a_table_fits_its_own_length_and_one_token() -> None:
    graph = with_free(one_liner("input(6, 5) -> tokens -> learned([5, 6])"))
    assert list(solve(graph, "T").fits.first(9)) == [1, 5]
