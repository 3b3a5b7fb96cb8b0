"""Local response normalisation."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class LocalNorm(Rule, code="AR504"):
    """Local response normalisation instead of batch normalisation.

    It was found to cost memory and time without improving accuracy: VGG's network A is equally good without it. Batch
    normalisation is what makes deep networks trainable.

    Sources: Simonyan & Zisserman 2014, arXiv:1409.1556, section 4.1; Ioffe & Szegedy 2015, arXiv:1502.03167.
    """

    bad = "- conv(3, 16, p1) -> relu\n- lrn  # <-\n- flatten -> fc(10)"
    good = "- conv(3, 16, p1, bias=false) -> batchnorm -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.LOCAL_NORM):
            message = f"{node.name} normalises over neighbouring channels, which was found not to improve accuracy"
            yield Finding(node=node, message=message, help="use batchnorm before the activation, or no norm")
