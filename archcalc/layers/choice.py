"""Choices element by element: where a condition holds, one volume; elsewhere another, or a number."""

from collections.abc import Iterable, Iterator

from archcalc.core.broadcasting import can_meet, repeated, spread, together
from archcalc.core.kernel import PRESERVED, Backward, Kernel, Run, Tensor, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, grid, image, tokens
from archcalc.layer import Call, Example, Reference, Requirement, expression
from archcalc.layers.merge import Broadcasting
from archcalc.record import replace

FAMILY = "Merges and products"


class Where(Broadcasting, name="where"):
    """Where the first volume is above zero, the second; elsewhere the third.

    condition, a, b: C at *spatial, or C, C at 1, 1 at *spatial -> y: C at *spatial

    One comparison per element of the condition. Smaller volumes are broadcast, as in `mul`. No gradient flows into the
    condition.

    Source: torch.where.
    """

    inputs = (3, 3)
    decided_by = (0,)

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(compare=xs[0].numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """Backward makes a gradient of the whole size for each of both, and then sums those that were broadcast."""
        yield Kernel(reads=("x0",), makes="chosen", size=Tensor(xs[0].numel, "bool"), layout=PRESERVED)
        smaller = [name for name in repeated(y, *xs) if name != "x0"]
        backward = Backward(unreduced=dict.fromkeys(smaller, y.nbytes))
        yield Kernel(
            reads=("chosen", "x1", "x2"), size=tensor_of(y), layout=PRESERVED, saves=("chosen",), backward=backward
        )

    def call(self, *xs: Volume) -> Call:
        return self.written("torch.where({} > 0, {}, {})", *xs)

    examples = (
        Example(
            x=(tokens(196, 1), tokens(1, 768), tokens(196, 768)), y=tokens(196, 768), scalar=196,
            source="masked patches become one learned token: Bao et al. 2021, arXiv:2106.08254, section 2.3",
        ),
        Example(x=(image(3, 4, 4), image(3, 4, 4), image(3, 4, 4)), y=image(3, 4, 4), scalar=48),
        Example(x=(grid(3, 4, 1), grid(3, 1, 5), grid(1, 4, 5)), y=grid(3, 4, 5), scalar=12),
        Example(x=(tokens(4, 6), flat(6), flat(6)), y=tokens(4, 6), scalar=24),
    )  # fmt: skip


class Mask(Broadcasting, name="mask", positional=("by", "fill")):
    """Puts `fill` where another volume, `by`, is above zero.

    x: C at *spatial; by: the same shape, C, C at 1, or 1 at *spatial -> y: C at *spatial

    One comparison per element of `by`. The default of `fill` turns a score into a weight of zero: softmax of -1e9 is 0
    beside any usual score. No gradient flows into `by`.

    Sources: scores that are set to minus infinity: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3;
    torch.Tensor.masked_fill.
    """

    inputs = (1, 1)
    reads = ("by",)
    decided_by = (1,)

    by: Reference
    fill: float = -1e9

    def for_each_sample(self, *xs: Volume) -> Iterable[int]:
        return (0,)

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, by = xs
        message = f"mask cannot broadcast {by} to {x}: it has the same channels or 1, and the same positions or 1"
        yield from can_meet((replace(by, dtype=x.dtype), x), message)
        yield together((x, by)).numel == x.numel, message

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(compare=xs[1].numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        yield Kernel(reads=("x1",), makes="masked", size=Tensor(xs[1].numel, "bool"), layout=PRESERVED)
        yield Kernel(reads=("x0", "masked"), size=tensor_of(y), layout=PRESERVED, saves=("masked",))

    def call(self, *xs: Volume) -> Call:
        x, by = xs
        return expression(f"{{0}}.masked_fill({{1}}{spread(by, x)} > 0, {self.fill!r})")

    examples = (
        Example(
            given=dict(by=Reference("later")), x=(grid(8, 25, 25), grid(1, 25, 25)), y=grid(8, 25, 25), scalar=625,
            source="scores of 8 heads: Vaswani et al. 2017, arXiv:1706.03762, sections 3.2.2 and 3.2.3",
        ),
        Example(
            given=dict(by=Reference("holes"), fill=0.0), x=(image(3, 4, 4), image(1, 4, 4)), y=image(3, 4, 4),
            scalar=16,
        ),
        Example(given=dict(by=Reference("gone")), x=(tokens(4, 6), flat(6)), y=tokens(4, 6), scalar=6),
    )  # fmt: skip
