"""Structured convolution: a fixed bank of filters, and learned mixtures of it."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, per_axis, prod
from archcalc.core.kernel import Unpredicted
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.filtering import Filtering

SUPPORT = '''\
class FilterBankConv2d(nn.Module):
    """Fixed filters, the derivatives of a Gaussian up to `order`, and learned mixtures of their responses."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        order: int,
        sigma: float,
        stride: tuple[int, int],
        dilation: tuple[int, int],
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels, self.stride, self.dilation = in_channels, stride, dilation
        down, along = (self.derivatives(size, order, sigma) for size in kernel_size)
        pairs = [(i, total - i) for total in range(order + 1) for i in range(total + 1)]
        self.register_buffer("basis", torch.stack([torch.outer(down[i], along[j]) for i, j in pairs]))
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, len(pairs)))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    @staticmethod
    def derivatives(size: int, order: int, sigma: float) -> list[torch.Tensor]:
        """sigma^n times the n-th derivative of a Gaussian, n = 0 ... order: (-1)^n He_n(t) g(t), t = x / sigma."""
        t = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) / sigma
        gaussian = torch.exp(-t * t / 2) / (sigma * (2 * torch.pi) ** 0.5)
        hermite = [torch.ones_like(t), t]
        for n in range(1, order):
            hermite.append(t * hermite[n] - n * hermite[n - 1])
        return [(-1) ** n * hermite[n] * gaussian for n in range(order + 1)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bank = self.basis.repeat(self.in_channels, 1, 1).unsqueeze(1)
        responses = F.conv2d(x, bank, None, self.stride, 0, self.dilation, groups=self.in_channels)
        return F.conv2d(responses, self.weight.flatten(1)[:, :, None, None], self.bias)
'''


class FilterBankConv(Filtering, name="filter_bank_conv", positional=("kernel_size", "out_channels", "order")):
    """Every filter is a learned mixture of fixed ones: the derivatives of a Gaussian of `sigma` up to `order`.

    x: C_in at *spatial -> y: out_channels at *spatial', sizes as of conv

    The bank has b = (order + 1)(order + 2)/2 filters, a steerable basis; only the mixing coefficients
    (out_channels, C_in, b) are learned. Counted as it is computed: the bank on every input map, then the mixture.

    Sources: Jacobsen, van Gemert, Lou & Smeulders 2016, "Structured receptive fields in CNNs", arXiv:1605.02971;
    Freeman & Adelson 1991, "The design and use of steerable filters".
    """

    opaque = Unpredicted(always="its module is several operations of torch")
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
        return x.to(self.out_channels, self.places(x))

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("basis", (self.filters, *self.kernel(x)), buffer=True)
        yield Weight("weight", (self.out_channels, x.channels, self.filters))
        if self.bias:
            yield Weight("bias", (self.out_channels,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        responses = x.batch * x.channels * self.filters * prod(y.spatial)
        mixing = y.numel * x.channels * self.filters
        mac = responses * prod(self.kernel(x)) + mixing
        return Ops(mac=mac, sums=responses + y.numel, bias=y.numel if self.bias else 0)

    def call(self, x: Volume) -> Call:
        return module(
            "FilterBankConv2d",
            support=SUPPORT,
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
