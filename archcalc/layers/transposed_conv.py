"""Transposed convolution over one, two or three spatial axes."""

from collections.abc import Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, divides, exact, per_axis, prod
from archcalc.core.kernel import Cast, Kernel, Run
from archcalc.core.layout import channels_before
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.core.window import TransposedWindow, slide
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.filtering import in_order_of_input
from archcalc.layers.parametrized import Parametrized

FAMILY = "Convolution"


class TransposedConv(
    Parametrized, name="upconv", positional=("kernel_size", "out_channels"), aliases=("conv_transpose", "deconv")
):
    """Each input element adds a learned patch to the output: the transpose of a convolution.

    x: C_in at *spatial -> y: out_channels at *spatial', o = (n - 1)s - 2p + d(k - 1) + 1 + output_padding

    Counted are the products of every input element with its whole patch, including the part that `padding` crops, and
    the additions of the uncropped output.

    `parametrization`: the weight is normalised each time, by `weight_norm` along axis `norm_dim`, or by
    `spectral_norm`; computing it is not counted.

    Sources: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 14; torch.nn.ConvTranspose1d, 2d, 3d (names, weight
    layout, output_padding below the stride or the dilation).
    """

    role = Role.CONTRACTION
    ranks = (1, 2, 3)
    singular_axis = 1
    followed_by = ("norm", "act")
    saves = ("x", "weight")

    out_channels: Dim
    kernel_size: PerAxis
    stride: PerAxis = 1
    padding: PerAxis = 0
    output_padding: PerAxis = 0
    groups: Dim = 1
    bias: bool = True
    dilation: PerAxis = 1

    def requires(self, x: Volume) -> Iterator[Requirement]:
        sizes = dict(kernel_size=self.kernel_size, stride=self.stride, dilation=self.dilation)
        extra = dict(padding=self.padding, output_padding=self.output_padding)
        yield channels_before("upconv", x)
        yield from one_for_each_axis(x.rank, **sizes, **extra)
        yield from at_least(1, out_channels=self.out_channels, groups=self.groups, **sizes)
        yield from at_least(0, **extra)
        yield divides(self.groups, x.channels), f"groups={self.groups} must divide the {x.channels} input channels"
        yield divides(self.groups, self.out_channels), f"groups={self.groups} must divide {self.out_channels} filters"
        for w, n in zip(self.windows(x), x.spatial, strict=True):
            yield (
                w.output_padding < max(w.stride, w.dilation),
                f"output_padding={w.output_padding} must be below the stride {w.stride} or the dilation {w.dilation}",
            )
            yield w.slide(n) >= 1, f"the output of an axis of {n} elements is empty: {w.counted(n)}"

    def windows(self, x: Volume) -> tuple[TransposedWindow, ...]:
        given = (self.kernel_size, self.stride, self.padding, self.padding, self.dilation, self.output_padding)
        axes = zip(*(per_axis(each, x.rank) for each in given), strict=True)
        return tuple(TransposedWindow(*axis) for axis in axes)

    def shape(self, x: Volume) -> Volume:
        return x.to(self.out_channels, slide(self.windows(x), x.spatial))

    def weights(self, x: Volume) -> Iterator[Weight]:
        each = exact(self.out_channels, self.groups)
        yield Weight("weight", (x.channels, each, *per_axis(self.kernel_size, x.rank)))
        if self.bias:
            yield Weight("bias", (self.out_channels,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        patch = exact(self.out_channels, self.groups) * prod(per_axis(self.kernel_size, x.rank))
        written = prod(w.written(n) for w, n in zip(self.windows(x), x.spatial, strict=True))
        sums = x.batch * self.out_channels * written
        return Ops(mac=x.numel * patch, sums=sums, bias=y.numel if self.bias else 0)

    def cast(self, x: Volume) -> Cast:
        return Cast.LOWER

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        if x.rank == 3:
            return "torch keeps the output of a transposed convolution over three axes in a larger buffer"
        return super().unpredicted(run, x)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield in_order_of_input(self.applied(y, x), self.weights(x), y, x)

    def call(self, x: Volume) -> Call:
        return module(f"torch.nn.ConvTranspose{x.rank}d", in_channels=x.channels, **self.stated())

    examples = (
        Example(
            given=dict(out_channels=4, kernel_size=4, stride=2, padding=1, parametrization="weight_norm", norm_dim=0),
            x=image(8, 5), y=image(4, 10), params=140, macs=640, scalar=1_272,
            source="narrow, and otherwise as in HiFi-GAN: Kong, Kim & Bae 2020, arXiv:2010.05646 (models.py)",
        ),
        Example(
            given=dict(out_channels=3, kernel_size=2, bias=False, parametrization="spectral_norm"),
            x=image(2, 3), y=image(3, 4), params=12, macs=36, scalar=60,
        ),
        Example(
            given=dict(out_channels=3, kernel_size=2, parametrization="scaled_weight_standardization"),
            x=image(2, 3), y=image(3, 4), params=18, macs=36, scalar=72,
        ),
        Example(
            given=dict(out_channels=512, kernel_size=2, stride=2),
            x=image(1024, 28, 28), y=image(512, 56, 56), params=2_097_664, macs=1_644_167_168, scalar=3_288_334_336,
            source="U-Net, first up-convolution: Ronneberger et al. 2015, arXiv:1505.04597, figure 1",
        ),
        Example(
            given=dict(out_channels=512, kernel_size=4, stride=2, padding=1, bias=False),
            x=image(1024, 4, 4), y=image(512, 8, 8), params=8_388_608, macs=134_217_728, scalar=268_384_256,
            source="DCGAN generator, 4x4 to 8x8: Radford et al. 2015, arXiv:1511.06434, figure 1",
        ),
        Example(
            given=dict(out_channels=1, kernel_size=3, stride=2, padding=1, output_padding=1, bias=False),
            x=image(1, 3, 3), y=image(1, 6, 6), params=9, macs=81, scalar=113,
            source="Dumoulin & Visin 2016, arXiv:1603.07285, figure 4.7",
        ),
        Example(
            given=dict(out_channels=21, kernel_size=4, stride=2, groups=21, bias=False),
            x=image(21, 16, 16), y=image(21, 34, 34), params=336, macs=86_016, scalar=147_756,
            source="FCN-8s, upsampling of the scores: Long et al. 2014, arXiv:1411.4038, section 4.2",
        ),
        Example(
            given=dict(out_channels=512, kernel_size=25, stride=4, padding=11, output_padding=1),
            x=image(1024, 16), y=image(512, 64), params=13_107_712, macs=209_715_200, scalar=419_419_648,
            source="WaveGAN generator, 16 to 64 samples: Donahue et al. 2018, arXiv:1802.04208",
        ),
        Example(
            given=dict(out_channels=2, kernel_size=(2, 3), stride=(1, 3), padding=(0, 1), dilation=(3, 2)),
            x=image(1, 4, 5), y=image(2, 7, 15), params=14, macs=240, scalar=480,
            source="torch.nn.ConvTranspose2d: dilation spreads the patch",
        ),
        Example(
            given=dict(out_channels=16, kernel_size=2, stride=2),
            x=image(32, 8, 8, 4), y=image(16, 16, 16, 8), params=4_112, macs=1_048_576, scalar=2_097_152,
            source="de-convolution of 2x2x2 voxels: Milletari et al. 2016, arXiv:1606.04797, figure 2",
        ),
    )  # fmt: skip
