"""An even kernel with the same padding on both sides."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class EvenKernel(Rule, code="AR204"):
    """An even kernel of stride 1 with the same padding on both sides.

    An even window has no middle: the map grows or shrinks by a unit, and what comes out lies half a unit beside what
    went in; layer after layer the shift adds up. Dilated by an even number, an even kernel has a middle after all.

    Sources: Wu et al. 2019, arXiv:1903.08385 (the shift of even-sized kernels); Avrithis, "Deep learning for vision",
    lecture 7 (r = 2l + 1).
    """

    bad = "- conv(4, 8, p2) -> relu  # <-"
    good = "- conv(3, 8, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.CONTRACTION):
            for _, window in design.sliding(node):
                if window.extent % 2 == 0 and window.stride == 1 and window.begin == window.end > 0:
                    message = f"{node.name} has an even kernel and equal padding: what comes out lies half a unit aside"
                    help = f"kernel_size={window.kernel + 1} or padding=same_upper"
                    yield Finding(node=node, message=message, help=help)
                    break
