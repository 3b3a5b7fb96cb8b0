"""Dropout at the output."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.dropout import Dropout
from archcalc.lint.rule import Design, Finding, Rule, passes_on


class DropoutOutput(Rule, code="AR111"):
    """Dropout on the outputs of a network.

    In training it sets outputs to zero at random and scales the others. The loss then compares targets with noise that
    no weight can reduce. Dropout belongs before the last layer with weights.

    Source: Srivastava et al. 2014, Journal of Machine Learning Research 15, section 4 (dropout of the inputs of a
    layer).
    """

    bad = "- flatten -> fc(64) -> relu -> fc(10)\n- dropout(0.5)  # <-"
    good = "- flatten -> fc(64) -> relu\n- dropout(0.3) -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Dropout):
            if layer.p and ends(design, node):
                message = f"{node.name} drops outputs of the network at random in training"
                yield Finding(node=node, message=message, help="move it before the last layer with weights")


def ends(design: Design, node: Node) -> bool:
    """Whether only a softmax or nothing follows."""
    follows: Node | None = node
    while follows is not None and follows.name not in design.graph.outputs:
        follows = design.after(follows)
        if follows is not None and follows.layer.role is not Role.SOFTMAX and not passes_on(follows):
            return False
    return follows is not None
