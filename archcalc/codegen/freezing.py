"""What is frozen, and what is tied."""

from collections.abc import Iterator

from archcalc.codegen.names import access
from archcalc.graph.graph import Graph, Node


def frozen_paths(graph: Graph) -> frozenset[str]:
    """The outermost blocks and layers of which all weights are frozen."""
    learned = [node for node in graph if any(not weight.buffer for weight in node.weights)]
    free = {prefix for node in learned if not node.frozen for prefix in prefixes(node)}
    return frozenset(next(p for p in prefixes(node) if p not in free) for node in learned if node.frozen)


def prefixes(node: Node) -> list[str]:
    """The paths of the blocks around a layer, the outermost first, and its own.

    >>> from types import SimpleNamespace
    >>> prefixes(SimpleNamespace(name="a.b.c"))
    ['a', 'a.b', 'a.b.c']
    """
    parts = node.name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def ties(graph: Graph) -> Iterator[str]:
    """A line for every weight that is another layer's, to stand where every module is made."""
    for node in graph:
        if not node.reruns:
            yield from (f"self.{access(node.name)}.{own} = self.{access(other)}" for own, other in node.ties.items())
