"""A norm of single values."""

from collections.abc import Iterator

from archcalc.layers.layernorm import LayerNorm
from archcalc.layers.rmsnorm import RMSNorm
from archcalc.lint.rule import Design, Finding, Rule

NORMS: tuple[type[LayerNorm | RMSNorm], ...] = (LayerNorm, RMSNorm)


class ConstantNorm(Rule, code="AR602"):
    """A norm whose groups have a single value: its output is constant.

    The mean of one value is the value, so layer normalisation outputs 0, then its bias, for every input. RMS
    normalisation outputs the sign. Nothing before the norm can be learned. `layernorm` normalises the channels at
    each position, which need to be more than one; `layernorm(over=all)` normalises all elements of a sample.

    Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, equation 3 (statistics over all hidden units of a layer).
    """

    bad = "- conv(3, 1)\n- layernorm  # <-\n- flatten -> fc(10)"
    good = "- conv(3, 1)\n- layernorm(over=all) -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, _ in design.of(*NORMS):
            if node.ops.root == node.output.numel:  # one root for each group
                message = f"{node.name} normalises each value alone, which leaves at most its sign"
                help = "normalise several: layernorm(over=all), or batchnorm"
                yield Finding(node=node, message=message, help=help)
