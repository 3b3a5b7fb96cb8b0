"""Transfer learning: the part of a network that training does not change, whose outputs can be computed once.

A value stays the same throughout training if it depends only on the inputs, through layers with frozen weights whose
outputs are deterministic and independent of the rest of the batch. Of these values, only those that the rest of the
network reads have to be stored per sample.
"""

from collections.abc import Iterable

from archcalc.graph.graph import Graph, Node
from archcalc.record import record


@record
class Once:
    """What can be computed once: the `layers` whose outputs the rest reads, and their `bytes_per_sample`.

    `excluded`: layers after the frozen part, without trained weights, whose output varies between passes.
    """

    layers: tuple[str, ...]
    bytes_per_sample: int
    excluded: tuple[str, ...]


def computed_once(graph: Graph) -> Once | None:
    """The outputs of the frozen part that the trained part reads; None if no layer before it is frozen.

    >>> from archcalc.graph.loading import load_text
    >>> text = "archcalc: 1\\ninput: [3, 8, 8]\\nlayers: conv(3, 4, p1, freeze=true) -> relu -> maxpool(2) -> fc(10)"
    >>> computed_once(load_text(text))
    Once(layers=('maxpool1',), bytes_per_sample=256, excluded=())
    """
    same = {each.name for each in graph.inputs}
    found: list[Node] = []
    excluded: list[str] = []
    for node in graph:
        if not same.issuperset(node.sources) or learns(node, graph):
            continue
        if node.layer.steady:
            same.add(node.name)
            found += () if node.output.shared else (node,)  # what no input reaches is not stored for each sample
        else:
            excluded.append(node.name)
    if not any(node.weights for node in found):
        return None
    read = set(graph.outputs) | {source for node in graph if node.name not in same for source in node.sources}
    kept = [node for node in found if node.name in read]
    return Once(tuple(node.name for node in kept), bytes_per_sample(kept), tuple(excluded))


def learns(node: Node, graph: Graph) -> bool:
    """Whether a node applies a trained weight, its own or another layer's."""
    owner = graph.by_name[node.module] if node.reruns else node
    tied = map(graph.owner, node.ties.values())
    return any(weight.trainable for each in (owner, *tied) for weight in each.weights)


def bytes_per_sample(nodes: Iterable[Node]) -> int:
    return sum(node.output.nbytes // node.output.batch for node in nodes)
