"""Deformable convolution: its taps read a map at places that are computed."""

from collections.abc import Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.contraction import WEIGHTS, Contraction
from archcalc.core.dim import Dim, PerAxis, divides, exact, per_axis, prod, same
from archcalc.core.kernel import Unpredicted, inputs_named
from archcalc.core.layout import channels_before
from archcalc.core.moved import ChosenWindow
from archcalc.core.ops import Ops
from archcalc.core.padding import Padding, Pair, amounts, pads, same_is_even
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, Window, fits, slide, windows_along
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, module
from archcalc.layers.filtering import order_help
from archcalc.layers.parametrized import Parametrized

FAMILY = "Convolution"


class DeformConv(
    Parametrized, Merge, name="deform_conv", positional=("kernel_size", "out_channels", "offsets", "mask")
):
    """A convolution whose taps are moved: at each position, `offsets` say by how much, and `mask` what each counts.

    x: C at [H, W]; offsets: 2 G k k at [H', W']; mask: G k k at [H', W'] -> y: out_channels at [H', W'], as in conv

    Channel 2 (g k k + t) of `offsets` moves tap t of group g down, the channel after it to the right; C / G channels
    share a group's offsets. Between elements, values are interpolated; beyond the border they are 0. With `mask`, each
    value is multiplied with its entry: DCN v2. Offsets and mask come from layers of the same stride, usually
    conv(3, 18, p1) and conv(3, 9, p1, act=sigmoid).

    MACs: those of the convolution. Each value that a tap reads is 4 products and 3 sums, and one more product with
    `mask`; where it lies is not counted. Values decide which elements are read, so the receptive field is the whole
    map.

    Sources: Dai et al. 2017, arXiv:1703.06211 (DCN); Zhu et al. 2018, arXiv:1811.11168 (DCN v2);
    torchvision.ops.DeformConv2d (names, order of channels).
    """

    opaque = Unpredicted(always="libraries have a kernel of their own for it, whose memory is another")
    role = Role.CONTRACTION
    ranks = (2,)
    inputs = (1, 1)
    reads = ("offsets", "mask")
    followed_by = ("norm", "act")

    kernel_size: PerAxis
    out_channels: Dim
    offsets: Reference
    mask: Reference | None = None
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1
    groups: Dim = 1
    bias: bool = True

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, offsets, *masks = xs
        kernel, stride, dilation = self.kernel_size, self.stride, self.dilation
        yield from at_least(1, out_channels=self.out_channels, groups=self.groups)
        yield channels_before("deform_conv", x)
        yield x.rank == 2, f"deform_conv needs a map of two axes, got {x}"
        yield divides(self.groups, x.channels), f"groups={self.groups} must divide the {x.channels} input channels"
        yield divides(self.groups, self.out_channels), f"groups={self.groups} must divide {self.out_channels} filters"
        yield from one_for_each_axis(2, kernel_size=kernel, stride=stride, padding=self.padding, dilation=dilation)
        yield from at_least(1, kernel_size=kernel, stride=stride, dilation=dilation)
        yield from at_least(0, padding=amounts(self.padding))
        yield from same_is_even(self.padding, self.kernel(), per_axis(dilation, 2))
        yield from fits(self.sliding(x), x.spatial)
        twice = 2 * self.taps()
        yield (
            divides(twice, offsets.channels),
            f"offsets need {twice} channels, 2 for each tap, or a multiple; {offsets}",
        )
        count = self.offset_groups(offsets)
        yield divides(count, x.channels), f"{count} groups of offsets must divide the {x.channels} input channels"
        yield from self.alike("offsets", offsets, x, offsets.channels)
        for mask in masks:
            yield from self.alike("mask", mask, x, count * self.taps())

    def alike(self, name: str, other: Volume, x: Volume, channels: Dim) -> Iterator[Requirement]:
        """Offsets and mask have an entry for each tap at each position."""
        wanted = x.to(channels, slide(self.sliding(x), x.spatial))
        message = f"{name} must be {wanted}, of the same stride and padding; got {other}"
        yield other.rank == 2 and not other.channels_last and other.dtype == x.dtype, message
        yield from ((same(n, m), message) for n, m in zip(other.shape, wanted.shape, strict=True))

    def remedy(self, *xs: Volume) -> str:
        return order_help(self.kernel_size, self.out_channels)

    def kernel(self) -> tuple[Dim, ...]:
        return per_axis(self.kernel_size, 2)

    def taps(self) -> Dim:
        return prod(self.kernel())

    def offset_groups(self, offsets: Volume) -> Dim:
        return exact(offsets.channels, 2 * self.taps())

    def pads(self, x: Volume) -> tuple[Pair, ...]:
        return pads(self.padding, x.spatial, self.kernel_size, self.stride, self.dilation)

    def sliding(self, x: Volume) -> tuple[Window, ...]:
        """The windows where no tap is moved, which give the size."""
        return windows_along(2, self.kernel_size, self.stride, self.pads(x), self.dilation)

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return tuple(ChosenWindow(n) for n in slide(self.sliding(xs[0]), xs[0].spatial))

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        return self.windows(*xs), *((IDENTITY, IDENTITY),) * (len(xs) - 1)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0].to(self.out_channels, slide(self.sliding(xs[0]), xs[0].spatial))

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        yield Weight("weight", (self.out_channels, exact(xs[0].channels, self.groups), *self.kernel()))
        if self.bias:
            yield Weight("bias", (self.out_channels,))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        read = y.positions * xs[0].channels * self.taps()
        return Ops(
            mac=y.numel * exact(xs[0].channels, self.groups) * self.taps(),
            sums=y.numel,
            bias=y.numel if self.bias else 0,
            mul=(4 if self.mask is None else 5) * read,
            add=3 * read,
        )

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        yield Contraction(self.ops(y, *xs).mac, inputs_named(len(xs)), (WEIGHTS,))

    def call(self, *xs: Volume) -> Call:
        x = xs[0]
        return module(
            "DeformConv",
            file="deform_conv",
            forward=f"{{module}}({', '.join(f'{{{i}}}' for i in range(len(xs)))})",
            in_channels=x.channels,
            out_channels=self.out_channels,
            kernel_size=self.kernel(),
            stride=per_axis(self.stride, 2),
            padding=tuple(begin for begin, _ in self.pads(x)),
            dilation=per_axis(self.dilation, 2),
            groups=self.groups,
            bias=self.bias,
        )

    examples = (
        Example(
            given=dict(kernel_size=3, out_channels=512, offsets=Reference("moves"), padding=1, bias=False),
            x=(image(512, 14, 14), image(18, 14, 14)), y=image(512, 14, 14), params=2_359_296, macs=462_422_016,
            scalar=931_065_856, source="DCN, 3 x 3 filters of ResNet's last stage: Dai et al. 2017, arXiv:1703.06211",
        ),
        Example(
            given=dict(kernel_size=3, out_channels=8, offsets=Reference("moves"), mask=Reference("counts"), stride=2,
                       padding=2, dilation=2, groups=2),
            x=(image(4, 9, 7), image(36, 5, 4), image(18, 5, 4)), y=image(8, 5, 4), params=152, macs=2_880,
            scalar=11_520, source="DCN v2: Zhu et al. 2018, arXiv:1811.11168; torchvision.ops.DeformConv2d",
        ),
        Example(
            given=dict(kernel_size=(1, 3), out_channels=2, offsets=Reference("moves"), padding=((0, 0), (2, 0))),
            x=(image(3, 5, 6), image(6, 5, 6)), y=image(2, 5, 6), params=20, macs=540, scalar=2_970,
        ),
    )  # fmt: skip
