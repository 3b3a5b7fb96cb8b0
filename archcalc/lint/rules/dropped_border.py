"""Rows and columns that no window reads."""

from collections.abc import Iterator, Mapping

from archcalc.core.window import Window
from archcalc.graph.application import Application
from archcalc.graph.graph import Node
from archcalc.lint.rule import Design, Finding, Rule, of_layer


class DroppedBorder(Rule, code="AR201"):
    """Rows or columns at the far border that no window reads.

    If the stride does not divide the input size minus the window size, floor() drops the remainder at the right and at
    the bottom. Features near these borders are lost, and the map is shifted relative to the image. This depends on the
    input size: `archcalc solve SPEC --for H --lossless` lists the sizes at which nothing is dropped.

    Source: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 6 and figure 2.7 (a row and a column that
    no window covers).
    """

    bad = "- conv(3, 8, s2)  # <-\n- relu"
    good = "- conv(3, 8, s2, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.where(lost):
            lines = " and the last ".join(counted(node, lost(node.application)))
            yield Finding(
                node=node,
                message=f"{node.name} drops the last {lines} of its input",
                help="add padding, or choose another size: archcalc solve --lossless lists them",
            )


@of_layer
def lost(made: Application) -> Mapping[int, int]:
    """How many elements are dropped along each axis where some are."""
    found = {axis: dropped(window, int(made.inputs[0].spatial[axis])) for axis, window in made.sliding}
    return {axis: n for axis, n in found.items() if n}


def counted(node: Node, lost: Mapping[int, int]) -> Iterator[str]:
    """`3 of 224 rows`, for each axis with dropped elements."""
    spatial = node.inputs[0].spatial
    words = {1: ("elements",), 2: ("rows", "columns"), 3: ("frames", "rows", "columns")}[len(spatial)]
    return (f"{n:,} of {spatial[axis]:,} {words[axis]}" for axis, n in lost.items())


def dropped(window: Window, n: int) -> int:
    """The number of elements of an axis after the last window, without padding."""
    last = window.reach(int(window.slide(n)) - 1)
    return max(0, n - 1 - last[-1]) if window.stride <= window.extent else 0
