"""Padding in an average."""

from collections.abc import Iterator

from archcalc.layers.pool import AvgPool
from archcalc.lint.editing import states_argument, with_argument
from archcalc.lint.rule import Design, Finding, Rule

NAME = "count_include_pad"
"""The argument that leaves the zeros out."""


class PaddedAverage(Rule, code="AR205"):
    """Average pooling includes the zeros of its padding.

    Averages along the border are too small: at a corner of a 3x3 window by five ninths. The next layer has to learn to
    compensate for this frame. Pooling usually needs no padding. Max pooling is not affected: its padding is never the
    maximum. The rule ignores layers that state `count_include_pad`, themselves or in `defaults:`: weights may have been
    trained with it.

    Sources: torch.nn.AvgPool2d (`count_include_pad`); Avrithis, "Deep learning for vision", lecture 7 (pooling has
    usually no padding).
    """

    bad = "- conv(3, 8, p1) -> relu\n- avgpool(3, 1, p1)  # <-"
    good = "- conv(3, 8, p1) -> relu\n- avgpool(3, 1, p1, count_include_pad=false)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(AvgPool):
            padded = any(window.begin or window.end for _, window in design.sliding(node))
            stated = states_argument(node, NAME) or NAME in design.defaults(layer)
            if padded and layer.count_include_pad and not stated:
                yield Finding(
                    node=node,
                    message=f"{node.name} includes the zeros of its padding in averages",
                    help="set count_include_pad=false",
                    edits=with_argument(node, NAME, "false"),
                )
