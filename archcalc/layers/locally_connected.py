"""Locally connected layers: convolution without weight sharing."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, per_axis, prod
from archcalc.core.kernel import Unpredicted
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.filtering import Filtering, order_help
from archcalc.layers.parametrized import Parametrized

FAMILY = "Convolution"


class LocallyConnected(Filtering, Parametrized, name="locally_connected", positional=("kernel_size", "out_channels")):
    """A convolution without weight sharing: each position has its own `out_channels` filters and biases.

    x: C_in at *spatial -> y: out_channels at *spatial', sizes as in conv

    The first axis of the weight runs over all output elements, position by position within a channel; the other axes
    are the inputs of one output element.

    Sources: LeCun 1989, "Generalization and network design strategies" (local connections with and without shared
    weights); Taigman et al. 2014, "DeepFace", section 3 (layers L4 to L6).
    """

    opaque = Unpredicted(always="its module runs several torch operations that are not modelled")
    role = Role.CONTRACTION
    ranks = (1, 2, 3)
    followed_by = ("norm", "act")

    out_channels: Dim
    bias: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, out_channels=self.out_channels)
        yield from self.sliding(x)

    def remedy(self, *xs: Volume) -> str:
        return order_help(self.kernel_size, self.out_channels)

    def shape(self, x: Volume) -> Volume:
        return x.to(self.out_channels, self.positions(x))

    def weights(self, x: Volume) -> Iterator[Weight]:
        positions = self.positions(x)
        yield Weight("weight", (self.out_channels * prod(positions), x.channels, *self.kernel(x)))
        if self.bias:
            yield Weight("bias", (self.out_channels, *positions))

    def ops(self, y: Volume, x: Volume) -> Ops:
        fan_in = x.channels * prod(self.kernel(x))
        return Ops(mac=y.numel * fan_in, sums=y.numel, bias=y.numel if self.bias else 0)

    def call(self, x: Volume) -> Call:
        return module(
            "LocallyConnected",
            file="locally_connected",
            forward=f"{{module}}({self.padded(x)})",
            in_channels=x.channels,
            out_channels=self.out_channels,
            output_size=self.positions(x),
            kernel_size=self.kernel(x),
            stride=per_axis(self.stride, x.rank),
            dilation=per_axis(self.dilation, x.rank),
            bias=self.bias,
        )

    examples = (
        Example(
            given=dict(out_channels=16, kernel_size=7, stride=2),
            x=image(16, 55, 55), y=image(16, 25, 25), params=7_850_000, macs=7_840_000, scalar=15_680_000,
            source="DeepFace L5: Taigman et al. 2014, figure 2",
        ),
        Example(
            given=dict(out_channels=16, kernel_size=5),
            x=image(16, 25, 25), y=image(16, 21, 21), params=2_829_456, macs=2_822_400, scalar=5_644_800,
            source="DeepFace L6: Taigman et al. 2014, figure 2",
        ),
        Example(
            given=dict(out_channels=1, kernel_size=3, bias=False),
            x=image(1, 10), y=image(1, 8), params=24, macs=24, scalar=40,
            source="MIT 6.036, lecture notes on convolutional networks: the 10-pixel signal, weights not shared",
        ),
        Example(
            given=dict(out_channels=2, kernel_size=3, padding=((1, 2), (0, 1)), dilation=(1, 2)),
            x=image(3, 4, 6), y=image(2, 5, 3), params=840, macs=810, scalar=1_620,
        ),
        Example(
            given=dict(out_channels=2, kernel_size=(1, 2, 2), stride=(2, 1, 2)),
            x=image(2, 3, 3, 4), y=image(2, 2, 2, 2), params=144, macs=128, scalar=256,
        ),
    )  # fmt: skip
