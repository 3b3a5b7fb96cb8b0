"""Which elements of a layer reach the borders of their receptive field on a path inside the volumes in between.

A field is what an element would depend on if volumes were unbounded. Near the edge of a volume, and in small volumes,
the first or last input element of a field may be reachable through padding only. Dye at such a field border does not
arrive, so it shows nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from archcalc.core.arrangement import ArrangedWindow, MixedWindow
from archcalc.core.field import Field, Span
from archcalc.graph.graph import Graph, Input, Node
from archcalc.layer import Role
from archcalc.layers.einsum import Product
from archcalc.measures.receptive_field import Fields, along_after, along_in, carriers, window_of
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
    bounds = {*bounded(graph, seed.name, fields), *reading_integers(graph)}
    for node in graph:
        if node.name in fields:
            axes = tuple(sides(node, axis, graph, known, found) for axis in range(seed.volume.rank))
            axes = in_one_row(axes, [along_in(node.output, i, each) for i, each in enumerate(fields[node.name])])
            is_shown = node.name not in bounds and all(any(each.alive) for each in axes)
            found[node.name] = axes if is_shown else (Sides(),) * len(axes)
    return found


def reading_integers(graph: Graph) -> set[str]:
    """Layers that make integers, which no dye can be seen in, and all that reads them."""
    found: set[str] = set()
    for node in graph:
        if not node.output.is_floating or found.intersection(node.sources):
            found.add(node.name)
    return found


def in_one_row(axes: tuple[Sides, ...], along: Sequence[int | None]) -> tuple[Sides, ...]:
    """Where positions of several axes stand in one row, an element that reads padding along one of them reads nothing
    along the others."""
    if len({*along}) == len(along) or None in along:
        return axes
    alive = tuple(map(all, zip(*(each.alive for each in axes), strict=True)))

    def read(side: tuple[bool, ...]) -> tuple[bool, ...]:
        return tuple([there and read for there, read in zip(side, alive, strict=True)])

    return tuple(Sides(read(each.first), read(each.last), alive) for each in axes)


def bounded(graph: Graph, begin: str, fields: Mapping[str, Fields]) -> set[str]:
    """The layers whose fields may be larger than what dye shows: features that were positions, or come from several
    branches, are left out or become positions again. `begin`: the input."""
    uneven, bounds = set[str](), set[str]()
    for node in graph:
        sources = [(i, name) for i, name in enumerate(carriers(node)) if name in fields or name == begin]
        if not sources:
            continue
        before = any(name in uneven for _, name in sources)
        if any(name in bounds or (name in uneven and leaves_features_out(node, i)) for i, name in sources):
            bounds.add(node.name)
        if not mixes_features(node) and (before or any(moves_features(node, i) for i, _ in sources)):
            uneven.add(node.name)
    return bounds


def moves_features(node: Node, source: int) -> bool:
    """Whether features of an element may come from several places."""
    x, y, windows = node.inputs[source], node.output, node.application.windows[source]
    moved = any(isinstance(each, ArrangedWindow | MixedWindow) or each.onto is not None for each in windows)
    alike = (x.channels_last, x.channels) == (y.channels_last, y.channels) and x.rank in (0, y.rank)
    return moved or not alike or isinstance(node.layer, Product)


def leaves_features_out(node: Node, source: int) -> bool:
    """Whether an element may read only some features of what it reads."""
    if isinstance(node.layer, Product):
        mine, out = node.layer.letters(*node.inputs)[source], node.layer.letters(*node.inputs)[2]
        return mine[-1 if node.inputs[source].channels_last else 1] in out
    return node.layer.role is Role.MOVEMENT and moves_features(node, source)


def mixes_features(node: Node) -> bool:
    """Whether every feature of an element depends on all features of what it reads: by weights that are not grouped."""
    layer = node.layer
    return layer.role is Role.CONTRACTION and len(node.inputs) == 1 and getattr(layer, "groups", 1) == 1


def sides(node: Node, axis: int, graph: Graph, fields: Mapping[str, Fields], found: Attained) -> Sides:
    seen = fields[node.name][axis]
    along = along_in(node.output, axis, seen)
    if along is None:
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
    along = along_in(node.output, axis, fields[node.name][axis])
    for place, source in enumerate(carriers(node)):
        if source not in fields:
            continue
        seen, volume = fields[source][axis], graph.volumes[source]
        window, own = window_of(node, place, axis, seen), along_in(volume, axis, seen)
        n = 0 if own is None else volume.spatial[own]
        apart = window.whole or along_after(node, place, axis, seen) != along
        units = range(n) if apart else window.reach(i)
        yield from ((source, unit) for unit in units if 0 <= unit < n)
