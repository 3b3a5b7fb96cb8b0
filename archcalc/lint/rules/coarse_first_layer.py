"""A first layer that samples too coarsely."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class CoarseFirstLayer(Rule, code="AR202"):
    """The first convolution has overlapping windows and a stride of four or more.

    Filters of 11x11 with stride 4 were found to alias: they capture high and low frequencies, but few in between. 7x7
    with stride 2 gave smooth filters and a better network. The rule ignores patches without overlap, as in vision
    transformers: every pixel of a patch reaches its token. It also ignores one-dimensional signals, which are sampled
    far more densely.

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
                message = f"{node.name} samples the input with stride {max(coarse)} and overlapping windows"
                yield Finding(
                    node=node, message=message, help="use a smaller kernel and stride, then pooling: conv(7, s2)"
                )
