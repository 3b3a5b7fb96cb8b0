"""A stride larger than the window."""

from collections.abc import Iterator
from math import prod

from archcalc.graph.application import Application
from archcalc.lint.rule import Design, Finding, Rule, of_layer


class SkippedPositions(Rule, code="AR203"):
    """The stride is larger than the kernel, so positions between the windows are never read.

    They were computed in vain. A 1x1 convolution with stride 2, as in the shortcuts of ResNet, skips three quarters of
    its input. Average pooling before a 1x1 convolution with stride 1 uses all of it.

    Sources: He et al. 2018, arXiv:1812.01187, section 4.2 (ResNet-D); Avrithis, "Deep learning for vision", lecture 7.
    """

    bad = "- conv(3, 16, p1) -> relu\n- conv(1, 32, s2)  # <-"
    good = "- conv(3, 16, p1) -> relu\n- avgpool(2) -> conv(1, 32)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.where(lambda made: share_read(made) < 1):
            read = share_read(node.application)
            message = f"{node.name} skips {1 - read:.0%} of its input: the stride is larger than the kernel"
            yield Finding(node=node, message=message, help="use avgpool(2) before it, and stride 1")


@of_layer
def share_read(made: Application) -> float:
    """The share of its input that a layer reads, as far as its strides are larger than its windows."""
    windows = [(int(made.inputs[0].spatial[axis]), window) for axis, window in made.sliding]
    return prod(window.taps(n) / n for n, window in windows if window.stride > window.extent)
