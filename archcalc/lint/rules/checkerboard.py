"""A transposed convolution whose kernel is no multiple of its stride."""

from collections.abc import Iterator

from archcalc.layers.transposed_conv import TransposedConv
from archcalc.lint.rule import Design, Finding, Rule


class Checkerboard(Rule, code="AR207"):
    """A transposed convolution whose kernel is no multiple of its stride.

    Its patches then overlap unevenly: some output units are the sum of more products than their neighbours, in a
    pattern like a checkerboard, which the network has to learn to undo and mostly does not. A kernel that the stride
    divides overlaps evenly; to resize, and to convolve after that, has no such pattern at all.

    Source: Odena, Dumoulin & Olah 2016, "Deconvolution and Checkerboard Artifacts", Distill.
    """

    bad = "- upconv(3, 8, s2)  # <-\n- relu"
    good = "- upconv(4, 8, s2, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(TransposedConv):
            uneven = [w for w in layer.windows(node.inputs[0]) if w.stride > 1 and w.kernel % w.stride]
            if uneven:
                kernel, stride = uneven[0].kernel, uneven[0].stride
                message = f"{node.name} overlaps unevenly: stride {stride} does not divide the kernel of {kernel}"
                help = f"kernel_size={kernel + -kernel % stride}, or upsample({stride}) and a convolution"
                yield Finding(node=node, message=message, help=help)
