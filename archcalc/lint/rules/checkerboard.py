"""A transposed convolution whose kernel is not a multiple of its stride."""

from collections.abc import Iterator, Sequence

from archcalc.core.window import TransposedWindow
from archcalc.layers.transposed_conv import TransposedConv
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.record import replace


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
            windows = layer.windows(node.inputs[0])
            uneven = [w for w in windows if w.stride > 1 and w.kernel % w.stride]
            if uneven:
                kernel, stride = uneven[0].kernel, uneven[0].stride
                message = f"{node.name} overlaps unevenly: stride {stride} does not divide kernel size {kernel}"
                help = f"{', '.join(changed(windows))} has the same size; or upsample({stride}) and a convolution"
                yield Finding(node=node, message=message, help=help)


def even(window: TransposedWindow) -> TransposedWindow:
    """The window with the next kernel size that is a multiple of its stride, and an output of the same size."""
    more = -window.kernel % window.stride
    longer = window.dilation * more
    for output_padding in range(max(window.stride, window.dilation)):
        cropped = longer + output_padding - window.output_padding
        if cropped >= 0 and cropped % 2 == 0:
            p = window.begin + cropped // 2
            return replace(window, kernel=window.kernel + more, begin=p, end=p, output_padding=output_padding)
    raise AssertionError("an even and an odd output_padding are below a stride of 2")


def changed(windows: Sequence[TransposedWindow]) -> Iterator[str]:
    """The arguments that differ: `kernel_size=4`, `padding=1`."""
    after = [even(window) for window in windows]
    for argument, field in (("kernel_size", "kernel"), ("padding", "begin"), ("output_padding", "output_padding")):
        old, new = ([getattr(window, field) for window in each] for each in (windows, after))
        if argument == "kernel_size" or old != new:
            yield f"{argument}={new[0] if len(set(new)) == 1 else tuple(new)}"
