"""The release of torch that generated source needs."""

from collections.abc import Iterator

from archcalc.core.release import OLDEST, numbers
from archcalc.graph.graph import Graph


def newest(graph: Graph) -> Iterator[tuple[str, str]]:
    """The newest release that a layer of a network needs, and that layer's name in specs; nothing where the oldest
    supported release is enough."""
    needed = {node.application.call.needs: node.layer.name for node in graph if not node.reruns}
    if needed.keys() - {OLDEST}:
        yield max(needed.items(), key=lambda each: numbers(each[0]))
