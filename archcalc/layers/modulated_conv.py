"""Modulated convolution: a style weights the channels that its filters read, and their sums are brought to length 1."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction
from archcalc.core.dim import Dim, same
from archcalc.core.kernel import Cast, Unpredicted
from archcalc.core.layout import channels_before
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, Window
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, module
from archcalc.layers.filtering import order_help
from archcalc.layers.parametrized import Parametrized

FAMILY = "Convolution"


class ModulatedConv(Parametrized, Merge, name="modulated_conv", positional=("kernel_size", "out_channels", "style")):
    """A convolution whose input channels a `style` weights, and whose filters then have length 1 (`demodulate`).

    x: C at [H, W]; style: C features -> y: out_channels at [H, W]

    Map o is d_o (sum over i of w_oi * (s_i x_i)), with d_o = 1 / sqrt(sum over i and taps of (s_i w_oi)^2 + 1e-8), or 1
    without `demodulate`. Padding keeps the size. It computes on maps, as StyleGAN2 does without fused kernels, and
    gives what filters of each sample's own would give.

    MACs: those of the convolution, and C out_channels for each sample to find the d_o. In addition: one product for
    each value read and each value made; for each sample C squares, and out_channels sums, roots and divisions. The
    squares of the filters do not depend on the input and are not counted.

    Source: Karras et al. 2020, arXiv:1912.04958, section 2.2, equations 1 and 3.
    """

    opaque = Unpredicted(always="libraries have fused kernels for it, whose memory is another")
    role = Role.CONTRACTION
    ranks = (2,)
    inputs = (1, 1)
    reads = ("style",)
    followed_by = ("act",)

    kernel_size: Dim
    out_channels: Dim
    style: Reference
    demodulate: bool = True
    bias: bool = True

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, style = xs
        yield from at_least(1, kernel_size=self.kernel_size, out_channels=self.out_channels)
        yield channels_before("modulated_conv", x)
        yield x.rank == 2, f"modulated_conv needs a map of two axes, got {x}"
        yield (
            same(self.kernel_size % 2, 1),
            f"kernel_size={self.kernel_size} must be odd, so that the map keeps its size",
        )
        text = f"style needs one number for each of the {x.channels} channels, and no positions; got {style}"
        yield style.rank == 0 and style.dtype == x.dtype, text
        yield same(style.channels, x.channels), text

    def remedy(self, *xs: Volume) -> str:
        return order_help(self.kernel_size, self.out_channels)

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        side = self.kernel_size // 2
        return (Window(kernel=self.kernel_size, begin=side, end=side),) * 2

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        return self.windows(*xs), ()

    def shape(self, *xs: Volume) -> Volume:
        return xs[0].to(self.out_channels)

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        yield Weight("weight", (self.out_channels, xs[0].channels, self.kernel_size, self.kernel_size))
        if self.bias:
            yield Weight("bias", (self.out_channels,))

    def lengths(self, y: Volume, x: Volume) -> Dim:
        """The MACs for the lengths of the filters of all samples."""
        return y.batch * y.channels * x.channels if self.demodulate else 0

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        x, style = xs
        each = y.batch * y.channels if self.demodulate else 0
        return Ops(
            mac=y.numel * x.channels * self.kernel_size**2 + self.lengths(y, x),
            sums=y.numel + each,
            bias=y.numel if self.bias else 0,
            mul=x.numel + (y.numel + style.numel if self.demodulate else 0),
            add=each,
            root=each,
            div=each,
        )

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        yield Contraction(y.numel * xs[0].channels * self.kernel_size**2, ("x0", "x1"), (WEIGHTS,))
        yield Contraction(self.lengths(y, xs[0]), ("x1",), (WEIGHTS,))

    def cast(self, *xs: Volume) -> Cast:
        return Cast.NONE

    def call(self, *xs: Volume) -> Call:
        given = dict(in_channels=xs[0].channels) | self.stated("style")
        return module("ModulatedConv", file="modulated_conv", forward="{module}({0}, {1})", **given)

    examples = (
        Example(
            given=dict(kernel_size=3, out_channels=512, style=Reference("s")), x=(image(512, 8, 8), flat(512)),
            y=image(512, 8, 8), params=2_359_808, macs=151_257_088, scalar=302_581_248,
            source="StyleGAN2, 8 x 8: Karras et al. 2020, arXiv:1912.04958, figure 2",
        ),
        Example(
            given=dict(kernel_size=1, out_channels=3, style=Reference("s"), demodulate=False, bias=False),
            x=(image(4, 5, 6), flat(4)), y=image(3, 5, 6), params=12, macs=360, scalar=750,
            source="from features to colours: Karras et al. 2020, arXiv:1912.04958, figure 7",
        ),
    )  # fmt: skip
