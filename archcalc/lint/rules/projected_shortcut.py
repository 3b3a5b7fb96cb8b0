"""A projected shortcut between equal shapes."""

from collections.abc import Iterator

from archcalc.graph.application import Application
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.conv import Conv
from archcalc.layers.merge import Add
from archcalc.lint.rule import Design, Finding, Rule, of_layer
from archcalc.measures.params import params


class ProjectedShortcut(Rule, code="AR109"):
    """A shortcut is projected where the identity would fit.

    A residual block learns what to add to its input. If channels and size are the same at both ends, a 1x1 convolution
    in the shortcut costs parameters and interrupts the path on which signals and gradients pass unchanged.

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
        for node, _ in design.of(Add):
            projection = needless(design, node)
            if projection is not None:
                yield Finding(
                    node=projection,
                    message=f"{projection.name} projects a shortcut whose shape already fits: {projection.output}",
                    help="replace it with prev",
                    notes=(f"{params(projection):,} parameters",),
                )


def needless(design: Design, node: Node) -> Node | None:
    """The 1x1 convolution in the shortcut of a sum, at most followed by a norm, whose output has its input's shape."""
    if len(node.sources) != 2:
        return None
    for end, other in (node.sources, reversed(node.sources)):
        found = skip(design, design.graph.by_name.get(end), node)
        if found is not None and other != found.sources[0] and found.sources[0] in design.graph.ancestors(other):
            return found
    return None


def skip(design: Design, end: Node | None, merge: Node) -> Node | None:
    if end is None:
        return None
    found = design.before(end) if end.layer.role is Role.BATCH_NORM else end
    if found is None or not is_idle(found.application) or design.after(end) is not merge:
        return None
    return found


@of_layer
def is_idle(made: Application) -> bool:
    """Whether it is a 1x1 convolution whose output has its input's shape."""
    layer = made.layer
    is_same = isinstance(layer, Conv) and made.outputs[0] == made.inputs[0]
    return is_same and isinstance(layer, Conv) and set(layer.kernel(made.inputs[0])) == {1}
