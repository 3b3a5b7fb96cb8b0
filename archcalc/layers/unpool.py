"""Max unpooling: values go back to where the maxima of a map were."""

from collections.abc import Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, per_axis, same
from archcalc.core.kernel import CONTIGUOUS, Cast, Kernel, Run, Tensor, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import gradient_of_pooled
from archcalc.core.volume import Volume, image
from archcalc.core.window import AnyWindow, BlockWindow, TransposedWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, expression

FAMILY = "Pooling"


class Unpool(
    Merge, name="unpool", positional=("of", "kernel_size"), aliases=("max_unpool", "maxunpool2d", "maxunpool3d")
):
    """Puts each value where max pooling found the maximum of its window; all else is 0.

    x: C at *spatial'; of: C at *spatial, the map that was pooled -> y: C at *spatial. `kernel_size` is that of the
    pooling, whose windows must lie side by side, without padding: maxpool(kernel_size).

    No arithmetic: where the maxima of `of` are is found by pooling it again, and those comparisons are counted in the
    pooling layer. No gradient flows to `of`.

    Sources: Badrinarayanan, Kendall & Cipolla 2015, arXiv:1511.00561; torch.nn.MaxUnpool2d.
    """

    casts = Cast.FULL_ON_CPU
    role = Role.MOVEMENT
    inputs = (1, 1)
    reads = ("of",)
    ranks = (2, 3)

    of: Reference
    kernel_size: PerAxis = 2

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, of = xs
        yield channels_before("unpool", x)
        yield channels_before("unpool", of)
        yield from one_for_each_axis(x.rank, kernel_size=self.kernel_size)
        yield from at_least(1, kernel_size=self.kernel_size)
        yield of.rank == x.rank, f"{x} cannot be the pooled {of}, which has {of.rank} spatial axes"
        pooled = of.to(spatial=tuple(n // k for n, k in zip(of.spatial, self.sides(x), strict=True)))
        message = f"of must be the map that was pooled: {of} pooled by {self.kernel_size} is {pooled}, not {x}"
        yield from ((same(n, m), message) for n, m in zip(x.shape, pooled.shape, strict=True))

    def sides(self, x: Volume) -> tuple[Dim, ...]:
        return per_axis(self.kernel_size, x.rank)

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        """A value goes to one of the places of its window; all that shows in the field is the window."""
        x, of = xs
        axes = zip(x.spatial, of.spatial, self.sides(x), strict=True)
        return tuple(TransposedWindow(kernel=k, stride=k, output_padding=n - k * m) for m, n, k in axes)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        """Each window of `of` decides where its own value goes."""
        x, of = xs
        blocks = tuple(BlockWindow(length=n, size=k) for n, k in zip(of.spatial, self.sides(x), strict=True))
        return self.windows(*xs), blocks

    def shape(self, *xs: Volume) -> Volume:
        return xs[1]

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """The map is pooled for its places alone, and unpooling keeps them."""
        pooled = tensor_of(xs[0])
        places = Tensor(pooled.numel, "int64")
        yield Kernel(reads=("x1",), makes="places", size=places, also={"pooled": pooled}, layout=CONTIGUOUS)
        yield Kernel(
            reads=("x0", "places"),
            size=tensor_of(y),
            saves=("places",),
            layout=CONTIGUOUS,
            gradient=gradient_of_pooled(xs[0]),
            cast=self.cast(*xs),
        )

    def call(self, *xs: Volume) -> Call:
        rank, k = xs[0].rank, self.kernel_size
        places = f"F.max_pool{rank}d({{1}}.detach(), {k}, return_indices=True)[1]"
        return expression(f"F.max_unpool{rank}d({{0}}, {places}, {k}, output_size={{1}}.shape[2:])")

    examples = (
        Example(
            given=dict(of=Reference("e1")), x=(image(64, 16, 16), image(64, 32, 32)), y=image(64, 32, 32),
            source="SegNet, windows of 2 x 2: Badrinarayanan et al. 2015, arXiv:1511.00561",
        ),
        Example(
            given=dict(of=Reference("e1"), kernel_size=(2, 3)), x=(image(16, 4, 2), image(16, 8, 6)),
            y=image(16, 8, 6), source="torch.nn.MaxUnpool2d",
        ),
        Example(
            given=dict(of=Reference("e1"), kernel_size=(1, 2, 2)), x=(image(16, 3, 2, 2), image(16, 3, 4, 4)),
            y=image(16, 3, 4, 4), source="torch.nn.MaxUnpool3d",
        ),
    )  # fmt: skip
