"""Dropout that takes little or too much."""

from collections.abc import Iterator

from archcalc.layers.dropout import Dropout
from archcalc.lint.rule import Design, Finding, Rule

LEAST, MOST = 0.2, 0.4
"""Where p usually lies, as the lectures have it."""


class DropoutRate(Rule, code="AR502"):
    """Dropout with a probability outside 0.2 to 0.4.

    Below, it changes little; above, training slows down, and what is left has to be wider. The first networks took
    one half, for very wide layers; transformers take 0.1 many times over, and are left out.

    Sources: Desassis, "Convolutional neural networks" (Mines Paris); Srivastava et al. 2014, JMLR 15, section 7.3
    (the effect of the rate).
    """

    bad = "- flatten -> fc(64) -> relu\n- dropout(0.7)  # <-\n- fc(10)"
    good = "- flatten -> fc(64) -> relu\n- dropout(0.3) -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Dropout):
            if not LEAST <= layer.p <= MOST and not node.inputs[0].channels_last:
                message = f"{node.name} drops {layer.p:.0%} of the units"
                yield Finding(node=node, message=message, help=f"p from {LEAST} to {MOST}")
