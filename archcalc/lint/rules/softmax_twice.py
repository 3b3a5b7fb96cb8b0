"""A softmax of a softmax."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class SoftmaxTwice(Rule, code="AR110"):
    """A softmax of probabilities that another softmax made.

    Probabilities lie between 0 and 1, so the second softmax of C of them is at most e / (e + C - 1): the largest of ten
    is below 0.24, however certain the scores are. A log_softmax takes scores too.

    Source: torch.nn.functional.log_softmax ("equivalent to log(softmax(x))", of scores).
    """

    bad = "- flatten -> fc(10) -> softmax\n- log_softmax  # <-"
    good = "- flatten -> fc(10) -> log_softmax"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.SOFTMAX):
            before = design.preceding(node)
            if before is not None and before.layer.role is Role.SOFTMAX:
                message = f"{node.name} takes the probabilities of {before.name}, and needs scores"
                yield Finding(node=node, message=message, help=f"remove {before.name}")
