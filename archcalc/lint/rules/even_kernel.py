"""An even kernel with equal padding on both sides."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class EvenKernel(Rule, code="AR204"):
    """An even kernel with stride 1 and equal padding on both sides.

    An even window has no centre element. The map grows or shrinks by one element, and the output is shifted by half an
    element relative to the input. The shifts of several layers add up. With an even dilation, an even kernel has a
    centre; the rule ignores it.

    Sources: Wu et al. 2019, arXiv:1903.08385 (the shift of even-sized kernels); Avrithis, "Deep learning for vision",
    lecture 7 (r = 2l + 1).
    """

    bad = "- conv(4, 8, p2) -> relu  # <-"
    good = "- conv(3, 8, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.CONTRACTION):
            for _, window in design.sliding(node):
                if window.extent % 2 == 0 and window.stride == 1 and window.begin == window.end > 0:
                    message = (
                        f"{node.name} has an even kernel and equal padding, which shifts its output by half an element"
                    )
                    help = f"use kernel_size={window.kernel + 1} or padding=same_upper"
                    yield Finding(node=node, message=message, help=help)
                    break
