"""Dropout with an unusual rate."""

from collections.abc import Iterator

from archcalc.layers.dropout import Dropout
from archcalc.lint.rule import Design, Finding, Rule

LEAST, MOST = 0.2, 0.4
"""The usual range of p, according to the lectures."""


class DropoutRate(Rule, code="AR502"):
    """Dropout with a probability outside 0.2 to 0.4.

    Lower rates have little effect. Higher rates slow down training and require wider layers. Early networks used 0.5 in
    very wide layers. Transformers use 0.1 in many layers; the rule ignores them.

    Sources: Desassis, "Convolutional neural networks" (Mines Paris); Srivastava et al. 2014, JMLR 15, section 7.3
    (the effect of the rate).
    """

    bad = "- flatten -> fc(64) -> relu\n- dropout(0.7)  # <-\n- fc(10)"
    good = "- flatten -> fc(64) -> relu\n- dropout(0.3) -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Dropout):
            if not LEAST <= layer.p <= MOST and not node.inputs[0].channels_last:
                message = f"{node.name} drops {layer.p:.0%} of the elements"
                yield Finding(node=node, message=message, help=f"choose p from {LEAST} to {MOST}")
