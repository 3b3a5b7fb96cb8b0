"""A first layer that samples too coarsely."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class CoarseFirstLayer(Rule, code="AR202"):
    """The first convolution strides by four or more between windows that overlap.

    Filters of 11x11 every 4 pixels were found to alias: high and low frequencies with nothing in the middle. 7x7 every
    2 made them smooth, and the network better. Patches that do not overlap, as a vision transformer cuts them, are
    another thing: all of a patch reaches its token. So are signals along one axis, which are sampled far more densely.

    Source: Zeiler & Fergus 2013, arXiv:1311.2901, section 4.1 and figure 6.
    """

    bad = "input: [3, 227, 227]\nlayers:\n- conv(11, 96, s4) -> relu  # <-"
    good = "input: [3, 225, 225]\nlayers:\n- conv(7, 96, s2, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.CONTRACTION):
            if node.sources[0] not in design.inputs or node.inputs[0].rank < 2:
                continue
            coarse = [int(window.stride) for _, window in design.sliding(node) if 4 <= window.stride < window.extent]
            if coarse:
                message = f"{node.name} samples every {max(coarse)}th place of the input with overlapping windows"
                yield Finding(node=node, message=message, help="a smaller kernel and stride, then pooling: conv(7, s2)")
