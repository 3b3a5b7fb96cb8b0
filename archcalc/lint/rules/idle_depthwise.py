"""Depthwise convolutions that wait for memory."""

from collections.abc import Iterator

from archcalc.layers.conv import Conv
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.arithmetic import macs
from archcalc.memory.roofline import work_of_layer

LEAST = 10
"""FLOPs for each byte below which every GPU of the last ten years waits for memory: their ridges lie beyond."""


class IdleDepthwise(Rule, code="AR405"):
    """A depthwise convolution takes longer than its MACs say.

    Each value that is read is used in few products, so that memory is what it waits for: MobileNet's depthwise layers
    are 3 % of its MACs and a far larger part of its time. Counted in MACs such a design looks cheaper than it is.

    Sources: Ma et al. 2018, arXiv:1807.11164, guideline G4 (depthwise convolution among what memory bounds); Howard et
    al. 2017, arXiv:1704.04861, table 2 (MobileNet's MACs); Williams, Waterman & Patterson 2009, Communications of the
    ACM 52(4), 65-76.
    """

    bad = "- conv(1, 64) -> relu\n- conv(3, 64, p1, groups=64) -> relu  # <-"
    good = "- conv(1, 64) -> relu\n- conv(3, 64, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Conv):
            if 1 < layer.groups == node.inputs[0].channels and macs(node):
                intensity = work_of_layer(design.graph, node).intensity
                if intensity < LEAST:
                    message = f"{node.name} is depthwise, {intensity:.1f} FLOPs for each byte: it waits for memory"
                    yield Finding(node=node, message=message, help="judge it by time: archcalc verify --time")
