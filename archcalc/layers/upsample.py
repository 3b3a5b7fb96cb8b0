"""Upsampling by an integer factor, without weights."""

from collections.abc import Iterator
from typing import Literal

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, per_axis
from archcalc.core.kernel import Cast
from archcalc.core.layout import channels_before
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.window import TransposedWindow, slide
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Upsampling and resizing"

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
"""Torch's name for linear interpolation, by the number of axes."""


class Upsample(Layer, name="upsample", positional=("scale_factor",)):
    """Upsamples by an integer factor: repeats elements, or interpolates linearly (`align_corners` off).

    x: C at *spatial -> y: C at *(n * scale_factor)

    Linear interpolation is a transposed convolution with a triangular kernel of 2s elements (2s - 1 if s is odd: the
    outermost weights would be zero). It counts as 2^rank products and their sum per output element.

    Sources: torch.nn.Upsample (modes, half-pixel centres); as a transposed convolution: Long et al. 2014,
    arXiv:1411.4038, section 3.3.
    """

    casts = Cast.FULL_ON_GPU
    role = Role.RESAMPLING
    ranks = (1, 2, 3)

    scale_factor: PerAxis
    mode: Literal["nearest", "linear", "bilinear", "trilinear"] = "nearest"

    def requires(self, x: Volume) -> Iterator[Requirement]:
        known = ("nearest", LINEAR[x.rank])
        yield channels_before("upsample", x)
        yield from one_for_each_axis(x.rank, scale_factor=self.scale_factor)
        yield from at_least(1, scale_factor=self.scale_factor)
        yield self.mode in known, f"mode={self.mode} does not support {x.rank} spatial axes: use {' or '.join(known)}"

    def windows(self, x: Volume) -> tuple[TransposedWindow, ...]:
        nearest = self.mode == "nearest"
        return tuple(repeated(s) if nearest else interpolated(s) for s in per_axis(self.scale_factor, x.rank))

    def shape(self, x: Volume) -> Volume:
        return x.to(spatial=slide(self.windows(x), x.spatial))

    def ops(self, y: Volume, x: Volume) -> Ops:
        corners = 2**x.rank
        return Ops() if self.mode == "nearest" else Ops(mul=corners * y.numel, add=(corners - 1) * y.numel)

    saves = ()

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Upsample", **self.stated())

    examples = (
        Example(
            given=dict(scale_factor=2), x=image(256, 7, 7), y=image(256, 14, 14),
            source="top-down pathway: Lin et al. 2016, arXiv:1612.03144, figure 3",
        ),
        Example(
            given=dict(scale_factor=4, mode="bilinear"), x=image(256, 33, 33), y=image(256, 132, 132),
            scalar=31_223_808, source="DeepLabv3+ decoder, by 4: Chen et al. 2018, arXiv:1802.02611, figure 2",
        ),
        Example(
            given=dict(scale_factor=3, mode="linear"), x=image(2, 5), y=image(2, 15), scalar=90,
            source="torch.nn.Upsample: linear",
        ),
        Example(
            given=dict(scale_factor=(1, 2, 5), mode="trilinear"), x=image(1, 2, 3, 4), y=image(1, 2, 6, 20),
            scalar=3_600, source="torch.nn.Upsample: trilinear",
        ),
    )  # fmt: skip


def repeated(scale: Dim) -> TransposedWindow:
    return TransposedWindow(kernel=scale, stride=scale)


def interpolated(scale: Dim) -> TransposedWindow:
    """The triangular kernel between half-pixel centres."""
    odd = scale % 2
    return TransposedWindow(2 * scale - odd, scale, (scale - odd) // 2, (scale - odd) // 2)
