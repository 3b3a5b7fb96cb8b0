"""Layers that merge branches."""

from collections.abc import Iterable, Iterator

from archcalc.core.broadcasting import can_meet, different, spread, together, windows_onto
from archcalc.core.dim import same
from archcalc.core.kernel import PRESERVED, Backward, Gradient, Kernel, Run, Tensor, inputs_named, tensor_of
from archcalc.core.operations import product
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, grid, image, tokens
from archcalc.core.window import AnyWindow
from archcalc.layer import Call, Example, Merge, Requirement, Role, expression

FAMILY = "Merges and products"


def listed(xs: tuple[Volume, ...]) -> str:
    """Shapes, and where their features are if equal ones differ in that.

    >>> listed((image(4, 9), tokens(4, 9)))
    '[4, 9], features first, and [4, 9], features last'
    """
    alike = len({(str(x), x.channels_last) for x in xs if x.rank}) > len({str(x) for x in xs if x.rank})
    texts = [f"{x}, features {'last' if x.channels_last else 'first'}" if alike and x.rank else str(x) for x in xs]
    return f"{', '.join(texts[:-1])}{',' if alike else ''} and {texts[-1]}"


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


class Broadcasting(Merge):
    """Abstract: works element by element; smaller volumes are repeated along the axes that they lack."""

    role = Role.MERGE
    takes_plain = True

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield from can_meet(xs, f"{self.name} needs equal shapes or axes of length 1, got {listed(xs)}")

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        """Those of the input that gives the output its positions."""
        whole = together(xs)
        return windows_onto(whole, max(xs, key=lambda x: (x.rank, x.spatial == whole.spatial)))

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        whole = together(xs)
        onto = {id(x): windows_onto(whole, x) for x in different(xs)}
        return tuple(onto[id(x)] for x in xs)

    def for_each_sample(self, *xs: Volume) -> Iterable[int]:
        """None: torch repeats what all samples share, as it repeats other axes of length 1."""
        return ()

    def shape(self, *xs: Volume) -> Volume:
        return together(xs)

    def written(self, form: str, *xs: Volume) -> Call:
        """The expression, with the axes that an input lacks; each `{}` is an input."""
        whole = together(xs)
        places = (f"{{{i}}}{spread(x, whole)}" for i, x in enumerate(xs))
        return expression(form.format(*places))


class Add(Broadcasting, name="add"):
    """The sum of volumes, as at the end of a residual block; smaller ones are broadcast over positions or channels.

    x: C at *spatial; others: the same shape, C, C at 1, or 1 at *spatial -> y: C at *spatial

    Sources: He et al. 2015, arXiv:1512.03385; an embedding of time added at every position: Ho, Jain & Abbeel 2020,
    arXiv:2006.11239, appendix B.
    """

    def remedy(self, *xs: Volume) -> str:
        if len({x.spatial for x in xs}) > 1:
            return same_positions(xs)
        return f"project the shortcut: conv(1, {max(x.channels for x in xs)})" if xs[0].rank else ""

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(add=sum(part.numel for part in partial(xs)))

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """A gradient of a volume that was broadcast is summed from the one that came in."""
        for size, left, right, makes, smaller in one_by_one(xs):
            backward = Backward(broadcast=smaller)
            yield Kernel(
                reads=(left, right), makes=makes, size=size, layout=PRESERVED, gradient=Gradient.SAME, backward=backward
            )

    def call(self, *xs: Volume) -> Call:
        return self.written(" + ".join(["{}"] * len(xs)), *xs)

    examples = (
        Example(
            x=(image(256, 56, 56), image(256, 56, 56)), y=image(256, 56, 56), scalar=802_816,
            source="ResNet-50 conv2_x: He et al. 2015, arXiv:1512.03385, table 1",
        ),
        Example(
            x=(image(256, 16, 16), flat(256)), y=image(256, 16, 16), scalar=65_536,
            source="the embedding of time: Ho, Jain & Abbeel 2020, arXiv:2006.11239, appendix B",
        ),
        Example(x=(flat(6), tokens(1, 6), tokens(4, 6)), y=tokens(4, 6), scalar=30),
        Example(x=(grid(5, 1, 4), grid(1, 3, 4)), y=grid(5, 3, 4), scalar=60),
        Example(x=(image(1, 4, 4), image(8, 4, 4), image(8, 1, 4)), y=image(8, 4, 4), scalar=256),
    )  # fmt: skip


def partial(xs: tuple[Volume, ...]) -> Iterator[Volume]:
    """Of a sum or product of several, what each further one makes with all before it."""
    before = {id(xs[0]): xs[0]}
    part = together(xs[:2])
    for x in xs[1:]:
        if id(x) not in before:
            before[id(x)] = x
            part = together(tuple(before.values()))
        yield part


def one_by_one(xs: tuple[Volume, ...]) -> Iterator[tuple[Tensor, str, str, str, tuple[str, ...]]]:
    """Of a sum or product of several, two at a time: what each result takes, its two operands, its own name, and which
    operands are broadcast."""
    left, *others = inputs_named(len(xs))
    before = xs[0]
    for right, x, part in zip(others, xs[1:], partial(xs), strict=True):
        makes = "y" if right == others[-1] else f"part{right[1:]}"
        smaller = tuple(name for name, each in ((left, before), (right, x)) if each.numel != part.numel)
        yield tensor_of(part), left, right, makes, smaller
        left, before = makes, part


class Mul(Broadcasting, name="mul", aliases=("multiply",)):
    """The element-wise product of volumes; smaller volumes (gates) are broadcast over positions or channels.

    x: C at *spatial; gates: the same shape, C, C at 1, or 1 at *spatial -> y: C at *spatial

    Sources: a gate for each channel: Hu et al. 2017, arXiv:1709.01507, equation 4; for each position: Woo et al. 2018,
    arXiv:1807.06521, equation 3.
    """

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(mul=sum(part.numel for part in partial(xs)))

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """Backward makes a gradient of the whole size for each gate, and then sums them, one after the other."""
        for size, left, right, makes, smaller in one_by_one(xs):
            backward = Backward(unreduced=dict.fromkeys(smaller, size.nbytes))
            yield product(size, left, right, makes, layout=PRESERVED, backward=backward)

    def call(self, *xs: Volume) -> Call:
        return self.written(" * ".join(["{}"] * len(xs)), *xs)

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
        Example(x=(flat(6), tokens(1, 6), tokens(4, 6)), y=tokens(4, 6), scalar=30),
        Example(x=(grid(5, 1, 4), grid(1, 3, 4)), y=grid(5, 3, 4), scalar=60),
    )  # fmt: skip
