"""Convolution with filters that are values: fixed, learned elsewhere, or computed from weights."""

from collections.abc import Iterable, Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.contraction import Contraction
from archcalc.core.dim import Dim, PerAxis, divides, prod, same
from archcalc.core.kernel import Cast, Unpredicted
from archcalc.core.layout import channels_before
from archcalc.core.ops import Ops
from archcalc.core.padding import Padding, amounts, pads, torch_pad
from archcalc.core.volume import Volume, image, shared
from archcalc.core.window import AnyWindow, WholeWindow, Window, fits, slide, windows_along
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, expression

FAMILY = "Convolution"


class Convolve(Merge, name="convolve", positional=("filters",)):
    """Slides filters that are another value over the input: fixed ones, or those that layers compute from weights.

    x: C_in at *spatial; filters: out at C_in / groups, *kernel -> y: out at *spatial', sizes as in conv

    All samples share the filters: they come from `constant`, `fixed_values` or `learned` values, and what layers make
    of these. The layer itself has no weights.

    Sources: torch.nn.functional.conv2d; a blur before subsampling: Zhang 2019, arXiv:1904.11486, section 3.1;
    standardised weights: Qiao et al. 2019, arXiv:1903.10520, section 3.
    """

    opaque = Unpredicted(always="the memory of filters that are computed is not modelled")
    role = Role.CONTRACTION
    ranks = (1, 2, 3)
    inputs = (1, 1)
    reads = ("filters",)

    filters: Reference
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1
    groups: Dim = 1

    def for_each_sample(self, *xs: Volume) -> Iterable[int]:
        return (0,)

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, filters = xs
        text = f"filters need the axes [out, in, {'size, ' * (x.rank - 1)}size], got {filters}"
        yield channels_before("convolve", x)
        yield filters.rank == x.rank + 1 and not filters.channels_last, text
        yield filters.shared, "filters are values that all samples share, and these come from the input"
        yield from one_for_each_axis(x.rank, stride=self.stride, padding=self.padding, dilation=self.dilation)
        yield from at_least(1, groups=self.groups, stride=self.stride, dilation=self.dilation)
        yield from at_least(0, padding=amounts(self.padding))
        of_group = f"filters of {filters.spatial[0]} channels do not fit {x.channels} in {self.groups} groups"
        yield same(filters.spatial[0] * self.groups, x.channels), of_group
        yield divides(self.groups, filters.channels), f"groups={self.groups} must divide {filters.channels} filters"
        yield from fits(self.along(x, filters), x.spatial)

    def amounts(self, x: Volume, filters: Volume) -> tuple[tuple[Dim, Dim], ...]:
        return pads(self.padding, x.spatial, filters.spatial[1:], self.stride, self.dilation)

    def along(self, x: Volume, filters: Volume) -> tuple[Window, ...]:
        """The window on each axis of the input."""
        return windows_along(x.rank, filters.spatial[1:], self.stride, self.amounts(x, filters), self.dilation)

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return self.along(*xs)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        """Every element reads all filters of its kind."""
        along = self.along(*xs)
        return along, (WholeWindow(slide(along, xs[0].spatial)[0]),) * xs[1].rank

    def shape(self, *xs: Volume) -> Volume:
        x, filters = xs
        return x.to(filters.channels, slide(self.along(x, filters), x.spatial))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(mac=y.numel * prod(xs[1].spatial), sums=y.numel)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        yield Contraction(self.ops(y, *xs).mac, ("x0",), ("x1",))

    def cast(self, *xs: Volume) -> Cast:
        return Cast.LOWER

    def call(self, *xs: Volume) -> Call:
        x, filters = xs
        around = torch_pad(self.amounts(x, filters))
        padded = f"F.pad({{0}}, {around})" if any(around) else "{0}"
        given = "".join(f", {key}={value}" for key, value in self.stated("filters", "padding").items())
        return expression(f"F.conv{x.rank}d({padded}, {{1}}[0]{given})")

    examples = (
        Example(
            given=dict(filters=Reference("blur"), stride=2, padding=1, groups=4),
            x=(image(4, 8, 9), shared(image(4, 1, 3, 3))), y=image(4, 4, 5), macs=720, scalar=1_360,
            source="a blur with stride: Zhang 2019, arXiv:1904.11486, section 3.1",
        ),
        Example(
            given=dict(filters=Reference("standardised"), padding="same"),
            x=(image(3, 5, 6), shared(image(8, 3, 3, 3))), y=image(8, 5, 6), macs=6_480, scalar=12_720,
            source="standardised weights: Qiao et al. 2019, arXiv:1903.10520, section 3",
        ),
        Example(
            given=dict(filters=Reference("wave"), dilation=2),
            x=(image(2, 9), shared(image(4, 2, 3))), y=image(4, 5), macs=120, scalar=220,
            source="torch.nn.functional.conv1d",
        ),
        Example(
            given=dict(filters=Reference("mean"), groups=2),
            x=(image(2, 3, 4, 5), shared(image(2, 1, 2, 2, 2))), y=image(2, 2, 3, 4), macs=384, scalar=720,
            source="torch.nn.functional.conv3d",
        ),
    )  # fmt: skip
