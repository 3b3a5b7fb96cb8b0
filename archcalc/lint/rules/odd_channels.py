"""Channels that tensor cores have to pad."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.arithmetic import macs

TILE = 8
"""The number of 2-byte channels in a tile of a tensor core."""

LEAST = 0.02
"""The minimum share of wasted MACs for a finding."""


class OddChannels(Rule, code="AR404"):
    """A costly layer whose number of channels is not a multiple of 8.

    Tensor cores work on tiles. With 16-bit values, channels are padded to a multiple of 8 (or the layer runs without
    tensor cores), and the padding is computed in vain. The rule reports layers that waste at least 2 % of the network's
    MACs. It ignores grouped convolutions, which have separate tiles for each group.

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
                message = f"{node.name} has {channels} channels: padded to {full}, {share:.0%} of the work is wasted"
                yield Finding(
                    node=node, message=message, help=f"use {full} channels at the same cost, or {full - TILE}"
                )


def answers(design: Design, node: Node) -> bool:
    """Whether its channels are those of an output, whose number is given by the task."""
    while node.name not in design.graph.outputs:
        follows = design.after(node)
        if follows is None or follows.layer.role is Role.CONTRACTION:
            return False
        node = follows
    return True
