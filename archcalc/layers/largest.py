"""The largest elements of an axis, in order."""

from collections.abc import Iterator

from archcalc.core.axes import CHANNELS, Axis, resized, windows_along
from archcalc.core.condition import at_least
from archcalc.core.dim import Dim
from archcalc.core.kernel import CONTIGUOUS, Kernel, Run, Tensor, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Requirement, Role, expression
from archcalc.layers.slicing import AlongAxis

FAMILY = "Reductions"


def ordered(y: Volume) -> Kernel:
    """Elements in order, and where they were: there backward puts its gradient."""
    places = Tensor(y.numel, "int64")
    return Kernel(size=tensor_of(y), also={"places": places}, saves=("places",), layout=CONTIGUOUS)


class TopK(AlongAxis, name="topk", positional=("k", "axis")):
    """The `k` largest elements of an axis, the largest one first; all of them are the axis in order.

    x: an axis of n -> y: the same with k elements along it

    Comparisons are those of finding one after the other: n - 1 for the first, and one less for each of the next.

    Sources: k-max pooling, without its order: Kalchbrenner, Grefenstette & Blunsom 2014, arXiv:1404.2188, section 3.3;
    torch.topk.
    """

    role = Role.POOLING

    k: Dim
    axis: Axis = CHANNELS

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, k=self.k)
        yield self.k <= self.length(x), f"k must be at most the {self.length(x)} elements of the axis, got {self.k}"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return windows_along(x, self.place(x), WholeWindow(self.k))

    def shape(self, x: Volume) -> Volume:
        return resized(x, self.place(x), self.k)

    def ops(self, y: Volume, x: Volume) -> Ops:
        n = self.length(x)
        return Ops(compare=(x.numel // n) * (self.k * (2 * n - self.k - 1) // 2))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield ordered(y)

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}.topk({self.k}, {self.place(x)}).values")

    examples = (
        Example(
            given=dict(k=4, axis=Axis("length")), x=tokens(18, 48), y=tokens(4, 48), scalar=2_976,
            source="the four largest values of each feature of a sentence: Kalchbrenner et al. 2014, section 3.3",
        ),
        Example(given=dict(k=2), x=flat(8), y=flat(2), scalar=13),
        Example(given=dict(k=3), x=image(3, 4, 5), y=image(3, 4, 5), scalar=60),
        Example(given=dict(k=1, axis=Axis("height")), x=image(3, 4, 5), y=image(3, 1, 5), scalar=45),
    )  # fmt: skip


class Sort(AlongAxis, name="sort", positional=("axis", "descending")):
    """The elements of an axis in order, the smallest one first; with `descending`, the largest one.

    x: any volume -> y: the same

    Comparisons are those of finding one after the other, as in `topk`: n (n - 1) / 2 for n elements.

    Sources: sort pooling: Zhang, Cui, Neumann & Chen 2018, "An end-to-end deep learning architecture for graph
    classification", AAAI 2018, section 3.2; torch.sort.
    """

    role = Role.POOLING

    descending: bool = False

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return windows_along(x, self.place(x), WholeWindow(self.length(x)))

    def shape(self, x: Volume) -> Volume:
        return x

    def ops(self, y: Volume, x: Volume) -> Ops:
        n = self.length(x)
        return Ops(compare=(x.numel // n) * (n * (n - 1) // 2))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield ordered(y)

    def call(self, x: Volume) -> Call:
        order = ", descending=True" if self.descending else ""
        return expression(f"{{0}}.sort({self.place(x)}{order}).values")

    examples = (
        Example(
            given=dict(axis=Axis("length"), descending=True), x=tokens(30, 97), y=tokens(30, 97), scalar=42_195,
            source="each feature of 30 nodes in order; DGCNN orders nodes by the last: Zhang et al. 2018, section 3.2",
        ),
        Example(x=flat(8), y=flat(8), scalar=28, source="torch.sort"),
        Example(given=dict(axis=Axis("height")), x=image(3, 4, 5), y=image(3, 4, 5), scalar=90),
    )  # fmt: skip
