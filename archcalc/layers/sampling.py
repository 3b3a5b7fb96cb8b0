"""Maps read at places that are computed: spatial transformers, and the correlation of two maps."""

from collections.abc import Iterator

from archcalc.core.agreement import same_batch, same_dtype
from archcalc.core.condition import at_least
from archcalc.core.contraction import Contraction
from archcalc.core.dim import Dim, same
from archcalc.core.kernel import Unpredicted, inputs_named
from archcalc.core.layout import channels_before
from archcalc.core.moved import ChosenWindow
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, grid, image
from archcalc.core.window import IDENTITY, AnyWindow, Window
from archcalc.layer import Call, Example, Layer, Merge, Reference, Requirement, Role, expression, module

FAMILY = "Upsampling and resizing"


class AffineGrid(Layer, name="affine_grid", positional=("height", "width")):
    """The places of a map that an affine transformation reads, from its 6 numbers, the first row first.

    x: 6 features -> y: 2 coordinates at [height, width], from -1 to 1; features come last

    Each place is a product of a 2 x 3 matrix and (x, y, 1). Computing the places before the product is not counted.

    Sources: Jaderberg et al. 2015, arXiv:1506.02025, equation 1; torch.nn.functional.affine_grid.
    """

    opaque = Unpredicted(always="what torch allocates for the places of a grid is not modelled")
    role = Role.CONTRACTION

    height: Dim
    width: Dim

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank == 0, f"affine_grid needs 6 features without positions, got {x}"
        yield same(x.channels, 6), f"affine_grid needs the 6 numbers of a transformation, got {x.channels}"
        yield from at_least(1, height=self.height, width=self.width)

    def shape(self, x: Volume) -> Volume:
        return Volume(2, (self.height, self.width), x.batch, channels_last=True, dtype=x.dtype)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mac=3 * y.numel, sums=y.numel)

    def contractions(self, y: Volume, x: Volume) -> Iterator[Contraction]:
        yield Contraction(3 * y.numel, right=())

    def call(self, x: Volume) -> Call:
        return module("AffineGrid", file="affine_grid", **self.stated())

    examples = (
        Example(
            given=dict(height=28, width=24), x=flat(6), y=grid(28, 24, 2), macs=4_032, scalar=6_720,
            source="an affine transformation of a map: Jaderberg et al. 2015, arXiv:1506.02025, equation 1",
        ),
    )  # fmt: skip


class GridSample(Merge, name="grid_sample", positional=("by",)):
    """Reads a map at the places of a grid, between its elements: 4 products and their sum for each value.

    x: C at [H, W]; by: 2 coordinates at [H', W'], features last -> y: C at [H', W']

    Values decide which elements are read, so the receptive field is the whole map.

    Sources: Jaderberg et al. 2015, arXiv:1506.02025, equation 5; torch.nn.functional.grid_sample.
    """

    opaque = Unpredicted(always="what torch saves of a sampled map is not modelled")
    role = Role.RESAMPLING
    inputs = (1, 1)
    reads = ("by",)

    by: Reference

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, places = xs
        yield channels_before("grid_sample", x)
        yield x.rank == 2, f"grid_sample needs a map of two axes, got {x}"
        two = places.rank == 2 and places.channels_last and places.channels == 2
        yield two, f"by must be 2 coordinates at [height, width], features last; got {places}"
        yield same_dtype(*xs)
        yield from same_batch(*xs)

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return tuple(ChosenWindow(n) for n in xs[1].spatial)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        return self.windows(*xs), (IDENTITY, IDENTITY)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0].to(spatial=xs[1].spatial)

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(mul=4 * y.numel, add=3 * y.numel)

    def call(self, *xs: Volume) -> Call:
        return expression("F.grid_sample({0}, {1}, align_corners=False)")

    examples = (
        Example(
            given=dict(by=Reference("places")), x=(image(1, 28, 28), grid(28, 28, 2)), y=image(1, 28, 28),
            scalar=5_488, source="bilinear sampling of a digit: Jaderberg et al. 2015, arXiv:1506.02025, equation 5",
        ),
        Example(given=dict(by=Reference("places")), x=(image(3, 8, 9), grid(4, 5, 2)), y=image(3, 4, 5), scalar=420),
    )  # fmt: skip


class Correlation(Merge, name="correlation", positional=("other", "max_displacement", "stride")):
    """The products of each position of a map with the positions around it of another, summed over the channels.

    x, other: C at [H, W] -> y: D^2 at [H, W], D = 2 floor(d / s) + 1, d the `max_displacement`, s the `stride`

    Channel (i, j) is the product with the position shifted by s (i - D/2) rows and s (j - D/2) columns, divided by C;
    beyond the border, the other map is 0. MACs: C for each value.

    Source: Dosovitskiy et al. 2015, arXiv:1504.06852, section 3, equation 1 (patches of one element).
    """

    opaque = Unpredicted(always="its shifted maps are made one by one, which is not modelled")
    role = Role.CONTRACTION
    inputs = (1, 1)
    reads = ("other",)

    other: Reference
    max_displacement: Dim
    stride: Dim = 1

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, other = xs
        yield channels_before("correlation", x)
        yield x.rank == 2, f"correlation needs maps of two axes, got {x}"
        yield from at_least(0, max_displacement=self.max_displacement)
        yield from at_least(1, stride=self.stride)
        message = f"correlation needs two maps of one shape, got {x} and {other}"
        yield (x.rank, x.channels_last, x.dtype) == (other.rank, other.channels_last, other.dtype), message
        yield from ((same(n, m), message) for n, m in zip(x.shape, other.shape, strict=True))

    def side(self) -> Dim:
        """How many shifts there are along an axis."""
        return 2 * (self.max_displacement // self.stride) + 1

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        reach = self.max_displacement // self.stride * self.stride
        around = Window(kernel=self.side(), begin=reach, end=reach, dilation=self.stride)
        return (IDENTITY, IDENTITY), (around, around)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0].to(self.side() * self.side())

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(mac=y.numel * xs[0].channels, sums=y.numel, div=y.numel)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        left, right = inputs_named(2)
        yield Contraction(self.ops(y, *xs).mac, (left,), (right,))

    def call(self, *xs: Volume) -> Call:
        given = self.stated("other")
        return module("Correlation", file="correlation", forward="{module}({0}, {1})", **given)

    examples = (
        Example(
            given=dict(other=Reference("second"), max_displacement=4, stride=2),
            x=(image(8, 12, 16), image(8, 12, 16)), y=image(25, 12, 16), macs=38_400, scalar=76_800,
            source="FlowNetC, whose d is 20 and stride 2: Dosovitskiy et al. 2015, arXiv:1504.06852, section 3",
        ),
        Example(
            given=dict(other=Reference("second"), max_displacement=1), x=(image(2, 5, 6), image(2, 5, 6)),
            y=image(9, 5, 6), macs=540, scalar=1_080,
        ),
    )  # fmt: skip
