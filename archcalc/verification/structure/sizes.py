"""Other sizes than the spec's, to check the formulas there too."""

from collections.abc import Callable, Iterator, Mapping

from archcalc.core.diagnostic import SpecError
from archcalc.core.volume import Volume
from archcalc.graph.builder import build
from archcalc.graph.freeing import Axes, axes_of, declared
from archcalc.graph.graph import Graph
from archcalc.record import record
from archcalc.spec.declaration import Document

Sizes = Mapping[str, tuple[int, ...]]

STEPS = (1, 3, 7, 15, 31, 63, 127)
"""How much larger than the spec's size an odd size may be; the first that the network accepts is used."""


def odd(n: int, step: int) -> int:
    """An odd length.

    >>> odd(224, 1), odd(227, 1)
    (225, 229)
    """
    return n + step if n % 2 == 0 else n + step + 1


def oblong(n: int, axis: int, step: int) -> int:
    """A length that differs from axis to axis.

    >>> [oblong(224, axis, 1) for axis in (0, 1)]
    [240, 256]
    """
    return n + 16 * (axis + 1) * ((step + 1) // 2)


@record
class Other:
    """A network at another size; None if it accepts none. `refused`: the sizes that it did not accept."""

    graph: Graph | None
    refused: tuple[Sizes, ...] = ()


def other_sizes(document: Document, graph: Graph, dtype: str) -> Iterator[Other]:
    """The network at an odd size and at a size with unequal axes, with other batches.

    Without spatial axes, only the batch changes.
    """
    batch = graph.inputs[0].volume.batch if graph.inputs else 1
    if not any(each.volume.rank for each in graph.inputs):
        yield from (Other(build(document, batch=items, dtype=dtype)) for items in (batch + 1, batch + 2))
        return
    axes = axes_of(declared(document, batch=batch, dtype=dtype), dtype)
    ways: tuple[Callable[[int, int, int], int], ...] = (lambda n, axis, step: odd(n, step), oblong)
    for more, way in enumerate(ways, 1):
        refused: list[Sizes] = []
        for step in STEPS:
            sizes = {each.name: resized(each.volume, way, step) for each in graph.inputs}
            sizes |= following_sizes(graph, axes, way, step)
            if found := attempt(document, batch + more, dtype, sizes):
                break
            refused.append(sizes)
        yield Other(found, tuple(refused))


def resized(volume: Volume, way: Callable[[int, int, int], int], step: int) -> tuple[int, ...]:
    """The shape of a sample with other spatial axes."""
    return volume.to(spatial=tuple(way(n, axis, step) for axis, n in enumerate(volume.spatial))).item_shape


def following_sizes(graph: Graph, axes: Axes, way: Callable[[int, int, int], int], step: int) -> Sizes:
    """The shapes of inputs of which some follow from others; nothing where none does."""
    if not axes.following:
        return {}
    lengths = {axis.symbol: way(axis.own, axis.places[0][1], step) for axis in axes.free}
    return axes.sizes(graph.inputs, lengths)


def attempt(document: Document, batch: int, dtype: str, sizes: Sizes) -> Graph | None:
    try:
        return build(document, batch=batch, dtype=dtype, sizes=sizes)
    except SpecError:
        return None
