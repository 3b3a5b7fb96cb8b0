"""Learned values in a chain, and on their own."""

import re
from typing import Any

import pytest

from archcalc.closed_forms.solve import solve
from archcalc.codegen.source import generate
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.loading import load_text
from archcalc.measures.arithmetic import macs
from archcalc.measures.output_bytes import output_bytes
from archcalc.measures.params import params
from archcalc.spec.document import one_liner, read_document
from archcalc.sym.expr import Expr
from archcalc.verification import verify


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(
    "chain",
    [
        "tokens -> linear(8) -> learned([5, 8], op=add)",
        "tokens -> linear(8) -> learned([1, 5, 8], op=mul)",
        "tokens -> linear(8) -> learned([1], op=mul, init=0)",
        "tokens -> linear(1) -> learned([5, 8], op=mul) -> learned([8], op=add)",
        "conv(3, 4, p1) -> learned([4, 1], op=add)",
    ],
)
def test_values_are_stored_once_and_used_for_each_sample(chain: str, batch: int) -> None:
    """Sizes, MACs, and memory to the byte, with what backward keeps."""
    certificate = verify(one_liner(f"input(6, 5) -> {chain} -> relu"), batch=batch, device="cpu", sizes=4)
    assert [row for row in certificate.rows if row.agrees is False] == []
    assert any(row.quantity == "training peak, bytes" for row in certificate.rows)


SHARED = {
    "queries": """
  - tokens -> h = linear(8)
  - learned([3, 8]) -> queries = linear(8)
  - attention(2) -> cross_attention(2, h) -> relu""",
    "a context": """
  - context = learned([3, 8])
  - input -> tokens -> linear(8) -> cross_attention(2, context) -> relu""",
    "one after the other": """
  - tokens -> h = linear(8)
  - prefix = learned([3, 8])
  - {concat: [prefix, h, "constant(0, [1, 8])"], axis: length}
  - attention(2)""",
    "element by element": """
  - conv(3, 4, p1) -> h = relu
  - learned([4]) -> linear(4) -> scale = sigmoid
  - mul: [h, scale]
  - sub: [prev, "constant([1, 2, 3, 4])"]
  - div: ["learned([4, 1], init=2) -> exp", prev]
  - add: [prev, "learned([4, 5])", h]""",
    "the smaller one has the samples": """
  - reduce(mean, length) -> linear(4) -> h = sigmoid
  - learned([4, 3, 3]) -> conv(3, 4, p1)
  - mul: [prev, h]
  - conv(3, 2)""",
    "a choice": """
  - tokens -> h = linear(1)
  - gone = constant([0, 0, 1, 0, 1], [5, 1])
  - where: ["learned([5, 1])", "learned([1, 8])", h]
  - mask(gone)""",
    "a mask": """
  - tokens -> h = linear(8)
  - learned([5, 8]) -> mask(h, 0)
  - add: [prev, h]""",
    "rows of other tokens": """
  - tokens -> h = linear(3)
  - keys = learned([4, 3])
  - h -> einsum(btc, bkc, btk, keys) -> softmax -> relu""",
    "side by side": """
  - tokens -> h = linear(8)
  - stack: [h, "learned([5, 8])"]
  - rearrange("b s t c -> b (s t) c", last) -> linear(2)""",
}


def text_of(layers: str) -> str:
    return f"archcalc: 1\ninput: [6, 5]\nlayers:{layers}\n"


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("layers", SHARED.values(), ids=SHARED)
def test_what_all_samples_share_is_there_once_and_is_repeated_where_it_has_to_be(layers: str, batch: int) -> None:
    """Sizes, MACs, closed forms in the batch, and memory to the byte, with what backward keeps."""
    document = read_document(Source("shared.yaml", text_of(layers)))
    certificate = verify(document, batch=batch, device="cpu", sizes=4)
    dyed = "mask" in layers  # a dye does not change the sign of a condition
    wrong = [row for row in certificate.rows if row.agrees is False and not (dyed and "by dye" in row.quantity)]
    assert wrong == []
    assert any(row.quantity == "training peak, bytes" for row in certificate.rows)
    free = with_free(document, ["N"])
    at = build(document, batch=batch)
    for quantity in (macs, params, output_bytes):
        assert valued(sum(map(quantity, free)), batch) == sum(map(quantity, at))


def valued(formula: Any, batch: int) -> Any:
    return formula.at(N=batch) if isinstance(formula, Expr) else formula


def test_a_batch_costs_nothing_of_what_its_samples_share() -> None:
    graphs = [build(one_liner("input(6, 5) -> learned([3, 8]) -> linear(4)"), batch=n) for n in (1, 7)]
    assert [sum(map(params, graph)) for graph in graphs] == [24 + 36, 24 + 36]
    assert [sum(map(macs, graph)) for graph in graphs] == [96, 96]
    assert [graph["learned1"].output.nbytes for graph in graphs] == [96, 96]


def test_generated_source_repeats_nothing_that_is_broadcast() -> None:
    sources = [generate(load_text(text_of(layers))).text for layers in SHARED.values()]
    counts = [len(re.findall(r"\.expand\(\w+\.shape", source)) for source in sources]
    assert dict(zip(SHARED, counts, strict=True)) == {
        "queries": 1, "a context": 1, "one after the other": 2, "element by element": 0,
        "the smaller one has the samples": 0, "a choice": 0, "a mask": 1, "rows of other tokens": 1, "side by side": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("learned([4, 8], op=add)", "learned values of size [4, 8] do not fit [5, 6]"),
        ("learned([2, 5, 6], op=add)", "learned values of size [2, 5, 6] do not fit [5, 6]"),
        ("learned([0])", "size must be at least 1, got 0"),
        ("learned([])", "learned values have at least 1 axis; write [1] for one number"),
        ("learned([1, 2, 3, 4, 5, 6, 7])", "learned values have 1 to 6 axes, got 7"),
        ("constant([1, 2, 3], [2, 2])", "size [2, 2] has 4 places, and there are 3 numbers"),
        ("constant([])", "a constant has at least one number"),
    ],
)
def test_what_does_not_fit_is_refused(call: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        build(one_liner(f"input(6, 5) -> tokens -> {call}"))
    assert raised.value.diagnostics[0].message == message


def test_a_table_fits_its_own_length_and_one_token() -> None:
    graph = with_free(one_liner("input(6, 5) -> tokens -> learned([5, 6], op=add)"))
    assert list(solve(graph, "T").fits.first(9)) == [1, 5]
