"""Branches of a merge that are alike."""

from collections.abc import Hashable, Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.merge import Add, Concat
from archcalc.lint.rule import Design, Finding, Rule


class TwinBranches(Rule, code="AR106"):
    """Two branches of a merge are alike, layer by layer.

    Side by side they are one branch with more channels (or with groups); added up, and linear at their ends, one
    branch alone. Several small layers also keep a GPU less busy than one large one. Products of branches, and attention
    among them, are another thing: there both are needed.

    Source: Xie et al. 2016, arXiv:1611.05431, figure 3 (32 equal branches, and the grouped convolution that they are).
    """

    bad = "- concat:  # <-\n    - conv(3, 8, p1) -> relu\n    - conv(3, 8, p1) -> relu"
    good = "- concat:\n    - conv(3, 8, p1) -> relu\n    - conv(5, 8, p2) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.chosen({Add, Concat} & set(design.by_type)):
            written = [branch(design, source) for source in node.sources]
            twins = [i for i, each in enumerate(written) if len(each) > 1 and each in written[:i]]
            if twins and len({node.sources[i] for i in range(len(written))}) == len(written):
                first = written.index(written[twins[0]])
                message = f"two branches of {node.name} are alike: {node.sources[first]} and {node.sources[twins[0]]}"
                yield Finding(node=node, message=message, help="one branch with as many channels, or groups")


def branch(design: Design, name: str) -> tuple[Hashable, ...]:
    """The layers of a branch from its end back to where it began, and that place."""
    found: list[Hashable] = []
    node = design.graph.by_name.get(name)
    while node is not None and len(node.sources) == 1 and design.after(node) is not None and weighs(node):
        found.append(node.layer)
        name = node.sources[0]
        node = design.graph.by_name.get(name)
    return (*found, name)


def weighs(node: Node) -> bool:
    """Whether a layer is one of a branch: it is no merge, and no end that several read."""
    return node.layer.role is not Role.MERGE
