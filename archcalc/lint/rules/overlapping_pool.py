"""Pooling whose windows overlap without need."""

from collections.abc import Iterator

from archcalc.core.window import Window
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class OverlappingPool(Rule, code="AR206"):
    """Pooling windows overlap, although windows without overlap give the same output size.

    Usually the stride equals the window size. Overlap costs comparisons and blurs. AlexNet chose windows of 3 with
    stride 2 for 0.4 % of accuracy, and ResNet and GoogLeNet followed. Otherwise, overlap is often a forgotten or
    mistyped stride.

    Sources: Krizhevsky et al. 2012, section 3.4 (overlapping pooling); Avrithis, "Deep learning for vision", lecture 7.
    """

    bad = "input: [3, 33, 33]\nlayers:\n- conv(3, 8, p1) -> relu\n- maxpool(3, 2)  # <-"
    good = "- conv(3, 8, p1) -> relu\n- maxpool(2)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.POOLING):
            windows = [(int(node.inputs[0].spatial[axis]), window) for axis, window in design.sliding(node)]
            if windows and all(needless(n, window) for n, window in windows):
                [_, window] = windows[0]
                message = f"{node.name} has overlapping windows: size {window.kernel}, stride {window.stride}"
                yield Finding(node=node, message=message, help=f"{plain_call(node, design)} gives the same output size")


def needless(n: int, window: Window) -> bool:
    """Whether windows as large as their stride give the same output size."""
    plain = Window(kernel=window.stride, stride=window.stride, ceil=window.ceil)
    return 1 < window.stride < window.extent and plain.slide(n) == window.slide(n)


def plain_call(node: Node, design: Design) -> str:
    """The call of a pooling layer without overlap that gives the same size."""
    windows = design.sliding(node)
    strides = [1] * node.inputs[0].rank
    for axis, window in windows:
        strides[axis] = int(window.stride)
    size = str(strides[0]) if len(set(strides)) == 1 else f"({', '.join(map(str, strides))})"
    return f"{node.layer.name}({size}{', ceil_mode=true' if windows[0][1].ceil else ''})"
