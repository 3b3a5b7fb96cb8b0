"""Local response normalisation."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class LocalNorm(Rule, code="AR504"):
    """Local response normalisation, where batch normalisation is meant.

    It was found to change nothing but memory and time: VGG's network A is as good without. What makes deep networks
    trainable is batch normalisation.

    Sources: Simonyan & Zisserman 2014, arXiv:1409.1556, section 4.1; Ioffe & Szegedy 2015, arXiv:1502.03167.
    """

    bad = "- conv(3, 16, p1) -> relu\n- lrn  # <-\n- flatten -> fc(10)"
    good = "- conv(3, 16, p1, bias=false) -> batchnorm -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.LOCAL_NORM):
            message = f"{node.name} normalises over neighbouring channels, which was found to change nothing"
            yield Finding(node=node, message=message, help="batchnorm before the activation, or nothing")
