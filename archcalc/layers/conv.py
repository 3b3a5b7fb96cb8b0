"""Convolution over one, two or three spatial axes."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, exact, prod
from archcalc.core.kernel import Cast, Kernel, Run
from archcalc.core.ops import Ops
from archcalc.core.padding import FOLLOW_SIZE, in_modules
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.filtering import Filtering, order_help
from archcalc.layers.parametrized import Parametrized

FAMILY = "Convolution"


class Conv(Filtering, Parametrized, name="conv", positional=("kernel_size", "out_channels")):
    """Slides `out_channels` learned filters over the input (cross-correlation, as in torch).

    x: C_in at *spatial -> y: out_channels at *spatial', o = floor((n + p_begin + p_end - (d(k - 1) + 1)) / s) + 1

    `parametrization`: the weight is normalised each time, by `weight_norm` along axis `norm_dim`, by
    `spectral_norm`; computing it is not counted.

    Sources: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 15 (size); torch.nn.Conv1d, Conv2d, Conv3d (names,
    weight layout); grouped filters: Krizhevsky et al. 2012, section 3.5; normalised weights:
    Salimans & Kingma 2016, arXiv:1602.07868, Miyato et al. 2018, arXiv:1802.05957.
    """

    role = Role.CONTRACTION
    ranks = (1, 2, 3)
    followed_by = ("norm", "act")
    saves = ("x", "weight")

    out_channels: Dim
    groups: Dim = 1
    bias: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, out_channels=self.out_channels, groups=self.groups)
        yield divides(self.groups, x.channels), f"groups={self.groups} must divide the {x.channels} input channels"
        yield divides(self.groups, self.out_channels), f"groups={self.groups} must divide {self.out_channels} filters"
        yield from self.sliding(x)

    def remedy(self, *xs: Volume) -> str:
        return order_help(self.kernel_size, self.out_channels)

    def shape(self, x: Volume) -> Volume:
        return x.to(self.out_channels, self.positions(x))

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (self.out_channels, exact(x.channels, self.groups), *self.kernel(x)))
        if self.bias:
            yield Weight("bias", (self.out_channels,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        fan_in = exact(x.channels, self.groups) * prod(self.kernel(x))
        return Ops(mac=y.numel * fan_in, sums=y.numel, bias=y.numel if self.bias else 0)

    def cast(self, x: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        by_itself = self.padding not in FOLLOW_SIZE and in_modules(self.pads(x)) is not None
        yield from self.after_padding(y, x, () if by_itself else self.pads(x))

    def call(self, x: Volume) -> Call:
        stated = self.stated("out_channels", "padding")
        given = dict(in_channels=x.channels, out_channels=self.out_channels, **stated)
        padding = None if self.padding in FOLLOW_SIZE else in_modules(self.pads(x))
        if padding is None:
            return module(f"torch.nn.Conv{x.rank}d", forward=f"{{module}}({self.padded(x)})", **given)
        if padding:
            given["padding"] = padding
        return module(f"torch.nn.Conv{x.rank}d", **given)

    examples = (
        Example(
            given=dict(
                out_channels=8, kernel_size=5, padding=2, groups=2, parametrization="weight_norm", norm_dim=2,
            ),
            x=image(8, 9), y=image(8, 9), params=173, macs=1_440, scalar=2_880,
            source="narrow, and otherwise the positions of wav2vec 2.0: Baevski et al. 2020, arXiv:2006.11477",
        ),
        Example(
            given=dict(out_channels=4, kernel_size=3, parametrization="spectral_norm"),
            x=image(2, 5, 5), y=image(4, 3, 3), params=76, macs=648, scalar=1_296,
            source="a critic's filters: Miyato et al. 2018, arXiv:1802.05957, section 2.1",
        ),
        Example(
            given=dict(
                out_channels=64, kernel_size=7, stride=2, padding=3, bias=False,
                parametrization="weight_standardization",
            ),
            x=image(3, 9, 9), y=image(64, 5, 5), params=9_408, macs=235_200, scalar=468_800,
            source="ResNet-50 of BiT, small: Kolesnikov et al. 2019, arXiv:1912.11370, section 3.1",
        ),
        Example(
            given=dict(out_channels=4, kernel_size=3, parametrization="scaled_weight_standardization"),
            x=image(2, 5, 5), y=image(4, 3, 3), params=80, macs=648, scalar=1_296,
            source="narrow, and otherwise as in NFNet: Brock et al. 2021, arXiv:2102.06171, section 2",
        ),
        Example(
            given=dict(out_channels=64, kernel_size=7, stride=2, padding=3, bias=False),
            x=image(3, 224, 224), y=image(64, 112, 112), params=9_408, macs=118_013_952, scalar=235_225_088,
            source="ResNet-50 conv1: He et al. 2015, arXiv:1512.03385, table 1",
        ),
        Example(
            given=dict(out_channels=256, kernel_size=5, padding=2, groups=2),
            x=image(96, 27, 27), y=image(256, 27, 27), params=307_456, macs=223_948_800, scalar=447_897_600,
            source="AlexNet conv2: Krizhevsky et al. 2012, section 3.5",
        ),
        Example(
            given=dict(out_channels=128, kernel_size=(1, 7), padding=(0, 3), bias=False),
            x=image(128, 17, 17), y=image(128, 17, 17), params=114_688, macs=33_144_832, scalar=66_252_672,
            source="Inception-v3, a 7x7 factorised: Szegedy et al. 2015, arXiv:1512.00567, figure 6",
        ),
        Example(
            given=dict(out_channels=1, kernel_size=3, dilation=2, bias=False),
            x=image(1, 7, 7), y=image(1, 3, 3), params=9, macs=81, scalar=153,
            source="Dumoulin & Visin 2016, arXiv:1603.07285, figure 5.1",
        ),
        Example(
            given=dict(out_channels=1, kernel_size=3, padding="same"),
            x=image(1, 5, 5), y=image(1, 5, 5), params=10, macs=225, scalar=450,
            source="half padding: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 3",
        ),
        Example(
            given=dict(out_channels=1, kernel_size=3, padding="full", bias=False),
            x=image(1, 5, 5), y=image(1, 7, 7), params=9, macs=441, scalar=833,
            source="full padding: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 4",
        ),
        Example(
            given=dict(out_channels=32, kernel_size=3, stride=2, padding="same_upper", bias=False),
            x=image(3, 224, 224), y=image(32, 112, 112), params=864, macs=10_838_016, scalar=21_274_624,
            source="EfficientNet-B0's first layer, padded as TensorFlow does: Tan & Le 2019, arXiv:1905.11946, table 1",
        ),
        Example(
            given=dict(out_channels=1, kernel_size=4, padding="same_lower", bias=False),
            x=image(1, 5, 6), y=image(1, 5, 6), params=16, macs=480, scalar=930,
            source="ONNX operator Conv, auto_pad SAME_LOWER",
        ),
        Example(
            given=dict(out_channels=1, kernel_size=3),
            x=image(1, 10), y=image(1, 8), params=4, macs=24, scalar=48,
            source="MIT 6.036, lecture notes on convolutional networks: 3 taps and a bias over a 10-pixel signal",
        ),
        Example(
            given=dict(out_channels=32, kernel_size=2, padding=((4, 0),), dilation=4),
            x=image(32, 16), y=image(32, 16), params=2_080, macs=32_768, scalar=65_536,
            source="causal dilated convolution: van den Oord et al. 2016, arXiv:1609.03499, section 2.1",
        ),
        Example(
            given=dict(out_channels=45, kernel_size=(1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False),
            x=image(3, 16, 112, 112), y=image(45, 16, 56, 56), params=6_615, macs=331_914_240, scalar=661_570_560,
            source="R(2+1)D, first spatial convolution: Tran et al. 2018, arXiv:1711.11248; torchvision R2Plus1dStem",
        ),
    )  # fmt: skip
