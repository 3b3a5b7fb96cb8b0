"""Which elements of a layer reach the borders of their receptive field on a path inside the volumes in between.

A field is what an element would depend on if volumes were unbounded. Near the edge of a volume, and in small volumes,
the first or last input element of a field may be reachable through padding only. Dye at such a field border does not
arrive, so it shows nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from archcalc.core.field import Field, Span
from archcalc.graph.graph import Graph, Input, Node
from archcalc.measures.receptive_field import Fields, carriers, carrying, windows_along
from archcalc.record import record


@record
class Sides:
    """For every element along an axis: whether it reaches the first, the last, and any input element of its field."""

    first: tuple[bool, ...] = ()
    last: tuple[bool, ...] = ()
    alive: tuple[bool, ...] = ()


Attained: TypeAlias = Mapping[str, tuple[Sides, ...]]
"""The sides of every layer, axis by axis; empty if an element depends on the whole axis, or on padding only."""

SEES_ALL = Sides(alive=(True,))


def attained(graph: Graph, seed: Input, fields: Mapping[str, Fields]) -> Attained:
    """Follows the taps of every element back through the volumes, layer by layer."""
    known = {**fields, seed.name: (Field(),) * seed.volume.rank}
    found = {seed.name: tuple(Sides((True,) * n, (True,) * n, (True,) * n) for n in seed.volume.spatial)}
    for node in graph:
        if node.name in fields:
            axes = tuple(sides(node, axis, graph, known, found) for axis in range(seed.volume.rank))
            found[node.name] = axes if all(any(each.alive) for each in axes) else (Sides(),) * len(axes)
    return found


def sides(node: Node, axis: int, graph: Graph, fields: Mapping[str, Fields], found: Attained) -> Sides:
    seen, along = fields[node.name][axis], carrying(node.output, axis, len(fields[node.name]))
    if seen.whole or along is None:
        return SEES_ALL
    made = []
    for i in range(node.output.spatial[along]):
        read = taps(node, axis, i, graph, fields)
        ways = [way(source, axis, element, fields, found) for source, element in read]
        made.append(joined(ways, seen.at(i)))
    return Sides(*zip(*made, strict=True))


Way: TypeAlias = tuple[Span, tuple[bool, bool, bool]]
"""The span of a tap, and whether its first, its last and any of its input elements can be reached."""


def way(source: str, axis: int, unit: int, fields: Mapping[str, Fields], found: Attained) -> Way:
    known = found[source][axis]
    there = unit < len(known.first)
    return fields[source][axis].at(unit), (
        there and known.first[unit],
        there and known.last[unit],
        known.alive[unit] if there else any(known.alive),
    )


def joined(ways: Sequence[Way], span: Span) -> tuple[bool, bool, bool]:
    """Whether some tap of an element reaches a border of its field: the first side, the last side, and any element."""
    first = any(theirs and span and theirs[0] == span[0] and there[0] for theirs, there in ways)
    last = any(theirs and span and theirs[1] == span[1] and there[1] for theirs, there in ways)
    return bool(first), bool(last), any(there[2] for _, there in ways)


def taps(node: Node, axis: int, i: int, graph: Graph, fields: Mapping[str, Fields]) -> Iterator[tuple[str, int]]:
    """The elements that one element of a layer reads, without padding, for every source that depends on the input."""
    rank = len(fields[node.name])
    for place, source in enumerate(carriers(node)):
        if source not in fields:
            continue
        window = windows_along(node, rank, place)[axis]
        volume = graph.volumes[source]
        along = carrying(volume, axis, rank)
        n = 0 if along is None else volume.spatial[along]
        units = range(n) if window.whole else window.reach(i)
        yield from ((source, unit) for unit in units if 0 <= unit < n)
