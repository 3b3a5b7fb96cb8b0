"""Reductions over any axes, running sums, and the number of the largest feature."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from archcalc.core.axes import (
    CHANNELS,
    Axes,
    Axis,
    channels_place,
    has_axis,
    place_of,
    resized,
    windows_along,
    windows_without,
    without,
)
from archcalc.core.dim import Dim, prod
from archcalc.core.kernel import CONTIGUOUS, Backward, Cast, Gradient, Kernel, Run, Tensor, Unpredicted, tensor_of
from archcalc.core.operations import largest
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, grid, ids, image, tokens
from archcalc.core.window import IDENTITY, AnyWindow, EarlierWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression
from archcalc.layers.slicing import AlongAxis
from archcalc.record import replace

FAMILY = "Reductions"

METHODS = {
    "mean": "{{0}}.mean({})",
    "sum": "{{0}}.sum({})",
    "max": "{{0}}.amax({})",
    "min": "{{0}}.amin({})",
    "norm": "torch.linalg.vector_norm({{0}}, {})",
    "std": "{{0}}.std({})",
    "logsumexp": "{{0}}.logsumexp({})",
    "prod": "{{0}}.prod({})",
}
"""What torch calls each reduction."""


def ops_of(kind: str, x: Dim, y: Dim) -> Ops:
    """The arithmetic of a reduction of `x` elements to `y`: a sum or an extreme of n takes n - 1 operations."""
    left = x - y
    return {
        "mean": Ops(add=left, div=y),
        "sum": Ops(add=left),
        "max": Ops(compare=left),
        "min": Ops(compare=left),
        "norm": Ops(mul=x, add=left, root=y),
        "std": Ops(add=2 * left + x, mul=x, div=2 * y, root=y),
        "logsumexp": Ops(compare=left, add=2 * x, exp=x + y),
        "prod": Ops(mul=left),
    }[kind]


class Reduce(Layer, name="reduce", positional=("op", "axes")):
    """Reduces axes to one value each: the mean, sum, largest or smallest value, norm, deviation or log of a sum.

    x: any volume -> y: the axes that are left; with `keep`, the reduced ones have length 1

    `axes` are names or numbers, by default all positions. `norm` is the root of the sum of squares, `std` the deviation
    with n - 1, `logsumexp` the logarithm of the sum of exponentials, `prod` the product along one axis. Features
    stay first or last; without an axis the next one on that side has the features, and one value is a feature.

    Sources: Woo et al. 2018, arXiv:1807.06521, equation 3 (mean and maximum over the channels); torch.mean and the
    like.
    """

    role = Role.POOLING
    takes_plain = True

    op: Literal["mean", "sum", "max", "min", "norm", "std", "logsumexp", "prod"]
    axes: Axes = Axes()
    keep: bool = False

    def requires(self, x: Volume) -> Iterator[Requirement]:
        for axis in self.axes:
            yield has_axis(self.name, axis, x)
        yield bool(self.axes) or not x.plain, f"the axes of {x} have no meaning: name them, reduce({self.op}, [1])"
        gone = self.places(x)
        yield len(gone) > 0, f"{x} has no positions: name the axes, reduce({self.op}, channels)"
        yield len(set(gone)) == len(gone), f"an axis is there twice in axes={list(self.axes)}"
        if self.op == "prod":
            yield len(gone) == 1, "prod takes one axis: write reduce(prod, width) -> reduce(prod, height)"
        if self.op == "std":
            yield prod(x.item_shape[at - 1] for at in gone) > 1, "the deviation of one value is not defined"

    def places(self, x: Volume) -> tuple[int, ...]:
        """The numbers of the axes, the batch being 0."""
        if self.axes:
            return tuple(sorted(place_of(axis, x) for axis in self.axes))
        return tuple(at for at in range(1, x.rank + 2) if at != channels_place(x))

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        gone, y = self.places(x), self.shape(x)
        if not self.keep:
            return windows_without(x, gone, WholeWindow(y.spatial[0] if y.rank else 1))
        spatial = (at for at in range(1, x.rank + 2) if at != channels_place(x))
        return tuple(WholeWindow(1) if at in gone else IDENTITY for at in spatial)

    def shape(self, x: Volume) -> Volume:
        if not self.keep:
            return without(x, self.places(x))
        y = x
        for at in self.places(x):
            y = resized(y, at, 1)
        return y

    def ops(self, y: Volume, x: Volume) -> Ops:
        return ops_of(self.op, x.numel, y.numel)

    def cast(self, x: Volume) -> Cast:
        return CASTS.get(self.op, Cast.NONE)

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        return IN_FLOAT32.why(run) if self.op in SUMS_ON_GPU else super().unpredicted(run, x)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield replace(KERNELS[self.op](tensor_of(x), tensor_of(y)), cast=self.cast(x))

    def call(self, x: Volume) -> Call:
        gone = self.places(x)
        dims = str(gone[0]) if len(gone) == 1 else str(gone)
        all_gone = not self.keep and len(gone) == len(x.item_shape)
        kept = ", keepdim=True" if self.keep or all_gone else ""
        made = METHODS[self.op].format(f"dim={dims}{kept}")
        return expression(f"{made}.flatten(1)" if all_gone and len(gone) > 1 else made)

    examples = (
        Example(
            given=dict(op="max", axes=Axes((CHANNELS,)), keep=True), x=image(64, 28, 28), y=image(1, 28, 28),
            scalar=49_392, source="spatial attention, the maximum: Woo et al. 2018, arXiv:1807.06521, equation 3",
        ),
        Example(given=dict(op="mean", axes=Axes((Axis("height"),))), x=image(512, 2, 26), y=image(512, 26),
                scalar=26_624),
        Example(given=dict(op="norm", axes=Axes((CHANNELS,)), keep=True), x=flat(512), y=flat(1), scalar=1_024,
                source="the norm of an embedding: Radford et al. 2021, arXiv:2103.00020, figure 3"),
        Example(given=dict(op="sum", axes=Axes((Axis("length"),))), x=tokens(26, 16), y=flat(16), scalar=400),
        Example(given=dict(op="min"), x=image(3, 4, 4), y=flat(3), scalar=45),
        Example(given=dict(op="std", axes=Axes((CHANNELS, Axis("width")))), x=grid(3, 4, 5), y=flat(3), scalar=243),
        Example(given=dict(op="logsumexp", axes=Axes((Axis("2"),))), x=tokens(4, 6), y=flat(4), scalar=96),
        Example(given=dict(op="mean", axes=Axes((CHANNELS, Axis("height"), Axis("width")))), x=image(3, 4, 4),
                y=flat(1), scalar=48),
        Example(given=dict(op="mean", axes=Axes((CHANNELS,))), x=grid(3, 4, 5), y=tokens(3, 4), scalar=60),
        Example(given=dict(op="prod", axes=Axes((Axis("length"),))), x=tokens(4, 6), y=flat(6), scalar=18,
                source="the probability that no one of four causes acts: torch.prod"),
    )  # fmt: skip


def mean(x: Tensor, y: Tensor) -> Kernel:
    return Kernel(size=y)


def total(x: Tensor, y: Tensor) -> Kernel:
    """Backward expands the gradient, which is a view."""
    return Kernel(size=y, gradient=Gradient.STRIDED_SLICE)


def norm(x: Tensor, y: Tensor) -> Kernel:
    """Backward multiplies all values by the gradient, divides by the norm, and marks where that is 0."""
    marks = Tensor(y.numel, "bool")
    return Kernel(size=y, saves=("x", "y"), backward=Backward(scratch=x.nbytes + marks.nbytes))


def deviation(x: Tensor, y: Tensor) -> Kernel:
    """Backward scales the difference of each value and its mean."""
    return Kernel(size=y, saves=("x", "y"), backward=Backward(scratch=x.nbytes + 3 * y.nbytes))


def log_of_sum(x: Tensor, y: Tensor) -> Kernel:
    """Backward makes the differences of all values and what came out, and their exponentials."""
    return Kernel(size=y, saves=("x", "y"), backward=Backward(scratch=2 * x.nbytes))


def product(x: Tensor, y: Tensor) -> Kernel:
    """Backward marks zeros, counts them, and divides the product by each value where there are none.

    Source: `prod_backward` in torch/csrc/autograd/FunctionsManual.cpp.
    """
    marks, counts = Tensor(x.numel, "bool"), Tensor(y.numel, "int64")
    return Kernel(size=y, saves=("x", "y"), backward=Backward(scratch=marks.nbytes + counts.nbytes + x.nbytes))


IN_FLOAT32 = Unpredicted(there="the gradient of a sum is made in float32 and then cast, which is not modelled")

CASTS = {
    "sum": Cast.RESULT_ON_GPU,
    "prod": Cast.FULL,
    "norm": Cast.RESULT_ON_GPU,
    "logsumexp": Cast.FULL_ON_GPU,
}
"""What autocast does to the reductions that are on a list."""

SUMS_ON_GPU = ("sum", "prod", "norm")
"""What a GPU adds up in float32 without a cast of what it reads."""

KERNELS: Mapping[str, Callable[[Tensor, Tensor], Kernel]] = {
    "mean": mean,
    "sum": total,
    "max": largest,
    "min": largest,
    "norm": norm,
    "std": deviation,
    "logsumexp": log_of_sum,
    "prod": product,
}


class Running(AlongAxis):
    """Abstract: element i is made of all up to i along an axis."""

    casts = Cast.RESULT_ON_GPU
    opaque = IN_FLOAT32
    role = Role.POOLING

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return windows_along(x, self.place(x), EarlierWindow())

    def shape(self, x: Volume) -> Volume:
        return x

    def combined(self, x: Volume) -> Dim:
        """All elements but the first along the axis."""
        return x.numel - x.numel // self.length(x)


class CumulativeSum(Running, name="cumsum", positional=("axis",)):
    """The running sum along an axis: element i is the sum of all up to i.

    x: any volume -> y: the same; one addition for each element but the first along the axis

    Source: torch.cumsum.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=self.combined(x))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Backward sums from the other end: a flipped gradient, its running sum, and that flipped back."""
        if self.length(x) == 1:
            yield Kernel(size=tensor_of(y), layout=CONTIGUOUS, gradient=Gradient.SAME)
            return
        yield Kernel(size=tensor_of(y), layout=CONTIGUOUS, backward=Backward(scratch=2 * y.nbytes))

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}.cumsum({self.place(x)})")

    examples = (
        Example(x=flat(10), y=flat(10), scalar=9, source="torch.cumsum"),
        Example(given=dict(axis=Axis("length")), x=tokens(8, 4), y=tokens(8, 4), scalar=28),
        Example(given=dict(axis=Axis("height")), x=image(3, 5, 4), y=image(3, 5, 4), scalar=48),
    )  # fmt: skip


class CumulativeProduct(Running, name="cumprod", positional=("axis",)):
    """The running product along an axis: element i is the product of all up to i.

    x: any volume -> y: the same; one multiplication for each element but the first along the axis

    Sources: the light that passes all points before one: Mildenhall et al. 2020, arXiv:2003.08934, equation 3;
    torch.cumprod.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mul=self.combined(x))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Backward sums products of gradients and values from the other end, and divides by the values; zeros, which it
        marks, would take more.

        Source: `cumprod_backward` in torch/csrc/autograd/FunctionsManual.cpp.
        """
        if self.length(x) == 1:
            yield Kernel(size=tensor_of(y), layout=CONTIGUOUS, saves=("x", "y"), gradient=Gradient.SAME)
            return
        marks = Tensor(y.numel, "bool")
        backward = Backward(scratch=3 * y.nbytes + marks.nbytes)
        yield Kernel(size=tensor_of(y), layout=CONTIGUOUS, saves=("x", "y"), backward=backward)

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}.cumprod({self.place(x)})")

    examples = (
        Example(
            given=dict(axis=Axis("length")), x=tokens(192, 1), y=tokens(192, 1), scalar=191,
            source="192 points of a ray: Mildenhall et al. 2020, arXiv:2003.08934, equation 3, section 5.3",
        ),
        Example(x=flat(10), y=flat(10), scalar=9, source="torch.cumprod"),
        Example(given=dict(axis=Axis("height")), x=image(3, 5, 4), y=image(3, 5, 4), scalar=48),
    )  # fmt: skip


class ArgMax(Layer, name="argmax"):
    """The number of the largest feature at each position, as an integer: a class, or the nearest code.

    x: C at *spatial -> y: integers at *spatial, which `embedding` takes

    C - 1 comparisons at each position. No gradient flows through it.

    Sources: the code of a vector: van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937, equation 1; torch.argmax.
    """

    role = Role.POOLING

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank > 0, f'argmax needs positions, got {x}: rearrange("b c -> b 1 c") makes one'

    def shape(self, x: Volume) -> Volume:
        return ids(*x.spatial, batch=x.batch)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel - y.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(size=tensor_of(y), layout=CONTIGUOUS)

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}.argmax({channels_place(x)})")

    examples = (
        Example(
            x=image(512, 32, 32), y=ids(32, 32), scalar=523_264,
            source="the codes of an image: van den Oord et al. 2017, arXiv:1711.00937, section 4.1 (K = 512, 32 x 32)",
        ),
        Example(x=tokens(7, 30), y=ids(7), scalar=203),
    )  # fmt: skip
