"""Adaptive pooling: the window sizes follow from the requested output size."""

from collections.abc import Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, per_axis, prod
from archcalc.core.kernel import Backward, Cast, Kernel, Layout, Run, Tensor, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import gradient_of_pooled
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.window import AdaptiveWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Pooling"


def is_single(y: Volume) -> bool:
    """Whether there is only one position, so that every memory layout is the same."""
    return all(n == 1 for n in y.spatial)


class AdaptivePooling(Layer):
    """Abstract: output i of m reads the inputs floor(i n / m) to ceil((i + 1) n / m) - 1 of its channel."""

    role = Role.ADAPTIVE_POOLING
    ranks = (1, 2, 3)

    output_size: PerAxis

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield channels_before(self.name, x)
        yield from one_for_each_axis(x.rank, output_size=self.output_size)
        yield from at_least(1, output_size=self.output_size)

    def windows(self, x: Volume) -> tuple[AdaptiveWindow, ...]:
        return tuple(AdaptiveWindow(n, m) for n, m in zip(x.spatial, self.sizes(x), strict=True))

    def sizes(self, x: Volume) -> tuple[Dim, ...]:
        return per_axis(self.output_size, x.rank)

    def shape(self, x: Volume) -> Volume:
        return x.to(spatial=self.sizes(x))

    def cast(self, x: Volume) -> Cast:
        return Cast.FULL_ON_CPU if x.rank == 3 else Cast.NONE

    def taps(self, x: Volume) -> Dim:
        """The number of values that all windows read; a value in two windows counts twice."""
        return x.batch * x.channels * prod(w.taps() for w in self.windows(x))


class AdaptiveAvgPool(
    AdaptivePooling, name="adaptive_avgpool", positional=("output_size",), aliases=("adaptive_avg_pool",)
):
    """Averages over `output_size` windows that together cover the input.

    x: C at *spatial -> y: C at *output_size

    Source: torch.nn.AdaptiveAvgPool1d, 2d, 3d.
    """

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        single = is_single(y)  # torch takes the mean
        yield Kernel(
            size=tensor_of(y),
            layout=Layout(
                preserves=y.rank == 2 or (y.rank > 2 and single), fixed=y.rank == 1 and single, single=single
            ),
            saves=() if single else ("x",),
            gradient=gradient_of_pooled(x),
            backward=Backward(contiguous=single),
            cast=self.cast(x),
        )

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=self.taps(x) - y.numel, div=y.numel)

    def call(self, x: Volume) -> Call:
        return module(f"torch.nn.AdaptiveAvgPool{x.rank}d", **self.stated())

    examples = (
        Example(
            given=dict(output_size=7), x=image(512, 8, 8), y=image(512, 7, 7), scalar=100_352,
            source="torchvision's VGG on 256x256 images; Simonyan & Zisserman 2014, arXiv:1409.1556",
        ),
        Example(given=dict(output_size=2), x=image(1, 5), y=image(1, 2), scalar=6, source="torch.nn.AdaptiveAvgPool1d"),
        Example(
            given=dict(output_size=(1, 7, 3)), x=image(4, 2, 5, 7), y=image(4, 1, 7, 3), scalar=792,
            source="torch.nn.AdaptiveAvgPool3d: more outputs than inputs on one axis",
        ),
    )  # fmt: skip


class AdaptiveMaxPool(
    AdaptivePooling, name="adaptive_maxpool", positional=("output_size",), aliases=("adaptive_max_pool",)
):
    """The maximum of each of `output_size` windows that together cover the input.

    x: C at *spatial -> y: C at *output_size

    Sources: torch.nn.AdaptiveMaxPool1d, 2d, 3d; a level of a spatial pyramid: He et al. 2014, arXiv:1406.4729,
    section 2.3.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=self.taps(x) - y.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        own = {"indices": Tensor(y.numel, "int64")}
        yield Kernel(
            size=tensor_of(y),
            also=own,
            layout=Layout(preserves=y.rank == 2, fixed=y.rank != 2 and is_single(y), single=is_single(y)),
            saves=("x", *own),
            gradient=gradient_of_pooled(x),
            cast=self.cast(x),
        )

    def call(self, x: Volume) -> Call:
        return module(f"torch.nn.AdaptiveMaxPool{x.rank}d", **self.stated())

    examples = (
        Example(
            given=dict(output_size=3), x=image(256, 13, 13), y=image(256, 3, 3), scalar=55_296,
            source="spatial pyramid, windows of 5 every 4 units: He et al. 2014, arXiv:1406.4729, figure 4",
        ),
        Example(
            given=dict(output_size=2), x=image(3, 5), y=image(3, 2), scalar=12, source="torch.nn.AdaptiveMaxPool1d"
        ),
        Example(
            given=dict(output_size=(2, 1, 2)), x=image(1, 3, 2, 2), y=image(1, 2, 1, 2), scalar=12,
            source="torch.nn.AdaptiveMaxPool3d",
        ),
    )  # fmt: skip
