"""Deep networks with saturating activations."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.activation import ScaledTanh, Sigmoid, Tanh
from archcalc.lint.rule import Design, Finding, Rule

DEEP = 4
"""The number of consecutive saturating activations from which gradients vanish in practice."""

SATURATING = (Sigmoid, Tanh, ScaledTanh)


class Saturating(Rule, code="AR507"):
    """Several consecutive layers with sigmoid or tanh.

    Both are flat for large inputs, and the slope of a sigmoid is at most 1/4: four of them scale a gradient by at most
    1/256. Rectifiers pass gradients unchanged, and so do residual paths around the layers.

    Sources: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", section
    3; Krizhevsky et al. 2012, section 3.1.
    """

    bad = """
- conv(3, 8) -> sigmoid -> conv(3, 8) -> sigmoid -> conv(3, 8) -> sigmoid -> conv(3, 8)
- sigmoid  # <-
- flatten -> fc(10)
"""
    good = "- conv(3, 8) -> relu -> conv(3, 8) -> relu -> conv(3, 8) -> relu -> conv(3, 8) -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        if not any(kind in SATURATING for kind in design.by_type):
            return
        rows: dict[str, int] = {}
        for node in design:
            is_one = saturates(node)
            passes_on = node.layer.role is Role.ACTIVATION and not is_one
            before = min((rows.get(source, 0) for source in node.sources), default=0)
            rows[node.name] = 0 if passes_on else before + is_one
            if is_one and rows[node.name] == DEEP:
                message = f"{node.name} is the {DEEP}th consecutive saturating activation: gradients vanish"
                yield Finding(node=node, message=message, help="use relu, and sigmoid or tanh only at the output")


def saturates(node: Node) -> bool:
    return type(node.layer) in SATURATING
