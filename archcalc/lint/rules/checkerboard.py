"""A transposed convolution whose kernel is not a multiple of its stride."""

from collections.abc import Iterator

from archcalc.layers.transposed_conv import TransposedConv
from archcalc.lint.rule import Design, Finding, Rule


class Checkerboard(Rule, code="AR207"):
    """A transposed convolution whose kernel is not a multiple of its stride.

    Its patches overlap unevenly: some output elements sum more products than their neighbours, in a checkerboard
    pattern. The network would have to learn to compensate for it, and usually does not. Patches overlap evenly if the
    stride divides the kernel size. Resizing followed by a convolution has no such pattern.

    Source: Odena, Dumoulin & Olah 2016, "Deconvolution and Checkerboard Artifacts", Distill.
    """

    bad = "- upconv(3, 8, s2)  # <-\n- relu"
    good = "- upconv(4, 8, s2, p1) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(TransposedConv):
            uneven = [w for w in layer.windows(node.inputs[0]) if w.stride > 1 and w.kernel % w.stride]
            if uneven:
                kernel, stride = uneven[0].kernel, uneven[0].stride
                message = f"{node.name} overlaps unevenly: stride {stride} does not divide kernel size {kernel}"
                help = f"kernel_size={kernel + -kernel % stride}, or upsample({stride}) and a convolution"
                yield Finding(node=node, message=message, help=help)
