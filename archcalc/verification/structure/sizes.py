"""Other sizes than the spec's, to check the formulas there too."""

from collections.abc import Callable, Iterator, Mapping

from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import Dim, number_at
from archcalc.graph.builder import build
from archcalc.graph.free_axes import Axes, Declared, Place, axes_of, declared
from archcalc.graph.graph import Graph
from archcalc.record import record
from archcalc.spec.declaration import Document

Sizes = Mapping[str, tuple[Dim, ...]]

Way = Callable[[int, int, int], int]
"""Another length, of a length, the number of its axis, and a step."""

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

    Without spatial axes, only the batch changes. Lengths that follow from others follow them.
    """
    batch = graph.inputs[0].volume.batch if graph.inputs else 1
    if not any(each.volume.rank for each in graph.inputs):
        yield from (Other(build(document, batch=items, dtype=dtype)) for items in (batch + 1, batch + 2))
        return
    ways: tuple[Way, ...] = (lambda n, axis, step: odd(n, step), oblong)
    known = declared(document, dtype=dtype)
    axes = axes_of(known, dtype)
    for more, way in enumerate(ways, 1):
        refused: list[Sizes] = []
        for step in STEPS:
            sizes = resized(known, axes, way, step)
            if found := attempt(document, batch + more, dtype, sizes):
                break
            refused.append(sizes)
        yield Other(found, tuple(refused))


def resized(known: Declared, axes: Axes, way: Way, step: int) -> Sizes:
    """The shapes of the inputs with other lengths: those that follow from others as these make them."""
    own = {(x.name, place): n for x in known.inputs for place, n in enumerate(x.volume.spatial)}
    lengths: dict[Place, Dim] = {at: way(n, at[1], step) for at, n in own.items()}
    values = {axis.symbol: way(axis.own, axis.places[0][1], step) for axis in axes}
    lengths |= {at: number_at(length, values) for at, length in axes.lengths(axes.free).items()}
    return {**{x.name: x.volume.item_shape for x in known.inputs}, **known.sizes(lengths)}


def attempt(document: Document, batch: int, dtype: str, sizes: Sizes) -> Graph | None:
    try:
        return build(document, batch=batch, dtype=dtype, sizes=sizes)
    except SpecError:
        return None
