"""Receptive field: which units of the network's input one output unit can see."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import cast

from archcalc.core.dim import Dim
from archcalc.core.field import Field, union
from archcalc.core.volume import Volume
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.graph.graph import Graph, Input, Node
from archcalc.layer import Layer
from archcalc.sym.expr import NoClosedForm

Fields = tuple[Field, ...]
"""One field to each spatial axis of the network's input."""

MAX_PHASES = 100_000
"""Upsampling by s makes s kinds of units, and several layers multiply them: far beyond any network."""

Step = Callable[[Field, AnyWindow, Dim], Field]


def receptive_fields(graph: Graph) -> dict[str, Fields]:
    """For every node its field on each spatial axis of the input.

    Nodes that no spatial input reaches are left out, those of which neighbouring units see too many different things
    (MAX_PHASES), and those behind windows that need numbers where a size is free (adaptive pooling). Fields are in
    units of the first input that has spatial axes.
    """
    seed = spatial_input(graph)
    if seed is None:
        return {}
    grow = cast(Step, cache(Field.through))  # most axes of most layers repeat: height and width, block after block
    seen: dict[str, Fields] = {seed.name: (Field(),) * seed.volume.rank}
    for node in graph:
        if len(node.sources) == 1 and is_pointwise(type(node.layer)):  # most layers: norms, activations
            if node.sources[0] in seen:
                seen[node.name] = seen[node.sources[0]]
            continue
        branches = {i: seen[name] for i, name in enumerate(carriers(node)) if name in seen}
        if branches and (fields := advance(node, branches, seed, grow)):
            seen[node.name] = fields
    del seen[seed.name]
    return seen


def spatial_input(graph: Graph) -> Input | None:
    """The input in whose units fields are measured."""
    return next((i for i in graph.inputs if i.volume.rank), None)


@cache
def is_pointwise(kind: type[Layer]) -> bool:
    """Whether a layer is of those that read one position for each: it says nothing else of its windows."""
    return kind.windows is Layer.windows and kind.windows_of_inputs is Layer.windows_of_inputs and kind.carries is None


def carriers(node: Node) -> tuple[str, ...]:
    """The sources whose values reach the output; the others only lend their size."""
    return node.sources[: node.layer.carries]


def windows_along(node: Node, axes: int, source: int = 0) -> tuple[AnyWindow, ...]:
    """A node's window on each axis of the network's input, where that comes in by the source of this number; a
    sequence's one axis carries all that were put in a row."""
    windows = node.layer.windows_of_inputs(*node.inputs)[source]
    return windows * axes if len(windows) == 1 else windows


def carrying(volume: Volume, axis: int, axes: int) -> int | None:
    """Which axis of a volume carries one of the input's `axes`: its only one carries all; None where that is gone."""
    return 0 if volume.rank == 1 else axis if volume.rank == axes else None


def advance(node: Node, branches: Mapping[int, Fields], seed: Input, grow: Step) -> Fields:
    """The fields of a node's output, from those of its inputs; none where they would have too many phases."""
    alike: dict[tuple[AnyWindow, ...], list[Fields]] = {}
    for source, fields in branches.items():
        alike.setdefault(windows_along(node, len(fields), source), []).append(fields)
    found = [grown(windows, joined(fields), seed, grow) for windows, fields in alike.items()]
    return joined(found) if all(found) else ()


def joined(branches: Sequence[Fields]) -> Fields:
    """What several branches see together."""
    return branches[0] if len(branches) == 1 else tuple(map(union, zip(*branches, strict=True)))


def grown(windows: tuple[AnyWindow, ...], fields: Fields, seed: Input, grow: Step) -> Fields:
    """The fields behind windows."""
    if all(window is IDENTITY for window in windows):
        return fields
    axes = list(zip(fields, windows, seed.volume.spatial, strict=True))
    try:
        if any(field.phases_through(window) > MAX_PHASES for field, window, _ in axes):
            return ()
        return tuple(grow(field, window, n) for field, window, n in axes)
    except NoClosedForm:
        return ()
