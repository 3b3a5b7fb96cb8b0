"""What every layer allocates, forward and backward: its kernels against the allocator's events, no layer named.

Each worked example stands between two layers that learn, so that gradients flow through it, and in a batch of two.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph, Input, Node
from archcalc.layer import Layer
from archcalc.layers.conv import Conv
from archcalc.layers.linear import Linear
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params
from tests.memory.footprints import peaks
from tests.memory.test_kernels import CASES

LARGE = 3_000_000
"""Elements that an example may have to be run here."""

WIDE = 4096
"""Features that the layers before and behind it may map."""


def learned(x: Volume) -> Layer:
    """A layer with weights that makes a volume of the same shape."""
    return (
        Linear(out_features=x.channels)
        if x.channels_last or not x.rank
        else Conv(out_channels=x.channels, kernel_size=1)
    )


def node(name: str, layer: Layer, sources: tuple[str, ...], inputs: tuple[Volume, ...]) -> Node:
    return Node(name, layer, sources, inputs, (layer.shape(*inputs),), name)


def between(layer: Layer, xs: tuple[Volume, ...]) -> Graph:
    inputs = tuple(Input(f"in{i}", x) for i, x in enumerate(xs))
    before = tuple(node(f"before{i}", learned(x), (f"in{i}",), (x,)) for i, x in enumerate(xs) if x.is_floating)
    into = tuple(f"before{i}" if x.is_floating else f"in{i}" for i, x in enumerate(xs))
    it = node("it", layer, into, xs)
    after = node("after", learned(it.output), ("it",), (it.output,))
    return Graph("one", inputs, (*before, it, after), ("after",))


def cases() -> Iterator[tuple[str, Layer, tuple[Volume, ...]]]:
    for name, (layer, xs) in CASES.items():
        y = layer.shape(*xs)
        small = sum(each.numel for each in (*xs, y)) < LARGE
        if small and all(each.rank <= 3 and each.channels <= WIDE for each in (*xs, y)):
            yield name, layer, tuple(replace(x, batch=2) for x in xs)


PEAKS = {name: (layer, xs) for name, layer, xs in cases()}

MUCH = 500_000_000
"""Work that an example may be in every run, where its layer has another; `make fuzz` runs the others too."""


def work(graph: Graph) -> int:
    """Multiplications forward and about as many operations to make and free weights and their gradients."""
    return int(sum(macs(node) + 50 * params(node) for node in graph))


def examples() -> Iterator[Any]:
    """The quick ones, and of every layer the quickest."""
    works = {name: work(between(*PEAKS[name])) for name in PEAKS}
    least: dict[str, str] = {}
    for name in sorted(works, key=works.__getitem__):
        least.setdefault(PEAKS[name][0].name, name)
    for name in PEAKS:
        quick = works[name] <= MUCH or name in least.values()
        yield pytest.param(name, marks=() if quick else pytest.mark.fuzz)


@pytest.mark.parametrize("name", list(examples()))
def test_a_layer_allocates_what_is_said(name: str) -> None:
    torch.manual_seed(0)
    assert set(peaks(between(*PEAKS[name])).values()) == {0}
