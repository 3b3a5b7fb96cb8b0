"""Groups of channels that never mix."""

from collections.abc import Iterator
from math import gcd

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.conv import Conv
from archcalc.lint.rule import Design, Finding, Rule

APART = (Role.ACTIVATION, Role.BATCH_NORM, Role.POOLING)
"""Roles of layers that process every channel separately."""


class IsolatedGroups(Rule, code="AR407"):
    """Two consecutive grouped convolutions whose groups of channels never mix.

    The output of a group depends only on the input channels of that group. This is still so after another layer with
    the same groups, with or without depthwise layers in between. The network then consists of several narrow networks
    in parallel, until a shuffle or a convolution without groups mixes them.

    Source: Zhang et al. 2017, arXiv:1707.01083, section 3.1 and figure 1 (channel shuffle).
    """

    bad = "- conv(3, 16, p1) -> relu -> conv(1, 16, groups=4) -> relu\n- conv(1, 16, groups=4)  # <-"
    good = "- conv(3, 16, p1) -> relu -> conv(1, 16, groups=4) -> relu\n- conv(1, 16)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Conv):
            before = mixed_before(design, node) if mixes(node) and layer.groups > 1 else None
            if before is None or not isinstance(before.layer, Conv):
                continue
            common = gcd(int(layer.groups), int(before.layer.groups))
            if common > 1:
                message = f"{before.name} and {node.name} keep {common} groups of channels separate"
                yield Finding(node=node, message=message, help="add a convolution without groups between them: conv(1)")


def mixes(node: Node) -> bool:
    """Whether a convolution mixes channels: it is not depthwise."""
    return isinstance(node.layer, Conv) and not 1 < node.layer.groups == node.inputs[0].channels


def mixed_before(design: Design, node: Node) -> Node | None:
    """The nearest earlier layer that can mix channels."""
    found = design.back(node, *APART)
    while found is not None and isinstance(found.layer, Conv) and not mixes(found):
        found = design.back(found, *APART)
    return found
