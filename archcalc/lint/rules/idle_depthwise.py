"""Depthwise convolutions limited by memory bandwidth."""

from collections.abc import Iterator

from archcalc.layers.conv import Conv
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.arithmetic import macs
from archcalc.memory.roofline import work_of_layer

LEAST = 10
"""FLOPs per byte below which memory bandwidth limits every GPU of the last ten years: their ridge points are higher."""


class IdleDepthwise(Rule, code="AR405"):
    """A depthwise convolution takes longer than its MACs suggest.

    Each value that is read is used in few products, so memory bandwidth limits the speed. MobileNet's depthwise layers
    are 3 % of its MACs and a far larger share of its time. Measured in MACs, such a design looks cheaper than it is.

    Sources: Ma et al. 2018, arXiv:1807.11164, guideline G4 (depthwise convolution among what memory bounds); Howard et
    al. 2017, arXiv:1704.04861, table 2 (MobileNet's MACs); Williams, Waterman & Patterson 2009, Communications of the
    ACM 52(4), 65-76.
    """

    bad = "- conv(1, 64) -> relu\n- conv(3, 64, p1, groups=64) -> relu  # <-"
    good = "- conv(1, 64) -> relu\n- conv(3, 64, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        known: dict[int, float] = {}  # of every layer and its inputs
        for node, layer in design.of(Conv):
            if 1 < layer.groups == node.inputs[0].channels and macs(node):
                if id(node.application) not in known:
                    known[id(node.application)] = work_of_layer(design.graph, node).intensity
                intensity = known[id(node.application)]
                if intensity < LEAST:
                    message = f"{node.name} is depthwise, {intensity:.1f} FLOPs per byte: memory bandwidth limits it"
                    yield Finding(node=node, message=message, help="measure its time: archcalc verify --time")
