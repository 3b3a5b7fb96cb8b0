"""Dilated convolutions that see a grid."""

from collections.abc import Iterator, Sequence
from math import gcd

from archcalc.core.window import Window
from archcalc.graph import Node
from archcalc.layer import Role
from archcalc.rule import Design, Finding, Rule


class Gridding(Rule, code="AR304"):
    """Dilated convolutions in a row whose dilations have a common divisor.

    Dilated by 2 again and again, a unit never meets every second of its neighbours: the field is large and full of
    holes, and neighbouring outputs are made of different units altogether. Dilations without a common divisor, such as
    1, 2, 5, fill it.

    Sources: Wang et al. 2017, arXiv:1702.08502, section 3.2 (gridding, hybrid dilated convolution); Yu, Koltun &
    Funkhouser 2017, arXiv:1705.09914, section 4.
    """

    bad = "- conv(3, 8, d2, p2) -> relu\n- conv(3, 8, d4, p4) -> relu  # <-"
    good = "- conv(3, 8, p1) -> relu\n- conv(3, 8, d2, p2) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design:
            before = design.back(node, Role.ACTIVATION, Role.BATCH_NORM)
            if before is None:
                continue
            common = common_divisor(spread(design, before), spread(design, node))
            if common > 1:
                message = f"the dilations of {before.name} and {node.name} are multiples of {common}: they see a grid"
                yield Finding(node=node, message=message, help="dilations without a common divisor: 1, 2, 5")


def common_divisor(first: Sequence[int], second: Sequence[int]) -> int:
    return gcd(*first, *second) if first and second else 1


def spread(design: Design, node: Node) -> list[int]:
    """The dilations of a convolution; none of another layer."""
    if node.layer.role is not Role.CONTRACTION:
        return []
    windows: list[Window] = [window for _, window in design.sliding(node)]
    return [int(window.dilation) for window in windows if window.stride == 1 and window.kernel > 1]
