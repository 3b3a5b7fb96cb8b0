"""Receptive field: the elements of the network's input that one output element can depend on."""

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
"""One field per spatial axis of the network's input."""

MAX_PHASES = 100_000
"""Limit on phases: upsampling by s creates s phases, and several layers multiply them. No real network reaches it."""

Step = Callable[[Field, AnyWindow, Dim], Field]


def receptive_fields(graph: Graph) -> dict[str, Fields]:
    """For every node, its field on each spatial axis of the input.

    Left out are nodes without a spatial input, nodes with too many phases (MAX_PHASES), and nodes after windows that
    need numbers if a size is free (adaptive pooling). Fields are measured in elements of the first input with spatial
    axes.
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
    """The input in whose elements fields are measured."""
    return next((i for i in graph.inputs if i.volume.rank), None)


@cache
def is_pointwise(kind: type[Layer]) -> bool:
    """Whether each output position reads one input position: the layer does not override the default windows."""
    return kind.windows is Layer.windows and kind.windows_of_inputs is Layer.windows_of_inputs and kind.carries is None


def carriers(node: Node) -> tuple[str, ...]:
    """The sources whose values the output depends on; only the sizes of the others matter."""
    return node.sources[: node.layer.carries]


def windows_along(node: Node, axes: int, source: int = 0) -> tuple[AnyWindow, ...]:
    """A node's window on each axis of the network's input, for the source with this index; the single axis of a
    sequence stands for all axes that were flattened into it."""
    windows = node.layer.windows_of_inputs(*node.inputs)[source]
    return windows * axes if len(windows) == 1 else windows


def carrying(volume: Volume, axis: int, axes: int) -> int | None:
    """The axis of a volume for one of the input's `axes`: a single axis stands for all; None if it is removed."""
    return 0 if volume.rank == 1 else axis if volume.rank == axes else None


def advance(node: Node, branches: Mapping[int, Fields], seed: Input, grow: Step) -> Fields:
    """The fields of a node's output, from those of its inputs; none if they would have too many phases."""
    alike: dict[tuple[AnyWindow, ...], list[Fields]] = {}
    for source, fields in branches.items():
        alike.setdefault(windows_along(node, len(fields), source), []).append(fields)
    found = [grown(windows, joined(fields), seed, grow) for windows, fields in alike.items()]
    return joined(found) if all(found) else ()


def joined(branches: Sequence[Fields]) -> Fields:
    """The union of the fields of several branches."""
    return branches[0] if len(branches) == 1 else tuple(map(union, zip(*branches, strict=True)))


def grown(windows: tuple[AnyWindow, ...], fields: Fields, seed: Input, grow: Step) -> Fields:
    """The fields after these windows."""
    if all(window is IDENTITY for window in windows):
        return fields
    axes = list(zip(fields, windows, seed.volume.spatial, strict=True))
    try:
        if any(field.phases_through(window) > MAX_PHASES for field, window, _ in axes):
            return ()
        return tuple(grow(field, window, n) for field, window, n in axes)
    except NoClosedForm:
        return ()
