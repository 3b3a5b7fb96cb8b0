"""Pairing: which layers of two networks correspond.

First by names that someone chose; then by structure, from the most to the least specific description of a layer, each
time between the pairs so far and in the same order. Names that only count layers (`relu17`) do not matter: a layer put
in front does not turn all others into different ones.
"""

from collections.abc import Callable, Container, Hashable, Sequence
from typing import TypeAlias

from archcalc.comparison.blocks import corresponding_blocks, has_batch_norms
from archcalc.comparison.matching import Matching
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Layer, Reference, Role, layer_named
from archcalc.record import record, replace

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
    theirs = [described(node, block_of(node)) for node in after]
    if any(all(not block_of(node) for node in graph) for graph in (before, after)):
        ours, theirs = ([replace(each, scope="") for each in side] for side in (ours, theirs))
    if has_batch_norms(before) != has_batch_norms(after):
        ours, theirs = map(as_exported, (ours, theirs))
    matching = Matching(ours, theirs)
    matching.by_name(lambda each: each.chosen)
    for key in KEYS:
        matching.by(key)
    return [(a.node, b.node) for a, b in matching.pairs]


def as_exported(layers: Sequence[Described]) -> list[Described]:
    """Without batch norms, and without the biases that make up for them in the convolutions before."""
    return [
        replace(each, arguments=arguments(each.node, {"bias"}))
        for each in layers
        if each.node.layer.role is not Role.BATCH_NORM
    ]


def block_of(node: Node) -> str:
    return node.name.rpartition(".")[0]


def described(node: Node, scope: Hashable) -> Described:
    chosen = None if counts(node) else (scope, node.name.rpartition(".")[2])
    return Described(node, scope, chosen, arguments(node))


def arguments(node: Node, left: Container[str] = ()) -> tuple[Hashable, ...]:
    """What a layer states, without references; `left`: what is left out."""
    values = (getattr(node.layer, each) for each in node.layer.known if each not in left)
    return tuple("" if isinstance(value, Reference) else value for value in values)


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
