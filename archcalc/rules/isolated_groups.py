"""Groups that never meet."""

from collections.abc import Iterator
from math import gcd

from archcalc.layer import Role
from archcalc.layers.conv import Conv
from archcalc.rule import Design, Finding, Rule


class IsolatedGroups(Rule, code="AR407"):
    """Two grouped convolutions in a row: groups of channels that never meet.

    What comes out of a group depends on the input channels of that group alone. Behind another layer with the same
    groups it still does: the network is several narrow ones side by side, until a shuffle or a convolution without
    groups joins them.

    Source: Zhang et al. 2017, arXiv:1707.01083, section 3.1 and figure 1 (channel shuffle).
    """

    bad = "- conv(3, 16, p1) -> relu -> conv(1, 16, groups=4) -> relu\n- conv(1, 16, groups=4)  # <-"
    good = "- conv(3, 16, p1) -> relu -> conv(1, 16, groups=4) -> relu\n- conv(1, 16)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design:
            before = design.back(node, Role.ACTIVATION, Role.BATCH_NORM)
            if before is None or not isinstance(node.layer, Conv) or not isinstance(before.layer, Conv):
                continue
            common = gcd(int(node.layer.groups), int(before.layer.groups))
            if common > 1:
                message = f"{before.name} and {node.name} keep {common} groups of channels apart from each other"
                yield Finding(node=node, message=message, help="a convolution without groups between them: conv(1)")
