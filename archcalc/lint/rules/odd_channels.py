"""Channels that tensor cores have to fill up."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.arithmetic import macs

TILE = 8
"""Channels that a tensor core takes at a time, of 2 bytes each."""

LEAST = 0.02
"""The share of all MACs that has to be wasted to be told."""


class OddChannels(Rule, code="AR404"):
    """A costly layer whose channels are no multiple of 8.

    Tensor cores work on tiles; at 16 bits channels are filled up to a multiple of 8 (or the layer runs without them),
    and what is filled up is computed for nothing. Told where that is at least 2 % of the network's MACs; grouped
    convolutions, which have tiles of their own for each group, are left out.

    Source: NVIDIA, "Deep Learning Performance Documentation", Convolutional Layers, channels in and out.
    """

    bad = "- conv(3, 64, p1) -> relu\n- conv(3, 60, p1) -> relu  # <-\n- gap -> fc(10)"
    good = "- conv(3, 64, p1) -> relu\n- conv(3, 64, p1) -> relu\n- gap -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.CONTRACTION):
            channels = int(node.output.channels)
            full = channels + -channels % TILE
            if channels <= TILE or channels == full or getattr(node.layer, "groups", 1) > 1:
                continue
            lost = macs(node) * (full - channels) / channels
            if lost and lost >= LEAST * design.macs and not answers(design, node):
                share = 1 - channels / full
                message = f"{node.name} has {channels} channels: filled up to {full}, {share:.0%} is for nothing"
                yield Finding(node=node, message=message, help=f"{full} channels for the same time, or {full - TILE}")


def answers(design: Design, node: Node) -> bool:
    """Whether its channels are those of an output, whose number is nobody's choice."""
    while node.name not in design.graph.outputs:
        follows = design.after(node)
        if follows is None or follows.layer.role is Role.CONTRACTION:
            return False
        node = follows
    return True
