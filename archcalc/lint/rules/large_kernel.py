"""A large kernel that a stack of 3x3 convolutions can replace."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layers.conv import Conv
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.params import params
from archcalc.record import replace


class LargeKernel(Rule, code="AR401"):
    """A convolution with a large kernel that a stack of 3x3 convolutions can replace.

    Three 3x3 layers have a receptive field of 7x7 with 27 C^2 weights instead of 49 C^2, and three activations instead
    of one. The rule ignores the first layer of a network, which has a stride and few input channels. It also ignores
    kernels of width 1 along an axis, depthwise convolutions, and kernels as large as the map, which are linear layers.

    Sources: Simonyan & Zisserman 2014, arXiv:1409.1556, section 2.3; Szegedy et al. 2015, arXiv:1512.00567, section
    3.1.
    """

    bad = "- conv(3, 16, p1) -> relu\n- conv(5, 16, p2) -> relu  # <-"
    good = "- conv(3, 16, p1) -> relu\n- conv(3, 16, p1) -> relu -> conv(3, 16, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Conv):
            if layer.groups != 1 or node.sources[0] in design.inputs or node.reruns:
                continue
            depth, stacked = stack(design, node, layer)
            if depth > 1 and stacked < params(node):
                size, small = "x".join(map(str, layer.kernel(node.inputs[0]))), "x".join("3" * node.inputs[0].rank)
                message = f"{node.name} is {size}: {depth} layers of {small} have the same receptive field"
                note = f"{stacked:,} parameters instead of {params(node):,}"
                yield Finding(
                    node=node, message=message, help=f"use conv(3) with an activation, {depth} times", notes=(note,)
                )


def stack(design: Design, node: Node, layer: Conv) -> tuple[int, int]:
    """The number of layers with kernel 3 that replace a convolution with stride 1, and their parameters; 0 if none."""
    windows, x, y = [window for _, window in design.sliding(node)], node.inputs[0], node.output
    size = next((window.kernel for window in windows), 1)
    alike = len(windows) == x.rank > 1 and all(window.kernel == size for window in windows)
    plain = size > 3 and size % 2 and layer.groups == 1 and all(w.stride == w.dilation == 1 for w in windows)
    if not alike or not plain or y.positions == y.batch:
        return 0, 0
    depth = int((size - 1) // 2)
    small = replace(layer, kernel_size=3, padding=1)
    found = sum(int(w.numel) for w in small.weights(x)) if depth else 0
    return depth, found + (depth - 1) * sum(int(w.numel) for w in small.weights(y))
