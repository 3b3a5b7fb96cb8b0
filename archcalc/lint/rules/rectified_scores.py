"""A rectifier on scores."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.activation import ReLU
from archcalc.layers.clipped import ReLU6
from archcalc.layers.linear import Linear
from archcalc.lint.rule import Design, Finding, Rule


class RectifiedScores(Rule, code="AR112"):
    """A rectifier between the last linear layer and the output or its softmax.

    Scores can have both signs. A rectifier makes all negative ones 0, so rejected classes cannot be distinguished. Its
    gradient is 0 there too: an output that is 0 for every sample never changes again.

    Source: Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.2.2 (linear units for scores; a threshold
    has gradient 0).
    """

    bad = "- flatten -> fc(64) -> relu -> fc(10)\n- relu  # <-"
    good = "- flatten -> fc(64) -> relu -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.ACTIVATION):
            before = design.preceding(node)
            is_scores = before is not None and isinstance(before.layer, Linear) and not node.output.rank
            if is_scores and isinstance(node.layer, ReLU | ReLU6) and is_last(design, node):
                message = f"{node.name} makes all negative scores of the output 0"
                yield Finding(node=node, message=message, help=f"remove {node.name}")


def is_last(design: Design, node: Node) -> bool:
    follows = design.after(node)
    return node.name in design.graph.outputs or (follows is not None and follows.layer.role is Role.SOFTMAX)
