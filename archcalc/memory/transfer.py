"""Transfer learning: the part of a network that training does not change, whose outputs can be computed once.

A value stays the same over all of training where it comes from the inputs alone, through layers whose weights are
frozen and that neither draw at random nor look at the rest of the batch. Of these values the ones that the rest of the
network reads are all that need be kept of an item.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from archcalc.graph.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Once:
    """What can be computed once: `layers` whose outputs the rest reads, `item_bytes` all of these for one item.

    `hindered`: layers behind frozen ones alone that yet have another output every time.
    """

    layers: tuple[str, ...]
    item_bytes: int
    hindered: tuple[str, ...]


def computed_once(graph: Graph) -> Once | None:
    """What the trained part of a network reads of its frozen part; None where no layer before it is frozen.

    >>> from archcalc.graph.loading import load_text
    >>> text = "archcalc: 1\\ninput: [3, 8, 8]\\nlayers: conv(3, 4, p1, freeze=true) -> relu -> maxpool(2) -> fc(10)"
    >>> computed_once(load_text(text))
    Once(layers=('maxpool1',), item_bytes=256, hindered=())
    """
    same = {each.name for each in graph.inputs}
    found: list[Node] = []
    hindered: list[str] = []
    for node in graph:
        if not same.issuperset(node.sources) or learns(node, graph):
            continue
        if node.layer.steady:
            same.add(node.name)
            found.append(node)
        else:
            hindered.append(node.name)
    if not any(node.weights for node in found):
        return None
    read = set(graph.outputs) | {source for node in graph if node.name not in same for source in node.sources}
    kept = [node for node in found if node.name in read]
    return Once(tuple(node.name for node in kept), bytes_of_an_item(kept), tuple(hindered))


def learns(node: Node, graph: Graph) -> bool:
    """Whether a node applies a weight that is trained, its own or another's."""
    owner = graph.by_name[node.module] if node.reruns else node
    tied = map(graph.owner, node.ties.values())
    return any(weight.trainable for each in (owner, *tied) for weight in each.weights)


def bytes_of_an_item(nodes: Iterable[Node]) -> int:
    return sum(node.output.nbytes // node.output.batch for node in nodes)
