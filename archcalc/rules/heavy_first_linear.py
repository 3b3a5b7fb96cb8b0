"""A first linear layer that holds most parameters."""

from collections.abc import Iterator

from archcalc.core.dim import prod
from archcalc.layers.linear import Linear
from archcalc.measures.params import params
from archcalc.rule import Design, Finding, Rule


class HeavyFirstLinear(Rule, code="AR402"):
    """The first linear layer holds more than half of all parameters.

    It has weights for every channel at every position. The average of each channel over all positions, as Network in
    Network has it, leaves one input for each channel, needs no fixed size of the image, and overfits less.

    Sources: Lin, Chen & Yan 2013, arXiv:1312.4400, section 3.2; Avrithis, "Deep learning for vision", lecture 7.
    """

    bad = "- conv(3, 16, p1) -> relu -> maxpool(2)\n- flatten -> fc(64)  # <-\n- relu -> fc(10)"
    good = "- conv(3, 16, p1) -> relu -> maxpool(2)\n- gap -> fc(64) -> relu -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        total = sum(map(params, design))
        for node in design:
            before = design.before(node)
            x = node.inputs[0] if node.inputs[0].rank or before is None else before.inputs[0]
            if not isinstance(node.layer, Linear) or x.channels_last or before is None:
                continue
            positions, own = int(prod(x.spatial)), params(node)
            if positions > 1 and own > total / 2 and node.inputs[0].numel == x.numel:
                pooled = own - int(node.output.channels * x.channels * (positions - 1))
                message = f"{node.name} holds {own / total:.0%} of all parameters"
                note = f"behind global average pooling it has {pooled:,} instead of {own:,}"
                yield Finding(node=node, message=message, help="gap before it, instead of flatten", notes=(note,))
