"""A softmax over one unit."""

from collections.abc import Iterator

from archcalc.layers.softmax import Softmax
from archcalc.lint.rule import Design, Finding, Rule


class SoftmaxOfOne(Rule, code="AR105"):
    """A softmax over a single unit is always 1.

    It shares out a whole among units: one unit gets all of it, whatever its score, and no gradient comes back.

    Source: Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs" (softmax;
    of one unit exp(x) / exp(x)).
    """

    bad = "- flatten -> fc(1)\n- softmax  # <-"
    good = "- flatten -> fc(1) -> sigmoid"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, _ in design.of(Softmax):
            if node.output.channels == 1:
                yield Finding(node=node, message=f"{node.name} is over one unit: it is always 1", help="sigmoid")
