"""Pairing: which layers of two networks correspond.

First by names that someone chose; then by structure, from the most to the least specific description of a layer, each
time between the pairs so far and in the same order. Names that only count layers (`relu17`) do not matter: a layer put
in front does not turn all others into different ones.
"""

from collections.abc import Callable, Hashable
from typing import TypeAlias

from archcalc.comparison.blocks import corresponding_blocks
from archcalc.comparison.matching import Matching
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Layer, Reference, Role, layer_named
from archcalc.record import record

NORMS = (Role.BATCH_NORM, Role.NORM, Role.LOCAL_NORM)
POOLINGS = (Role.POOLING, Role.ADAPTIVE_POOLING)


@record
class Described:
    """A node, and what it can be found by. `scope`: its block, as the second network calls it.

    `chosen`: its name in that block, if it does not only count; None if it does.
    """

    node: Node
    scope: Hashable
    chosen: Hashable
    arguments: tuple[Hashable, ...]

    @property
    def kind(self) -> str:
        return self.node.layer.name

    @property
    def shapes(self) -> tuple[Hashable, ...]:
        return self.node.inputs, self.node.outputs


Key: TypeAlias = Callable[[Described], Hashable]

KEYS: tuple[Key, ...] = (
    lambda each: (each.scope, each.kind, each.arguments, each.shapes),
    lambda each: (each.kind, each.arguments, each.shapes),
    lambda each: (each.scope, each.kind, each.arguments),
    lambda each: (each.scope, each.kind),
    lambda each: (each.kind, each.arguments),
    lambda each: each.kind,
    lambda each: (each.scope, purpose(each.node.layer)),
)
"""The descriptions, the most specific first. The last one pairs layers that replace one another: relu and gelu."""


def pairs_of(before: Graph, after: Graph) -> list[tuple[Node, Node]]:
    """The layers that correspond, in the order of the first network; each layer at most once."""
    blocks = corresponding_blocks(before, after)
    ours = [described(node, blocks.get(block_of(node), ("removed", block_of(node)))) for node in before]
    matching = Matching(ours, [described(node, block_of(node)) for node in after])
    matching.by_name(lambda each: each.chosen)
    for key in KEYS:
        matching.by(key)
    return [(a.node, b.node) for a, b in matching.pairs]


def block_of(node: Node) -> str:
    return node.name.rpartition(".")[0]


def described(node: Node, scope: Hashable) -> Described:
    values = (getattr(node.layer, each) for each in node.layer.known)
    arguments = tuple("" if isinstance(value, Reference) else value for value in values)
    chosen = None if counts(node) else (scope, node.name.rpartition(".")[2])
    return Described(node, scope, chosen, arguments)


def counts(node: Node) -> bool:
    """Whether a layer has no name of its own but a count: `relu17`, `fc1`."""
    own = node.name.rpartition(".")[2]
    stem = own.rstrip("0123456789")
    return not stem or (stem != own and layer_named(stem) is type(node.layer))


def purpose(layer: Layer) -> Hashable:
    """What a layer is there for, among those that could stand in its place."""
    role = layer.role
    if role in NORMS or role in POOLINGS:
        return "norm" if role in NORMS else "pooling"
    return role if role is not Role.MOVEMENT else layer.name
