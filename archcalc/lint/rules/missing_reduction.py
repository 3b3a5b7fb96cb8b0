"""A large convolution over many channels without a reduction."""

from collections.abc import Iterator

from archcalc.core.dim import prod
from archcalc.graph.application import Application
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.conv import Conv
from archcalc.lint.rule import Design, Finding, Rule, of_layer
from archcalc.measures.arithmetic import macs

FEW = 4
"""The factor by which a reduction reduces channels."""

LARGE = 25
"""The window size, in elements, from which the rule applies: 5x5."""


class MissingReduction(Rule, code="AR403"):
    """A 5x5 convolution or larger over many channels, without a 1x1 reduction before it.

    A 1x1 convolution to a quarter of the channels, followed by the large convolution, costs about a quarter. This is
    what makes inception modules affordable.

    Source: Szegedy et al. 2014, arXiv:1409.4842, section 4 and figure 2 (b).
    """

    bad = "- conv(3, 64, p1) -> relu\n- conv(5, 64, p2) -> relu  # <-"
    good = "- conv(3, 64, p1) -> relu\n- conv(1, 16) -> relu -> conv(5, 64, p2) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Conv):
            x, taps = node.inputs[0], taps_of(node.application)
            if layer.groups != 1 or taps < LARGE or is_reduction(design.back(node, Role.ACTIVATION, Role.BATCH_NORM)):
                continue
            few = int(x.channels) // FEW
            reduced = int(x.positions) * int(x.channels) * few + int(node.output.numel) * few * taps
            if x.channels >= 64 and x.channels >= node.output.channels and 2 * reduced < macs(node):
                message = (
                    f"{node.name} has windows of {taps} elements over {x.channels} channels and no reduction before it"
                )
                note = f"{reduced:,} MACs with conv(1, {few}) before it, instead of {macs(node):,}"
                yield Finding(node=node, message=message, help=f"add conv(1, {few}) -> relu before it", notes=(note,))


@of_layer
def taps_of(made: Application) -> int:
    """The elements of a window."""
    return int(prod(made.layer.kernel(made.inputs[0]))) if isinstance(made.layer, Conv) else 0


def is_reduction(node: Node | None) -> bool:
    """Whether a layer is a 1x1 convolution to fewer channels."""
    if node is None or not isinstance(node.layer, Conv):
        return False
    x = node.inputs[0]
    return taps_of(node.application) == 1 and node.output.channels < x.channels
