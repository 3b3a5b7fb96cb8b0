"""A softmax over one score."""

from collections.abc import Iterator

from archcalc.core.axes import place_of
from archcalc.layers.softmax import Softmax
from archcalc.lint.rule import Design, Finding, Rule


class SoftmaxOfOne(Rule, code="AR105"):
    """A softmax over a single score is always 1.

    Its outputs always sum to 1, so a single output is 1 for every score, and its gradient is zero.

    Source: Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs" (softmax;
    of one score: exp(x) / exp(x)).
    """

    bad = "- flatten -> fc(1)\n- softmax  # <-"
    good = "- flatten -> fc(1) -> sigmoid"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Softmax):
            x = node.inputs[0]
            if x.item_shape[place_of(layer.axis, x) - 1] == 1:
                yield Finding(
                    node=node, message=f"{node.name} has a single output, which is always 1", help="use sigmoid"
                )
