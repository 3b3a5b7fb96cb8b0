"""The common part of layers that slide filters over the input: their windows."""

from collections.abc import Iterable, Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, is_number, per_axis, prod
from archcalc.core.kernel import Backward, Kernel, Layout, tensor
from archcalc.core.layout import channels_before
from archcalc.core.padding import Padding, amounts, pads, same_is_even, torch_pad
from archcalc.core.volume import Volume
from archcalc.core.weight import Weight
from archcalc.core.window import Window, fits, slide, windows_along
from archcalc.layer import WORD, Layer, Requirement
from archcalc.record import replace

WIDE_WINDOW = 16
FEW_FILTERS = 11
"""A window of this size or more, with so few filters, is probably a number of filters in the place of the kernel size:
torch and Keras write the filters first."""


def looks_swapped(kernel_size: PerAxis, out_channels: Dim) -> bool:
    """Whether a kernel size and a number of filters look as if they were given in the other order."""
    numbers = is_number(kernel_size, out_channels)
    return numbers and kernel_size >= WIDE_WINDOW and out_channels <= FEW_FILTERS  # type: ignore[operator]


def order_help(kernel_size: PerAxis, out_channels: Dim) -> str:
    """What to write if they were; empty if they do not look so."""
    if not looks_swapped(kernel_size, out_channels):
        return ""
    return f"the kernel size comes first: for {kernel_size} filters write {WORD}({out_channels}, {kernel_size})"


class Filtering(Layer):
    """Abstract: filters of `kernel_size`, applied every `stride` elements of the padded input."""

    kernel_size: PerAxis
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1

    def sliding(self, x: Volume) -> Iterator[Requirement]:
        """The requirements on the window arguments."""
        kernel, stride, dilation = self.kernel_size, self.stride, self.dilation
        yield channels_before(self.name, x)
        yield from one_for_each_axis(x.rank, kernel_size=kernel, stride=stride, padding=self.padding, dilation=dilation)
        yield from at_least(1, kernel_size=kernel, stride=stride, dilation=dilation)
        yield from at_least(0, padding=amounts(self.padding))
        yield from same_is_even(self.padding, self.kernel(x), per_axis(dilation, x.rank))
        yield from fits(self.windows(x), x.spatial)

    def kernel(self, x: Volume) -> tuple[Dim, ...]:
        return per_axis(self.kernel_size, x.rank)

    def pads(self, x: Volume) -> tuple[tuple[Dim, Dim], ...]:
        return pads(self.padding, x.spatial, self.kernel_size, self.stride, self.dilation)

    def windows(self, x: Volume) -> tuple[Window, ...]:
        return windows_along(x.rank, self.kernel_size, self.stride, self.pads(x), self.dilation)

    def positions(self, x: Volume) -> tuple[Dim, ...]:
        """The number of window positions along each axis."""
        return slide(self.windows(x), x.spatial)

    def padded(self, x: Volume) -> str:
        """The padded input as an expression, for modules that do not pad."""
        pads = torch_pad(self.pads(x))
        return f"F.pad({{0}}, {pads})" if any(pads) else "{0}"

    def after_padding(self, y: Volume, x: Volume, pads: Iterable[tuple[Dim, Dim]]) -> Iterator[Kernel]:
        """The convolution, after explicit padding if the convolution cannot pad that way."""
        pads = tuple(pads)
        if not any(amount for pair in pads for amount in pair):
            yield self.filtered(y, x)
            return
        lengths = [n + begin + end for n, (begin, end) in zip(x.spatial, pads, strict=True)]
        yield Kernel(
            makes="padded",
            size=tensor(x.batch, x.channels, *lengths, dtype=x.dtype),
            layout=Layout(preserves=x.rank == 2),
        )
        yield self.filtered(y, x, reads="padded")

    def filtered(self, y: Volume, x: Volume, reads: str = "x") -> Kernel:
        """The convolution."""
        return in_order_of_input(self.applied(y, x, reads), self.weights(x), y, x)


def in_order_of_input(kernel: Kernel, weights: Iterable[Weight], y: Volume, x: Volume) -> Kernel:
    """A convolution, transposed or not: two and three axes keep the memory order of the input, and so do the gradients
    of the filters; one axis is made contiguous."""
    filters = [] if x.rank == 1 else [weight for weight in weights if len(weight.shape) > 2]
    turned = tuple(w.name for w in filters if 1 not in (w.shape[1], prod(w.shape[2:])))
    single = 1 in (y.channels, prod(y.spatial))
    layout = Layout(preserves=x.rank > 1, fixed=x.rank == 1, chooses=True, single=single)
    return replace(kernel, layout=layout, backward=Backward(input_order=turned))
