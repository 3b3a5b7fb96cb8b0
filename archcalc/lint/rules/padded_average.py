"""Zeros in an average."""

from collections.abc import Iterator

from archcalc.layers.pool import AvgPool
from archcalc.lint.editing import with_argument
from archcalc.lint.rule import Design, Finding, Rule


class PaddedAverage(Rule, code="AR205"):
    """Average pooling counts the zeros of its padding.

    Along the border averages come out too small, at a corner of 3x3 by five ninths: a frame that the next layer has to
    learn to see through. Pooling mostly needs no padding; that of max pooling is never the largest, and does no harm.

    Sources: torch.nn.AvgPool2d (`count_include_pad`); Avrithis, "Deep learning for vision", lecture 7 (pooling has
    usually no padding).
    """

    bad = "- conv(3, 8, p1) -> relu\n- avgpool(3, 1, p1)  # <-"
    good = "- conv(3, 8, p1) -> relu\n- avgpool(3, 1, p1, count_include_pad=false)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(AvgPool):
            padded = any(window.begin or window.end for _, window in design.sliding(node))
            if padded and layer.count_include_pad:
                yield Finding(
                    node=node,
                    message=f"{node.name} averages the zeros of its padding too",
                    help="count_include_pad=false",
                    edits=with_argument(node, "count_include_pad", "false"),
                )
