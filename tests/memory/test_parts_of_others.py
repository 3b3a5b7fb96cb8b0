"""Memory of layers whose input is a part of another value, so that its elements lie in memory with gaps."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from archcalc.core.axes import Axis
from archcalc.core.volume import Volume, apart
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.layer import Layer
from archcalc.layers.slicing import Slice, Take
from archcalc.memory.footprint import Opaque
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import replace
from tests.memory.footprints import differences, peaks
from tests.memory.test_kernel_peaks import PEAKS, between, learned, node, work

QUICK = 3e5
"""The multiplications of an example that runs here."""


def grown(x: Volume, axes: tuple[Any, ...]) -> Volume:
    """A volume of other axes, whose features stand where those of `x` do."""
    features, spatial = apart(axes, x.channels_last and x.rank > 0)
    return replace(x, channels=features, spatial=spatial)


def taken(x: Volume, place: int) -> tuple[Volume, Layer]:
    axes = [*x.item_shape]
    axes.insert(place - 1, 3)
    return grown(x, tuple(axes)), Take(index=1, axis=Axis(str(place)))


def sliced(x: Volume, place: int, step: int) -> tuple[Volume, Layer]:
    axes = [*x.item_shape]
    axes[place - 1] = axes[place - 1] * step + (step == 1)
    return grown(x, tuple(axes)), Slice(begin=int(step == 1), step=step, axis=Axis(str(place)))


def parts(x: Volume) -> Iterator[tuple[str, Volume, Layer]]:
    """Layers that make a volume of a larger one, along its first axis and its last."""
    last = len(x.item_shape)
    if x.rank < 3:
        yield "one of a last axis", *taken(x, last + 1)
        yield "one of a first axis", *taken(x, 1)
    for place in {1, last}:
        yield f"all but one along {place}", *sliced(x, place, 1)
        yield f"every second along {place}", *sliced(x, place, 2)


def cut(graph: Graph, whole: Volume, part: Layer, learns: bool) -> Graph:
    """The graph of one layer, whose first input is a part of another value."""
    before = (node("whole", learned(whole), ("in0",), (whole,)),) if learns else ()
    made = node("part", part, (before[0].name if before else "in0",), (whole,))
    kept = [each for each in graph.nodes if each.name != "before0"]
    renamed = [
        replace(each, sources=tuple("part" if s in ("before0", "in0") else s for s in each.sources))
        if each.name == "it"
        else each
        for each in kept
    ]
    inputs = (replace(graph.inputs[0], volume=whole), *graph.inputs[1:])
    return replace(graph, inputs=inputs, nodes=(*before, made, *renamed))


def wrong(name: str, only: str = "") -> Iterator[str]:
    """What differs of an example on parts of other values. Where torch takes another way, nothing is predicted."""
    layer, xs = PEAKS[name]
    if not xs or not xs[0].is_floating or xs[0].shared or xs[0].plain or work(between(layer, xs)) > QUICK:
        return
    for word, whole, part in parts(xs[0]):
        if part.shape(whole) != xs[0] or only not in word or (xs[0].rank == 3 and word.startswith("one")):
            continue
        for learns in (True, False):
            graph = cut(between(layer, xs, learning=range(9) if learns else ()), whole, part, learns)
            with suppress(Opaque):
                if off := {figure: nbytes for figure, nbytes in peaks(graph).items() if nbytes}:
                    yield f"{word} of {name}, learns: {learns}: {off}"


QUICKEST = (
    ("attend-1", "one of a last axis"),
    ("attend-1", "all but one along 1"),
    ("attention-2", "one of a last axis"),
    ("flatten-1", "one of a last axis"),
    ("flatten-1", "every second along 2"),
    ("grn-0", "one of a last axis"),
    ("rearrange-5", "one of a last axis"),
    ("reshape-5", "one of a last axis"),
)


@pytest.mark.parametrize(("name", "word"), QUICKEST)
def test_a_layer_on_a_part_of_another_value_allocates_the_predicted_bytes(name: str, word: str) -> None:
    assert list(wrong(name, word)) == []


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(10))
def test_all_layers_on_parts_of_other_values_allocate_the_predicted_bytes(first: int) -> None:
    assert [each for name in [*PEAKS][first::10] for each in wrong(name)] == []


TEXTS = {
    "features of one position are moved to the other end": """
input: {a: {shape: [4, 6], channels_last: true}}
layers:
  - a -> rearrange("b (p c) d -> b (c d) p", first, c=4) -> rmsnorm
  - rearrange("b c 1 -> b 1 c", last) -> linear(2)
""",
    "a weight whose gradient is a view is used twice": """
input: {a: {shape: [2, 12], channels_last: true}}
layers:
  - a -> linear(12) -> first = class_token
  - first()
""",
    "one element of each row, in other axes": """
input: {a: [6, 6, 4]}
layers:
  - a -> relu -> part = take(3, axis=3)
  - part -> flat = reshape(36)
  - part -> sums = reduce(sum, 1, keep=true)
outputs: [flat, sums]
""",
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_network_allocates_the_predicted_bytes(case: str) -> None:
    assert not any(peaks(load_text(f"archcalc: 1{TEXTS[case]}")).values())


def test_attention_to_features_that_do_not_lie_side_by_side_is_not_predicted() -> None:
    graph = load_text("archcalc: 1\ninput: [16, 6]\nlayers:\n  - t = tokens\n  - {attend: [t, t, t], num_heads: 2}\n")
    with pytest.raises(Opaque, match="do not lie side by side"):
        peaks(graph)


WHOLE = {
    "of an output": "y = position_embedding",
    "seen with other axes": "position_embedding -> y = flatten",
    "turned": "position_embedding -> y = channels_first",
    "of a value that others read too": "y = position_embedding -> z = linear(3)\n  - y -> w = linear(2)",
    "of a part of another": "v = position_embedding\n  - {concat: [v, b], axis: 1, name: y}",
    "of what is read twice": "x = relu -> position_embedding -> y = gelu\n  - x -> z = linear(5)",
    "of a table that is used three times": (
        "v = position_embedding\n  - {concat: [v, b], axis: 1, name: c}\n"
        "  - c -> slice(1, 5, axis=1) -> y = v()\n  - c -> slice(2, 6, axis=1) -> z = v()"
    ),
    "of values that are added": "y = learned([1, 4, 5], op=add) -> z = linear(3)\n  - y -> w = linear(2)",
    "of what learns alone": "y = relu\n  - v = learned([4, 5])\n  - v -> z = position_embedding\n"
    "  - v -> w = linear(4)",
}


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("before", ["", "linear(5) -> ", "relu -> "])
@pytest.mark.parametrize("case", WHOLE)
def test_a_gradient_that_becomes_that_of_a_weight(case: str, before: str, accumulate: bool) -> None:
    """In a batch of one it is the one that comes in, or a copy of it where something else has it."""
    it = "input: {b: {shape: [4, 5], channels_last: true}}"
    outputs = ", ".join(name for name in "yzw" if f"{name} = " in WHOLE[case] or f"name: {name}" in WHOLE[case])
    graph = load_text(f"archcalc: 1\n{it}\nlayers:\n  - b -> {before}{WHOLE[case]}\noutputs: [{outputs}]\n")
    found = differences(graph, TrainingSetup(accumulate=accumulate))
    assert {figure: nbytes for figure, nbytes in found.items() if nbytes} == {}


def test_windows_that_overlap_are_not_predicted() -> None:
    with pytest.raises(Opaque, match="windows"):
        peaks(load_text("archcalc: 1\ninput: [3, 4, 3]\nlayers:\n  - batchnorm -> unfold(3, p1)\n"))
