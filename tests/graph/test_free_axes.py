"""Inputs whose sizes follow from one another, compared with every network that can be built at numbers."""

import json
from itertools import product
from pathlib import Path

import pytest

from archcalc.closed_forms.feasibility import feasible
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.measures.arithmetic import macs
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.sym.expr import expression
from tests.shell import Shell


def document(text: str) -> Document:
    return read_document(Source("net.yaml", "archcalc: 1\n" + text))


STRIDED = """
input: {x: [3, 64], y: [8, 32]}
layers:
  - x -> a = conv(3, 8, s2, p1)
  - add: [a, y]
"""

PYRAMID = """
input: {x: [3, 64], y: [8, 32], z: [8, 16]}
layers:
  - x -> a = conv(3, 8, s2, p1)
  - m = add: [a, y]
  - m -> p = maxpool(2)
  - add: [p, z]
"""

LARGER_SECOND = """
input: {x: [8, 16], y: [3, 64]}
layers:
  - y -> a = conv(3, 8, s2, p1) -> b = maxpool(2)
  - add: [x, b]
"""

ENLARGED = """
input: {x: [8, 16], y: [8, 8]}
layers:
  - y -> a = upsample(2)
  - add: [x, a]
"""

SLOPED = """
input: {x: [8, 33], y: [8, 16]}
layers:
  - y -> a = upconv(3, 8, s2)
  - add: [x, a]
"""

PADDED = """
input: {x: [8, 20], y: [8, 16]}
layers:
  - y -> a = pad(2)
  - concat: [x, a]
"""

SHARED_HEAD = """
input: {x: [3, 16], y: [3, 16]}
layers:
  - x -> t = conv(3, 8, p1) -> a = flatten -> f = fc(4)
  - y -> t() -> b = flatten -> g = f()
  - add: [f, g]
"""


CASES = {
    "strided": (STRIDED, "x [3, T], y [8, ⌈T/2⌉]"),
    "pyramid": (PYRAMID, "x [3, T], y [8, ⌈T/2⌉], z [8, ⌊(T + 1)/4⌋]"),
    "larger second": (LARGER_SECOND, "x [8, ⌊(T + 1)/4⌋], y [3, T]"),
    "enlarged": (ENLARGED, "x [8, T], y [8, ⌈T/2⌉]"),
    "sloped": (SLOPED, "x [8, T], y [8, ⌊T/2⌋]"),
    "padded": (PADDED, "x [8, T], y [8, T - 4]"),
    "shared head": (SHARED_HEAD, "x [3, T], y [3, T]"),
}


def at(spec: Document, lengths: dict[str, int]) -> Graph | None:
    """The network with lengths for its inputs; None where it does not fit."""
    sizes = {each.name: each.volume.to(spatial=(lengths[each.name],)).item_shape for each in build(spec).inputs}
    try:
        return build(spec, sizes=sizes)
    except SpecError:
        return None


@pytest.mark.parametrize(("text", "inputs"), CASES.values(), ids=list(CASES))
def test_lengths_that_follow_are_the_only_ones_that_fit(text: str, inputs: str) -> None:
    """From lengths on at which no layer repeats an axis of one element."""
    spec = document(text)
    graph = with_free(spec)
    assert (list(graph.symbols), ", ".join(f"{each.name} {each.volume}" for each in graph.inputs)) == (["T"], inputs)
    fits, total = feasible(graph).of("T"), expression(sum(map(macs, graph)))
    forms = {each.name: expression(each.volume.spatial[0]) for each in graph.inputs}
    root = next(name for name, form in forms.items() if str(form) == "T")
    for t in range(9, 26):
        right = {name: form.at(T=t) for name, form in forms.items()}
        near = [range(max(2, n - 3), n + 4) if name != root else [t] for name, n in right.items()]
        built = [lengths for each in product(*near) if at(spec, lengths := dict(zip(right, each, strict=True)))]
        assert built == ([right] if t in fits else []), t
        if t in fits:
            made = at(spec, right)
            assert made is not None
            assert total.at(T=t) == sum(map(macs, made))


RATIO = """
input: {x: [3, 48], y: [8, 32], z: [8, 16]}
layers:
  - x -> a = conv(3, 8, s3, p1)
  - y -> b = conv(3, 8, s2, p1)
  - add: [a, b]
  - y -> c = maxpool(2)
  - add: [c, z]
"""

