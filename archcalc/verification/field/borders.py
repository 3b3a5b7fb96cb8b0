"""Which units of a layer have a way to the rim of their field that never leaves the volumes in between.

A field is what a unit would see if no volume ended. Near the border, and in volumes of few units, its first or last
input unit may be reached through padding alone; dye at such a rim goes nowhere, and shows nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archcalc.core.field import Field, Span
from archcalc.graph.graph import Graph, Input, Node
from archcalc.measures.receptive_field import Fields, carriers, carrying, windows_along


@dataclass(frozen=True)
class Sides:
    """For every unit along one axis: whether the first and the last input unit of its field can be reached, or any."""

    first: tuple[bool, ...] = ()
    last: tuple[bool, ...] = ()
    alive: tuple[bool, ...] = ()


Attained: TypeAlias = Mapping[str, tuple[Sides, ...]]
"""The sides of every layer, axis by axis; empty ones where a unit sees the whole axis, or nothing but padding."""

SEES_ALL = Sides(alive=(True,))


def attained(graph: Graph, seed: Input, fields: Mapping[str, Fields]) -> Attained:
    """Follows every unit's taps back through the volumes, layer by layer."""
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
        read = taps(node, axis, i, graph, len(fields[node.name]))
        ways = [way(source, axis, element, fields, found) for source, element in read if source in fields]
        made.append(joined(ways, seen.at(i)))
    return Sides(*zip(*made, strict=True))


Way: TypeAlias = tuple[Span, tuple[bool, bool, bool]]
"""What a tap sees, and whether its first, its last and any of its input units can be reached."""


def way(source: str, axis: int, unit: int, fields: Mapping[str, Fields], found: Attained) -> Way:
    known = found[source][axis]
    there = unit < len(known.first)
    return fields[source][axis].at(unit), (
        there and known.first[unit],
        there and known.last[unit],
        known.alive[unit] if there else any(known.alive),
    )


def joined(ways: Sequence[Way], span: Span) -> tuple[bool, bool, bool]:
    """Whether some tap of a unit has the rim of its field and a way to it: for the first side, the last, and any."""
    first = any(theirs and span and theirs[0] == span[0] and there[0] for theirs, there in ways)
    last = any(theirs and span and theirs[1] == span[1] and there[1] for theirs, there in ways)
    return bool(first), bool(last), any(there[2] for _, there in ways)


def taps(node: Node, axis: int, i: int, graph: Graph, rank: int) -> Iterator[tuple[str, int]]:
    """The units that one unit of a layer reads, of every source, padding left out; `rank`: axes of the input."""
    for place, source in enumerate(carriers(node)):
        window = windows_along(node, rank, place)[axis]
        volume = graph.volumes[source]
        along = carrying(volume, axis, rank)
        n = 0 if along is None else volume.spatial[along]
        yield from ((source, unit) for unit in window.reach(i) if 0 <= unit < n)
