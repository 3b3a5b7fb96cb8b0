"""Rows and columns that no window reads."""

from collections.abc import Iterator

from archcalc.graph import Node
from archcalc.rule import Design, Finding, Rule, sliding


class DroppedBorder(Rule, code="AR201"):
    """Rows or columns at the far border that no window reads.

    Where the stride does not divide what is left behind the first window, floor() drops the rest, at the right and at
    the bottom: features near these borders are lost, and the map is shifted against the image. It depends on the size
    of the input: `archcalc solve SPEC --for H --lossless` lists the sizes at which nothing is dropped.

    Source: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 6 and figure 2.6 (units that are not visited).
    """

    bad = "- conv(3, 8, s2)  # <-\n- relu"
    good = "- conv(3, 8, s2, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design:
            lost = [dropped(node, axis) for axis, _ in sliding(node)]
            if any(lost):
                count = " and ".join(f"{n:,} of {int(node.inputs[0].spatial[i])}" for i, n in enumerate(lost) if n)
                yield Finding(
                    node=node,
                    message=f"{node.name} drops the last {count} along {'each axis' if all(lost) else 'an axis'}",
                    help="pad it, or choose another size: archcalc solve --lossless lists them",
                )


def dropped(node: Node, axis: int) -> int:
    """How many units of the input lie behind the last window of a layer, padding left out."""
    window, n = dict(sliding(node))[axis], int(node.inputs[0].spatial[axis])
    last = window.reach(int(window.slide(n)) - 1)
    return max(0, n - 1 - last[-1]) if window.stride <= window.extent else 0