REPEATED = """
input: {x: [8, 16, 24], y: [8, 1, 24], z: [8, 8, 1]}
layers:
  - a = add: [x, y]
  - a -> b = conv(3, 8, p1, s2)
  - add: [b, z]
"""

FLATTENED = """
input: {x: [8, 16, 24], y: {shape: [384, 8], channels_last: true}}
layers:
  - x -> a = tokens
  - add: [a, y]
"""

BROKEN = """
input: {x: [3, 64], y: [8, 30]}
layers:
  - x -> a = conv(3, 8, s2, p1)
  - add: [a, y]
"""

MASKED = """
input: {x: [64, 16], mask: [1, 16, 16], names: {shape: [16], dtype: int64, vocab: 10}}
layers:
  - x -> a = tokens
  - names -> e = embedding(10, 64)
  - add: [a, e]
  - attention(4, mask=mask)
"""


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        (REPEATED, "x [8, H, W], y [8, 1, W], z [8, ⌈H/2⌉, 1]"),
        (FLATTENED, "x [8, H, W], y [H·W, 8]"),
        (BROKEN, "x [3, T], y [8, 30]"),
        (MASKED, "x [64, T], mask [1, T, T], names [T]"),
        (RATIO, "x [3, x_T], y [8, 32], z [8, 16]"),
    ],
    ids=["repeated", "flattened", "broken", "masked", "ratio"],
)
def test_only_what_agrees_at_the_sizes_of_the_spec_follows(text: str, inputs: str) -> None:
    graph = with_free(document(text))
    assert ", ".join(f"{each.name} {each.volume}" for each in graph.inputs) == inputs


def test_lengths_that_agree_now_and_then_have_no_letter_in_common() -> None:
    with pytest.raises(SpecError) as refused:
        with_free(document(RATIO), ["T"])
    [said] = refused.value.diagnostics
    assert said.message == "'T' cannot be free: it stands for x_T, y_T, of which none follows from another"
    assert said.notes == ("add1 needs ⌈y_T/2⌉ - ⌈x_T/3⌉ = 0",)
    assert feasible(with_free(document(RATIO), ["x_T"])).of("x_T").first(4) == [46, 47, 48]
    graph = with_free(document(RATIO), ["y_T"])
    assert list(graph.following) == ["z follows y: [8, ⌊y_T/2⌋]"]


def test_what_follows_is_free_by_what_it_follows() -> None:
    with pytest.raises(SpecError) as refused:
        with_free(document(STRIDED), ["y_T"])
    assert refused.value.diagnostics[0].help == "it follows from what can be free: y_T = ⌈T/2⌉"


IMAGES = """archcalc: 1
input: {x: [3, 64, 64], y: [8, 32, 32], z: [8, 16, 16]}
layers:
  - x -> a = conv(3, 8, s2, p1)
  - m = add: [a, y]
  - m -> p = maxpool(2)
  - add: [p, z]
"""


def test_what_follows_is_said(shell: Shell, tmp_path: Path) -> None:
    spec = tmp_path / "images.yaml"
    spec.write_text(IMAGES, encoding="utf-8")
    reported = shell("solve", str(spec), "--for", "H")
    assert "y follows x: [8, ⌈H/2⌉, 32]\nz follows x: [8, ⌊(H + 1)/4⌋, 16]\n" in reported.out
    reported = shell("formula", str(spec))
    assert "z follows x: [8, ⌊(H + 1)/4⌋, ⌊(W + 1)/4⌋]\n" in reported.out
    assert "y follows x: [8, ⌈H/2⌉, 32]\n" in shell("report", str(spec), "--free", "H").out
    answered = json.loads(shell("solve", str(spec), "--for", "W", "--format", "json").out)
    assert answered["following"] == {"y": ["x"], "z": ["x"]}
    assert answered["inputs"]["z"] == ["8", "16", "⌊(W + 1)/4⌋"]


def test_settings_of_a_letter_take_what_follows_with_them(shell: Shell, tmp_path: Path) -> None:
    spec = tmp_path / "images.yaml"
    spec.write_text(IMAGES, encoding="utf-8")
    reported = shell("report", str(spec), "--set", "H=66", "--set", "W=70")
    assert "x [3, 66, 70], y [8, 33, 35], z [8, 16, 17], batch 1" in reported.out
    swept = shell("sweep", str(spec), "--over", "H=32,96", "--columns", "H,macs", "--format", "csv")
    assert [line.split(",")[:2] for line in swept.out.splitlines()[1:]] == [["32", "110592"], ["96", "331776"]]
