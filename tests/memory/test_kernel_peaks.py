"""Compares every layer's kernels with the allocator's events, forward and backward. No layer is named here.

Each example runs between two trained layers, so that gradients flow through it, with a batch of 2.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from archcalc.core.kernel import Run
from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph, Input, Node
from archcalc.layer import Layer, Merge
from archcalc.layers.conv import Conv
from archcalc.layers.linear import Linear
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params
from archcalc.memory.footprint import Opaque
from tests.memory.footprints import peaks
from tests.memory.test_kernels import CASES

LARGE = 3_000_000
"""The maximum number of elements of an example that runs here."""

WIDE = 4096
"""The maximum number of features that the layers before and after it map."""


def learned(x: Volume) -> Layer:
    """A layer with weights that keeps the shape of a volume."""
    return (
        Linear(out_features=x.channels)
        if x.channels_last or not x.rank
        else Conv(out_channels=x.channels, kernel_size=1)
    )


def node(name: str, layer: Layer, sources: tuple[str, ...], inputs: tuple[Volume, ...]) -> Node:
    return Node(name, layer, sources, inputs, (layer.shape(*inputs),), name)


def between(
    layer: Layer, xs: tuple[Volume, ...], *, learning: Collection[int] = range(99), frozen: bool = False
) -> Graph:
    """`learning`: the inputs with a trained layer before them; `frozen`: its own weights are not trained."""
    inputs = tuple(Input(f"in{i}", x) for i, x in enumerate(xs))
    learns = [i for i, x in enumerate(xs) if x.is_floating and i in learning]
    before = tuple(node(f"before{i}", learned(xs[i]), (f"in{i}",), (xs[i],)) for i in learns)
    into = tuple(f"before{i}" if i in learns else f"in{i}" for i in range(len(xs)))
    it = replace(node("it", layer, into, xs), frozen=frozen)
    after = node("after", learned(it.output), ("it",), (it.output,))
    return Graph("one", inputs, (*before, it, after), ("after",))


def cases() -> Iterator[tuple[str, Layer, tuple[Volume, ...]]]:
    for name, (layer, xs) in CASES.items():
        y = layer.shape(*xs)
        small = sum(each.numel for each in (*xs, y)) < LARGE
        if small and all(each.rank <= 3 and each.channels <= WIDE for each in (*xs, y)):
            yield name, layer, tuple(x if x.shared else replace(x, batch=2) for x in xs)


PEAKS = {name: (layer, xs) for name, layer, xs in cases()}

MUCH = 500_000_000
"""The maximum work of an example in every run, if its layer has another one; `make fuzz` also runs the larger ones."""


def work(graph: Graph) -> int:
    """The multiplications in the forward pass, and an estimate for allocating weights and their gradients."""
    return int(sum(macs(node) + 50 * params(node) for node in graph))


def examples() -> Iterator[Any]:
    """The quick examples, and for every layer the quickest one."""
    works = {name: work(between(*PEAKS[name])) for name in PEAKS}
    least: dict[str, str] = {}
    for name in sorted(works, key=works.__getitem__):
        least.setdefault(PEAKS[name][0].name, name)
    for name in PEAKS:
        quick = works[name] <= MUCH or name in least.values()
        yield pytest.param(name, marks=() if quick else pytest.mark.fuzz)


@pytest.mark.parametrize("name", list(examples()))
def test_a_layer_allocates_the_predicted_bytes(name: str) -> None:
    torch.manual_seed(0)
    assert set(peaks(between(*PEAKS[name])).values()) == {0}


def in_bfloat16(xs: tuple[Volume, ...]) -> tuple[Volume, ...]:
    return tuple(replace(x, dtype="bfloat16" if x.is_floating else x.dtype) for x in xs)


def widens(layer: Layer, xs: tuple[Volume, ...]) -> bool:
    """Whether it computes in float32 what it takes and gives in bfloat16."""
    xs = in_bfloat16(xs)
    run, y = Run(dtype="bfloat16"), layer.shape(*xs)
    return any(kernel.size and kernel.size.dtype == "float32" for kernel in layer.kernels(run, y, *xs))


def narrow() -> Iterator[Any]:
    """The examples in bfloat16; every run has those that are not the same tensors with half the bytes."""
    for name, (layer, xs) in PEAKS.items():
        quick = work(between(layer, xs)) <= 3_000_000 and widens(layer, xs)
        yield pytest.param(name, marks=() if quick else pytest.mark.fuzz)


@pytest.mark.parametrize("learning", [(), range(99)], ids=["nothing before it", "all before it"])
@pytest.mark.parametrize("name", list(narrow()))
def test_a_layer_allocates_the_predicted_bytes_in_bfloat16(name: str, learning: Collection[int]) -> None:
    torch.manual_seed(0)
    layer, xs = PEAKS[name]
    if any(x.rank == 3 or layer.name == "lrn" for x in xs):
        pytest.skip("torch lacks some bfloat16 kernels for three axes on the CPU")
    try:
        found = peaks(between(layer, in_bfloat16(xs), learning=learning))
    except Opaque as opaque:
        pytest.skip(str(opaque))
    assert set(found.values()) == {0}


def partly() -> Iterator[Any]:
    """Layers of which only a part learns: nothing before them, their own weights not, one input of several."""
    for name, (layer, xs) in PEAKS.items():
        weighs, floats = any(True for _ in layer.weights(*xs)), [i for i, x in enumerate(xs) if x.is_floating]
        cases: list[tuple[tuple[int, ...], bool]] = [((i,), False) for i in floats] if len(floats) > 1 else []
        cases += [((), False), (tuple(floats), True)] if weighs else []
        for learning, frozen in cases:
            quick = issubclass(layer.__class__, Merge) and work(between(layer, xs)) <= 100_000
            marks = () if quick else pytest.mark.fuzz
            yield pytest.param(name, learning, frozen, marks=marks, id=f"{name}-{learning}{'-frozen' * frozen}")


@pytest.mark.parametrize(("name", "learning", "frozen"), list(partly()))
def test_a_layer_of_which_a_part_learns_allocates_the_predicted_bytes(
    name: str, learning: tuple[int, ...], frozen: bool
) -> None:
    torch.manual_seed(0)
    layer, xs = PEAKS[name]
    if work(between(layer, xs)) > MUCH:
        pytest.skip("a smaller example of the same layer runs")
    try:
        found = peaks(between(layer, xs, learning=learning, frozen=frozen))
    except Opaque as opaque:
        pytest.skip(str(opaque))
    assert set(found.values()) == {0}
