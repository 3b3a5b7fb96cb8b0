"""Layers that merge branches."""

from collections.abc import Iterator

from archcalc.core.dim import same
from archcalc.core.kernel import PRESERVED, Backward, Cast, Gradient, Kernel, Run, Tensor, inputs_named, tensor_of
from archcalc.core.operations import product, sum_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens, widest
from archcalc.layer import Call, Example, Merge, Requirement, Role, expression, inputs_list

FAMILY = "Merges and products"


def listed(xs: tuple[Volume, ...]) -> str:
    return f"{', '.join(map(str, xs[:-1]))} and {xs[-1]}"


def equal_but(xs: tuple[Volume, ...], message: str, channels: bool) -> Iterator[Requirement]:
    """All volumes have the same positions, batch and dtype; with `channels`, also the same channels."""
    first, *others = xs
    for x in others:
        kinds = [(each.rank, each.channels_last, each.dtype) for each in (first, x)]
        yield kinds[0] == kinds[1], message
        yield same(first.batch, x.batch), message
        yield same(first.channels, x.channels) if channels else True, message
        yield from ((same(n, m), message) for n, m in zip(first.spatial, x.spatial, strict=True))


def same_positions(xs: tuple[Volume, ...]) -> str:
    """How to make branches of different sizes equal."""
    if len({x.rank for x in xs}) > 1:
        return "give both the same number of axes: gap, or flatten"
    return "give both the same size: padding=same, the same stride, or crop(like=...)"


class Add(Merge, name="add"):
    """The sum of volumes of the same shape, as at the end of a residual block.

    Source: He et al. 2015, arXiv:1512.03385.
    """

    role = Role.MERGE

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield from equal_but(xs, f"add needs equal shapes, got {listed(xs)}", channels=True)

    def remedy(self, *xs: Volume) -> str:
        if len({x.spatial for x in xs}) > 1:
            return same_positions(xs)
        return f"project the shortcut: conv(1, {max(x.channels for x in xs)})" if xs[0].rank else ""

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(add=(len(xs) - 1) * y.numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        for size, left, right, makes in one_by_one(y, xs):
            yield sum_of(size, left, right, makes=makes, layout=PRESERVED)

    def call(self, *xs: Volume) -> Call:
        return expression(" + ".join(f"{{{i}}}" for i in range(len(xs))))

    examples = (
        Example(
            x=(image(256, 56, 56), image(256, 56, 56)), y=image(256, 56, 56), scalar=802_816,
            source="ResNet-50 conv2_x: He et al. 2015, arXiv:1512.03385, table 1",
        ),
    )  # fmt: skip


def one_by_one(y: Volume, xs: tuple[Volume, ...]) -> Iterator[tuple[Tensor, str, str, str]]:
    """Of a sum or product of several, two at a time: what each result takes, its two operands, and its own name."""
    left, *others = inputs_named(len(xs))
    dtype = xs[0].dtype
    for i, right in enumerate(others, 1):
        dtype = widest(dtype, xs[i].dtype)
        makes = "y" if i == len(others) else f"part{i}"
        yield Tensor(y.numel, dtype), left, right, makes
        left = makes


class Mul(Merge, name="mul", aliases=("multiply",)):
    """The element-wise product of volumes; smaller volumes (gates) are broadcast over positions or channels.

    x: C at *spatial; gates: the same shape, C, C at 1, or 1 at *spatial -> y: C at *spatial

    Sources: a gate for each channel: Hu et al. 2017, arXiv:1709.01507, equation 4; for each position: Woo et al. 2018,
    arXiv:1807.06521, equation 3.
    """

    role = Role.MERGE

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        whole = largest(xs)
        for x in xs:
            yield from gates(
                x,
                whole,
                f"mul cannot broadcast {x} to {whole}: a gate has the same channels or 1, and the same positions or 1",
            )

    def shape(self, *xs: Volume) -> Volume:
        return largest(xs)

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(mul=(len(xs) - 1) * y.numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """Backward makes a gradient of the whole size for a gate, and then sums it."""
        for (size, left, right, makes), x in zip(one_by_one(y, xs), xs[1:], strict=True):
            gates = [each for each in (xs[0], x) if each.numel != y.numel]
            backward = Backward(scratch=len(gates) * y.nbytes)
            yield product(size, left, right, makes, layout=PRESERVED, backward=backward)

    def call(self, *xs: Volume) -> Call:
        whole = largest(xs)
        return expression(" * ".join(f"{{{i}}}{spread(x, whole)}" for i, x in enumerate(xs)))

    examples = (
        Example(
            x=(image(256, 56, 56), flat(256)), y=image(256, 56, 56), scalar=802_816,
            source="squeeze and excitation, its scale: Hu et al. 2017, arXiv:1709.01507, equation 4",
        ),
        Example(
            x=(image(1, 14, 14), image(512, 14, 14)), y=image(512, 14, 14), scalar=100_352,
            source="spatial attention: Woo et al. 2018, arXiv:1807.06521, equation 3",
        ),
        Example(x=(image(8, 5), image(8, 1), image(8, 5)), y=image(8, 5), scalar=80),
        Example(x=(tokens(4, 6), flat(6)), y=tokens(4, 6), scalar=24),
    )  # fmt: skip


def largest(xs: tuple[Volume, ...]) -> Volume:
    """The volume that the others are broadcast to: the one with the most axes longer than 1."""
    return max(xs, key=lambda x: (x.rank, sum(n != 1 for n in x.item_shape)))


def gates(x: Volume, whole: Volume, message: str) -> Iterator[Requirement]:
    """One volume can be broadcast to another: each of its axes has the same length, has length 1, or is missing."""
    yield x.dtype == whole.dtype, message
    yield same(x.batch, whole.batch), message
    yield x.channels == 1 or same(x.channels, whole.channels), message
    if x.rank:
        yield (x.rank, x.channels_last) == (whole.rank, whole.channels_last), message
        yield from ((n == 1 or same(n, m), message) for n, m in zip(x.spatial, whole.spatial, strict=True))


def spread(x: Volume, whole: Volume) -> str:
    """The index expression that adds a gate's missing axes."""
    if x.rank == whole.rank:
        return ""
    return (
        "[:, " + "None, " * (whole.rank - 1) + "None, :]"
        if whole.channels_last
        else "[:, :" + ", None" * whole.rank + "]"
    )


class Concat(Merge, name="concat", aliases=("concatenate", "cat")):
    """Concatenates volumes along the channels, as at the end of an inception module.

    Source: Szegedy et al. 2014, arXiv:1409.4842, figure 2.
    """

    role = Role.MOVEMENT

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield from equal_but(xs, f"concat needs equal sizes except for channels, got {listed(xs)}", channels=False)

    def remedy(self, *xs: Volume) -> str:
        return same_positions(xs)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0].to(channels=sum(x.channels for x in xs))

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        pieces = y.positions if y.channels_last else y.batch
        yield Kernel(
            reads=inputs_named(len(xs)), size=tensor_of(y), gradient=Gradient.slice(pieces == 1), cast=Cast.WIDEST
        )

    def call(self, *xs: Volume) -> Call:
        return expression(f"torch.cat([{inputs_list(len(xs))}], dim={-1 if xs[0].channels_last else 1})")

    examples = (
        Example(
            x=(image(64, 28, 28), image(128, 28, 28), image(32, 28, 28), image(32, 28, 28)), y=image(256, 28, 28),
            source="GoogLeNet inception (3a): Szegedy et al. 2014, arXiv:1409.4842, table 1",
        ),
        Example(x=(flat(3), flat(4)), y=flat(7)),
    )  # fmt: skip
