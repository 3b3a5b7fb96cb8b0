"""A first linear layer with most of the parameters."""

from collections.abc import Iterator

from archcalc.core.dim import prod
from archcalc.core.volume import Volume
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.linear import Linear
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.params import params


class HeavyFirstLinear(Rule, code="AR402"):
    """The first linear layer has more than half of all parameters.

    It has weights for every channel at every position. Averaging each channel over all positions, as in Network in
    Network, leaves one input per channel. It also allows images of any size and reduces overfitting.

    Sources: Lin, Chen & Yan 2013, arXiv:1312.4400, section 3.2; Avrithis, "Deep learning for vision", lecture 7.
    """

    bad = "- conv(3, 16, p1) -> relu -> maxpool(2)\n- flatten -> fc(64)  # <-\n- relu -> fc(10)"
    good = "- conv(3, 16, p1) -> relu -> maxpool(2)\n- gap -> fc(64) -> relu -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, _ in design.of(Linear):
            x, own = maps_before(design, node), params(node)
            total = sum(map(params, design)) if x is not None else 0
            if x is None or 2 * own <= total:
                continue
            positions = int(prod(x.spatial))
            if positions > 1:
                pooled = own - int(node.output.channels * x.channels * (positions - 1))
                message = f"{node.name} has {own / total:.0%} of all parameters"
                note = f"after global average pooling it would have {pooled:,} instead of {own:,}"
                yield Finding(node=node, message=message, help="use gap instead of flatten before it", notes=(note,))


def maps_before(design: Design, node: Node) -> Volume | None:
    """The feature maps that a linear layer reads, flattened; None if it reads something else."""
    x: Volume = node.inputs[0]
    before = design.before(node)
    if before is None:
        return None
    while before is not None and not x.rank and before.layer.role is Role.MOVEMENT and len(before.sources) == 1:
        x, before = before.inputs[0], design.before(before)
    return x if x.rank and not x.channels_last and x.numel == node.inputs[0].numel and before is not None else None
