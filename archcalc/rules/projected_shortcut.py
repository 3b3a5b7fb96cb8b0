"""A shortcut that is projected although both ends are alike."""

from collections.abc import Iterator

from archcalc.graph import Node
from archcalc.layer import Role
from archcalc.layers.conv import Conv
from archcalc.measures.params import params
from archcalc.rule import Design, Finding, Rule


class ProjectedShortcut(Rule, code="AR109"):
    """A shortcut is projected where the identity would fit.

    A residual block learns what to add to its input; a 1x1 convolution in the shortcut, where channels and size are
    the same at both ends, costs parameters and breaks the path on which signal and gradient pass unchanged.

    Sources: He et al. 2015, arXiv:1512.03385, section 4.1 (projections are not essential); He et al. 2016,
    arXiv:1603.05027, section 3 (identity shortcuts).
    """

    bad = """
- conv(3, 16, p1) -> relu
- add:
    - conv(3, 16, p1) -> relu -> conv(3, 16, p1)
    - conv(1, 16)  # <-
"""
    good = """
- conv(3, 16, p1) -> relu
- add:
    - conv(3, 16, p1) -> relu -> conv(3, 16, p1)
    - prev
"""

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design:
            projection = needless(design, node)
            if projection is not None:
                yield Finding(
                    node=projection,
                    message=f"{projection.name} projects a shortcut that fits as it is: {projection.output}",
                    help="prev",
                    notes=(f"{params(projection):,} parameters",),
                )


def needless(design: Design, node: Node) -> Node | None:
    """The 1x1 convolution of a merge's shortcut, alone but for a norm, that gives the volume it takes."""
    if node.layer.role is not Role.MERGE or len(node.sources) != 2:
        return None
    ends = [design.graph.by_name.get(source) for source in node.sources]
    found = [skip(design, end) for end in ends]
    depths = [end is not None and design.after(end) is node for end in ends]
    short = [each for each, alone in zip(found, depths, strict=True) if each is not None and alone]
    return short[0] if len(short) == 1 else None


def skip(design: Design, end: Node | None) -> Node | None:
    if end is not None and end.layer.role is Role.BATCH_NORM:
        end = design.before(end)
    if end is None or not isinstance(end.layer, Conv) or end.output != end.inputs[0]:
        return None
    before = design.before(end)
    begins = before is None or len(design.readers[before.name]) > 1
    return end if begins and set(end.layer.kernel(end.inputs[0])) == {1} else None
