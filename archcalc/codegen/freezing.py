"""Frozen modules and tied weights."""

from collections.abc import Iterator

from archcalc.codegen.names import access
from archcalc.graph.graph import Graph, Node


def frozen_paths(graph: Graph) -> frozenset[str]:
    """The outermost blocks and layers whose weights are all frozen."""
    learned = [node for node in graph if any(not weight.buffer for weight in node.weights)]
    free = {prefix for node in learned if not node.frozen for prefix in prefixes(node)}
    return frozenset(next(p for p in prefixes(node) if p not in free) for node in learned if node.frozen)


def prefixes(node: Node) -> list[str]:
    """The paths of the blocks around a layer, outermost first, and its own path.

    >>> from types import SimpleNamespace
    >>> prefixes(SimpleNamespace(name="a.b.c"))
    ['a', 'a.b', 'a.b.c']
    """
    parts = node.name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def ties(graph: Graph) -> Iterator[str]:
    """A line for every tied weight, placed after the creation of all modules."""
    for node in graph:
        if not node.reruns:
            yield from (f"self.{access(node.name)}.{own} = self.{access(other)}" for own, other in node.ties.items())
