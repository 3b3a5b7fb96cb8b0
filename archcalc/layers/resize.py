"""Resizing to any size, without weights."""

from collections.abc import Iterator
from fractions import Fraction
from math import prod
from typing import Literal

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, is_number, per_axis
from archcalc.core.kernel import Backward, Cast, Kernel, Run, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import of_maps
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.core.window import ResizedWindow, SmoothedWindow, slide
from archcalc.layer import Call, Example, Layer, Reference, Requirement, Role, expression, module
from archcalc.layers.upsample import LINEAR
from archcalc.sym.expr import NoClosedForm

FAMILY = "Upsampling and resizing"

EXACT = 2**20
"""A length times a fraction of integers up to this is exact in double precision."""


SIDES = {"bilinear": 1, "bicubic": 2}
"""How many elements interpolation on two axes takes on either side of a position."""


def modes(rank: int) -> tuple[str, ...]:
    """The modes for this many axes."""
    return ("nearest", LINEAR.get(rank, "linear"), *(("bicubic",) if rank == 2 else ()))


class Resize(Layer, name="resize", positional=("size",), aliases=("interpolate",)):
    """Resizes to a `size`, to the size of another layer's output (`like`), or to floor(n * scale_factor).

    x: C at *spatial -> y: C at *size, at the spatial axes of `like`, or at floor(n * scale_factor) on each axis

    An output element copies the nearest input element, or interpolates linearly: 2^rank products and their sum, on each
    axis between the two elements around (i + 1/2) n / m - 1/2, or i (n - 1) / (m - 1) with `align_corners`. With `mode:
    bicubic` it takes the four elements around, 16 in all. Downsizing skips elements, unless `antialias` averages them
    first. For integer factors, `upsample` is simpler.

    Sources: torch.nn.functional.interpolate, torch.nn.Upsample (names, rounding); the score maps of a segmentation:
    Chen et al. 2017, arXiv:1706.05587, section 4.1; cubic interpolation: Keys 1981, doi:10.1109/TASSP.1981.1163711.
    """

    casts = Cast.FULL_ON_GPU
    role = Role.RESAMPLING
    ranks = (1, 2, 3)
    reads = ("like",)
    carries = 1

    size: PerAxis | None = None
    like: Reference | None = None
    scale_factor: float | None = None
    mode: Literal["nearest", "linear", "bilinear", "trilinear", "bicubic"] = "nearest"
    align_corners: bool = False
    antialias: bool = False

    def requires(self, x: Volume, like: Volume | None = None, /) -> Iterator[Requirement]:
        stated = [key for key in ("size", "like", "scale_factor") if getattr(self, key) is not None]
        known = modes(x.rank)
        found = " and ".join(stated) or "none of them"
        yield len(stated) == 1, f"resize needs exactly one of size, like, scale_factor; got {found}"
        yield channels_before("resize", x)
        if like is not None:
            yield like.rank == x.rank, f"{x} cannot be resized to the {like.rank} spatial axes of {like}"
        yield from one_for_each_axis(x.rank, size=self.size)
        yield from at_least(1, **{} if self.size is None else {"size": self.size})
        yield self.mode in known, f"mode={self.mode} does not support {x.rank} spatial axes: use {' or '.join(known)}"
        yield not (self.align_corners and self.mode == "nearest"), f"align_corners needs mode={known[1]}, got nearest"
        if self.antialias:
            yield self.mode in SIDES, f"antialias needs mode=bilinear or bicubic, got {self.mode}"
            yield not self.align_corners, "antialias takes the mean around each position: leave out align_corners"
        if self.scale_factor is not None:
            yield self.scale_factor > 0, f"scale_factor must be above 0, got {self.scale_factor}"
            for n in x.spatial:
                yield (
                    scaled(n, self.scale_factor) >= 1,
                    f"scale_factor={self.scale_factor} reduces an axis of {n} elements to 0",
                )

    def windows(self, x: Volume, like: Volume | None = None, /) -> tuple[ResizedWindow | SmoothedWindow, ...]:
        sizes = self.sizes(x, like)
        lengths = tuple(zip(x.spatial, sizes, strict=True))
        if self.antialias:
            same = sizes == x.spatial  # torch copies it then, whatever the factor
            steps = ((1, 1) if same else self.step(n, m) for n, m in lengths)
            return tuple(
                SmoothedWindow(*each, step, SIDES[self.mode]) for each, step in zip(lengths, steps, strict=True)
            )
        return tuple(self.along(n, m, x.rank) for n, m in lengths)

    def sizes(self, x: Volume, like: Volume | None) -> tuple[Dim, ...]:
        if self.scale_factor is not None:
            return tuple(scaled(n, self.scale_factor) for n in x.spatial)
        return like.spatial if like is not None else per_axis(self.size or x.spatial, x.rank)

    def along(self, n: Dim, m: Dim, rank: int) -> ResizedWindow:
        """The window from n elements to m."""
        if n == 1 or (m == 1 and self.align_corners):
            return ResizedWindow(m, (0, 1), "nearest")
        sides = SIDES.get(self.mode, 1)
        if self.align_corners:
            return ResizedWindow(m, (n - 1, m - 1), "corners", sides=sides)
        if self.mode == "nearest":
            return self.nearest(n, m, rank)
        same = n == m and self.mode != "bicubic"
        return ResizedWindow(m, (1, 1) if same else self.step(n, m), "centres", sides=sides)

    def nearest(self, n: Dim, m: Dim, rank: int) -> ResizedWindow:
        """By the `scale_factor` if there is one; on two axes torch makes an exception of n and of 2 n units."""
        if not is_number(n, m):
            return ResizedWindow(m, self.step(n, m), "nearest")
        by_size = self.scale_factor is None or (rank == 2 and m in (n, 2 * n))
        return ResizedWindow(m, (n, m), "nearest", n / m if by_size else 1 / (self.scale_factor or 1))

    def step(self, n: Dim, m: Dim) -> tuple[Dim, Dim]:
        """The ratio of input elements to output elements."""
        if self.scale_factor is None:
            return n, m
        factor = as_fraction(self.scale_factor)
        return factor.denominator, factor.numerator

    def shape(self, x: Volume, like: Volume | None = None, /) -> Volume:
        return x.to(spatial=slide(self.windows(x, like), x.spatial))

    def weights(self, x: Volume, like: Volume | None = None, /) -> Iterator[Weight]:
        yield from ()

    def ops(self, y: Volume, x: Volume, like: Volume | None = None, /) -> Ops:
        if self.mode == "nearest":
            return Ops()
        if self.antialias:
            smoothed = [each for each in self.windows(x, like) if isinstance(each, SmoothedWindow)]
            read = y.batch * y.channels * prod(each.taps() for each in smoothed)
            return Ops(mul=read, add=read - y.numel)
        corners = (2 * SIDES.get(self.mode, 1)) ** x.rank
        return Ops(mul=corners * y.numel, add=(corners - 1) * y.numel)

    def kernels(self, run: Run, y: Volume, x: Volume, like: Volume | None = None, /) -> Iterator[Kernel]:
        backward = Backward(contiguous=x.rank == 3 or self.mode == "bicubic")
        yield Kernel(size=tensor_of(y), layout=of_maps(x), backward=backward, cast=self.casts)

    def call(self, x: Volume, like: Volume | None = None, /) -> Call:
        if like is None and not self.antialias:
            return module("torch.nn.Upsample", **self.stated())
        how = f'mode="{self.mode}"' + ", align_corners=True" * self.align_corners + ", antialias=True" * self.antialias
        if like is None:
            to = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
            return expression(f"F.interpolate({{0}}, {to}, {how})")
        places = "1:-1" if like.channels_last else "2:"
        return expression(f"F.interpolate({{0}}, size={{1}}.shape[{places}], {how})")

    examples = (
        Example(
            given=dict(size=520, mode="bilinear"), x=image(21, 65, 65), y=image(21, 520, 520), scalar=39_748_800,
            source="DeepLabv3, its scores: torchvision.models.segmentation; Chen et al. 2017, arXiv:1706.05587",
        ),
        Example(
            given=dict(like=Reference("c4")), x=(image(256, 25, 25), image(256, 50, 50)), y=image(256, 50, 50),
            source="top-down pathway: Lin et al. 2016, arXiv:1612.03144; torchvision.ops.FeaturePyramidNetwork",
        ),
        Example(
            given=dict(size=(9, 12), mode="bilinear", align_corners=True), x=image(2, 5, 7), y=image(2, 9, 12),
            scalar=1_512, source="torch.nn.Upsample: the corners lie on the input's",
        ),
        Example(
            given=dict(scale_factor=1.5, mode="linear"), x=image(2, 5), y=image(2, 7), scalar=42,
            source="torch.nn.Upsample: linear, floor(5 * 1.5) units",
        ),
        Example(given=dict(scale_factor=0.75), x=image(2, 9, 6), y=image(2, 6, 4), source="torch.nn.Upsample: nearest"),
        Example(
            given=dict(size=(1, 5, 3), mode="trilinear"), x=image(1, 2, 3, 4), y=image(1, 1, 5, 3), scalar=225,
            source="torch.nn.Upsample: trilinear, fewer units on one axis",
        ),
        Example(
            given=dict(size=(6, 4), mode="bicubic"), x=image(2, 4, 5), y=image(2, 6, 4), scalar=1_488,
            source="torch.nn.Upsample: bicubic, 16 products and 15 sums for each element",
        ),
        Example(
            given=dict(size=14, mode="bicubic", antialias=True), x=image(64, 16, 16), y=image(64, 14, 14),
            scalar=418_048,
            source="a table of positions for another size of pictures: timm.layers.resample_abs_pos_embed",
        ),
        Example(
            given=dict(scale_factor=0.5, mode="bilinear", antialias=True), x=image(1, 4, 6), y=image(1, 2, 3),
            scalar=114, source="torch.nn.functional.interpolate: weights fall linearly with the distance",
        ),
    )  # fmt: skip


def as_fraction(factor: float) -> Fraction:
    """The number that a factor was written as.

    >>> as_fraction(1.1), as_fraction(1 / 3)
    (Fraction(11, 10), Fraction(1, 3))
    """
    simple = Fraction(factor).limit_denominator(EXACT)
    return simple if float(simple) == factor else Fraction(factor)


def scaled(n: Dim, factor: float) -> Dim:
    """floor(n * factor) as torch computes it, in double precision.

    >>> scaled(10, 0.7), scaled(100, 0.29)
    (7, 28)
    """
    if is_number(n):
        return int(n * factor)
    numerator, denominator = factor.as_integer_ratio()
    if max(numerator, denominator) > EXACT:
        raise NoClosedForm(f"{factor} times a length is not exact in double precision")
    return n * numerator // denominator
