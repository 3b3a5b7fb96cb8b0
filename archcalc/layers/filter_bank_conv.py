"""Structured convolution: learned linear combinations of a fixed filter bank."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import Contraction, macs_of
from archcalc.core.dim import Dim, per_axis, prod
from archcalc.core.kernel import Unpredicted
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.filtering import Filtering
from archcalc.layers.parametrized import Parametrized

FAMILY = "Convolution"


class FilterBankConv(
    Filtering, Parametrized, name="filter_bank_conv", positional=("kernel_size", "out_channels", "order")
):
    """A convolution whose filters are learned combinations of the derivatives of a Gaussian of `sigma` up to `order`.

    x: C_in at *spatial -> y: out_channels at *spatial', sizes as in conv

    The bank has b = (order + 1)(order + 2)/2 filters, a steerable basis; only the coefficients (out_channels, C_in, b)
    are learned. Counted as computed: the bank on every input map, then the combination.

    Sources: Jacobsen, van Gemert, Lou & Smeulders 2016, "Structured receptive fields in CNNs", arXiv:1605.02971;
    Freeman & Adelson 1991, "The design and use of steerable filters".
    """

    opaque = Unpredicted(always="its module runs several torch operations that are not modelled")
    role = Role.CONTRACTION
    ranks = (2,)
    followed_by = ("norm", "act")

    out_channels: Dim
    order: Dim
    sigma: float = 1.0
    bias: bool = True

    @property
    def filters(self) -> Dim:
        """Filters in the bank."""
        return (self.order + 1) * (self.order + 2) // 2

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, out_channels=self.out_channels)
        yield from at_least(0, order=self.order)
        yield self.sigma > 0, f"sigma must be above 0, got {self.sigma}"
        yield from self.sliding(x)

    def shape(self, x: Volume) -> Volume:
        return x.to(self.out_channels, self.positions(x))

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("basis", (self.filters, *self.kernel(x)), buffer=True)
        yield Weight("weight", (self.out_channels, x.channels, self.filters))
        if self.bias:
            yield Weight("bias", (self.out_channels,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        mac = macs_of(self.contractions(y, x))
        return Ops(mac=mac, sums=self.responses(y, x) + y.numel, bias=y.numel if self.bias else 0)

    def responses(self, y: Volume, x: Volume) -> Dim:
        """What the fixed filters make of the input."""
        return x.batch * x.channels * self.filters * prod(y.spatial)

    def contractions(self, y: Volume, x: Volume) -> Iterator[Contraction]:
        yield Contraction(self.responses(y, x) * prod(self.kernel(x)), ("x",), ())
        yield Contraction(y.numel * x.channels * self.filters)

    def call(self, x: Volume) -> Call:
        return module(
            "FilterBankConv2d",
            file="filter_bank_conv2d",
            forward=f"{{module}}({self.padded(x)})",
            in_channels=x.channels,
            out_channels=self.out_channels,
            kernel_size=self.kernel(x),
            order=self.order,
            sigma=self.sigma,
            stride=per_axis(self.stride, x.rank),
            dilation=per_axis(self.dilation, x.rank),
            bias=self.bias,
        )

    examples = (
        Example(
            given=dict(out_channels=64, kernel_size=11, order=4, sigma=1.5, padding="same"),
            x=image(1, 28, 28), y=image(64, 28, 28), params=1_024, macs=2_175_600, scalar=4_339_440,
            source="a basis of 15 Gaussian derivatives: Jacobsen et al. 2016, arXiv:1605.02971",
        ),
        Example(
            given=dict(out_channels=2, kernel_size=(3, 5), order=1, stride=(2, 1), dilation=(2, 1), bias=False),
            x=image(2, 9, 8), y=image(2, 3, 4), params=12, macs=1_224, scalar=2_352,
        ),
    )  # fmt: skip
