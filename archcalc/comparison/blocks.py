"""Which blocks of two networks correspond, whatever they are called: `layer1` and `stage1`."""

from collections.abc import Hashable, Iterable, Mapping

from archcalc.comparison.matching import Matching
from archcalc.graph.graph import Graph
from archcalc.layer import Role
from archcalc.record import field, record


@record(frozen=False)
class Block:
    """A part of a network whose layers have a prefix in common: the layers, and the parts within it."""

    name: str
    kind: str = ""
    layers: list[str] = field(default_factory=list)
    parts: dict[str, "Block"] = field(default_factory=dict)

    @property
    def own(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def chosen(self) -> Hashable:
        """Its own name, if someone chose it. Members of `block * 3` are counted, and so is `bottleneck3`."""
        stem = self.own.rstrip("0123456789")
        counts = not stem or (stem != self.own and self.kind.rpartition(".")[2] == stem)
        return None if counts else self.own


def corresponding_blocks(before: Graph, after: Graph) -> dict[str, str]:
    """The name in the second network of every block of the first that is in both; the whole is called "" in both.

    Where one network has batch norms and the other has none, which an exporter computed into the convolutions, blocks
    are compared without them.
    """
    found: dict[str, str] = {}
    folded = has_batch_norms(before) != has_batch_norms(after)
    waiting = [(tree(before, folded), tree(after, folded))]
    while waiting:
        a, b = waiting.pop()
        found[a.name] = b.name
        waiting += matched(a.parts, b.parts)
    return found


def matched(a: Mapping[str, Block], b: Mapping[str, Block]) -> Iterable[tuple[Block, Block]]:
    """Blocks by name; then those of the same layers, of the same place in a sequence, and of the same types."""
    matching = Matching(list(a.values()), list(b.values()))
    matching.by_name(lambda each: each.chosen)
    matching.by(lambda each: tuple(each.layers))
    matching.by(lambda each: each.own)
    matching.by(lambda each: (each.kind, frozenset(each.layers)))
    matching.by(lambda each: frozenset(each.layers))
    return matching.pairs


def has_batch_norms(graph: Graph) -> bool:
    return any(node.layer.role is Role.BATCH_NORM for node in graph)


def tree(graph: Graph, folded: bool = False) -> Block:
    """The blocks of a network, each with the types of its layers; `folded`: without batch norms."""
    root = Block("")
    for node in graph:
        if folded and node.layer.role is Role.BATCH_NORM:
            continue
        block = root
        block.layers.append(node.layer.name)
        for part in node.name.split(".")[:-1]:
            name = f"{block.name}.{part}" if block.name else part
            scope = graph.scopes.get(name)
            block = block.parts.setdefault(part, Block(name, scope.block if scope else ""))
            block.layers.append(node.layer.name)
    return root
