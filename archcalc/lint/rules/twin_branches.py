"""Equal branches of a merge."""

from collections.abc import Hashable, Iterator, Sequence

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.concatenation import Concat
from archcalc.layers.merge import Add
from archcalc.lint.rule import Design, Finding, Rule


class TwinBranches(Rule, code="AR106"):
    """Two branches of a merge have the same layers.

    Concatenated, they are equivalent to one branch with more channels (or with groups); added, with linear ends, to a
    single branch. Several small layers also use a GPU less efficiently than one large layer. The rule ignores products
    of branches and attention between them, where both are needed.

    Source: Xie et al. 2016, arXiv:1611.05431, figure 3 (32 equal branches, and the grouped convolution that they are).
    """

    bad = "- concat:  # <-\n    - conv(3, 8, p1) -> relu\n    - conv(3, 8, p1) -> relu"
    good = "- concat:\n    - conv(3, 8, p1) -> relu\n    - conv(5, 8, p2) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.chosen({Add, Concat} & set(design.by_type)):
            if not have_same_ends(design, node.sources):
                continue
            written = [branch(design, source) for source in node.sources]
            twins = [i for i, each in enumerate(written) if len(each) > 1 and each in written[:i]]
            if twins and len({node.sources[i] for i in range(len(written))}) == len(written):
                first = written.index(written[twins[0]])
                ends = f"{node.sources[first]} and {node.sources[twins[0]]}"
                message = f"two branches of {node.name} have the same layers: {ends}"
                yield Finding(node=node, message=message, help="use one branch with more channels, or groups")


def have_same_ends(design: Design, sources: Sequence[str]) -> bool:
    """Whether two branches have the same last layer, without which they are no twins."""
    ends = [design.graph.by_name[source].layer for source in sources if source in design.graph.by_name]
    return any(end == other for i, end in enumerate(ends) for other in ends[:i])


def branch(design: Design, name: str) -> tuple[Hashable, ...]:
    """The layers of a branch, from its end back to its start, and the source of the start."""
    found: list[Hashable] = []
    node = design.graph.by_name.get(name)
    while node is not None and len(node.sources) == 1 and design.after(node) is not None and weighs(node):
        found.append(node.layer)
        name = node.sources[0]
        node = design.graph.by_name.get(name)
    return (*found, name)


def weighs(node: Node) -> bool:
    """Whether a layer belongs to a branch: it is not a merge."""
    return node.layer.role is not Role.MERGE
