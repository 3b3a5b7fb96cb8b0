"""Calls that were bound in an earlier network are bound again where anything that they use differs."""

import pytest

from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.remembered import REMEMBERED
from archcalc.spec.document import read_document

SPEC = """
archcalc: 1
params: {w: 8, plain: true, whole: 1, slope: 0.1}
input: [3, 16, 16]
defaults:
  conv: {bias: plain, norm: batchnorm}
  leaky_relu: {negative_slope: slope}
blocks:
  block(c, k=3):
    - conv(k, c, p1, groups=whole) -> leaky_relu
layers:
  - block(w) -> block(2 * w)
  - gap -> fc(10, bias=plain)
variants:
  wide: {w: 16}
  without_bias: {plain: false}
  as_a_number: {whole: 1, w: 8}
  steep: {slope: 0.2}
  rational: {slope: 1}
"""


NAMES = (None, "wide", "without_bias", "as_a_number", "steep", "rational")


def built(*names: str | None) -> dict[str | None, Graph]:
    source = Source("test.yaml", SPEC)
    return {name: build(read_document(source, variant=name)) for name in names}


def forgotten() -> None:
    REMEMBERED.used.clear()
    REMEMBERED.known.clear()


def bound_for(*names: str | None) -> int:
    forgotten()
    built(*names)
    return len(REMEMBERED.known)


def test_variants_are_what_they_are_alone() -> None:
    forgotten()
    together = built(*NAMES)
    for name, graph in together.items():
        forgotten()
        assert built(name)[name].nodes == graph.nodes
    assert together["steep"]["block1.leaky_relu1"].layer != together[None]["block1.leaky_relu1"].layer
    assert not any(weight.name == "bias" for weight in together["without_bias"]["fc1"].weights)


def test_variants_share_the_calls_of_which_nothing_differs() -> None:
    alone = bound_for(None)
    assert bound_for(None, "as_a_number") == alone
    assert bound_for(None, "steep") == bound_for(None, "rational") == alone + 1
    assert bound_for(None, "wide") == alone + 1  # one width of two is new
    assert bound_for(None, "without_bias") == alone + 3  # two convolutions, and the linear layer


def test_calls_are_forgotten_once_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    before = bound_for(None)
    monkeypatch.setattr("archcalc.graph.remembered.MANY", 3)
    assert bound_for(None, "steep", "wide") == before  # those of the last alone
