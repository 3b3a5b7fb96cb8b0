"""Arithmetic of two volumes, element by element: differences, quotients, extremes, powers, choices."""

from collections.abc import Iterator, Mapping
from typing import Any

from archcalc.core.broadcasting import repeated
from archcalc.core.dim import Dim
from archcalc.core.kernel import PRESERVED, Backward, Cast, Gradient, Kernel, Run, tensor, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, grid, image, tokens
from archcalc.layer import Call, Example, Requirement, expression
from archcalc.layers.merge import Broadcasting
from archcalc.record import replace

FAMILY = "Merges and products"


class Pairwise(Broadcasting):
    """Abstract: an operation on the elements of two volumes; the smaller one is broadcast, as in `mul`."""

    inputs = (2, 2)


def element_by_element(y: Volume, xs: tuple[Volume, ...], making: Mapping[str, Dim], **saved: Any) -> Kernel:
    """An operation on two volumes, which makes each gradient in the whole size; `making`: what that takes beside it."""
    backward = Backward(making=making, unreduced=dict.fromkeys(repeated(y, *xs), y.nbytes))
    return Kernel(reads=("x0", "x1"), size=tensor_of(y), layout=PRESERVED, backward=backward, **saved)


class Sub(Pairwise, name="sub", aliases=("subtract",)):
    """The first volume minus the second; the smaller one is broadcast over positions or channels.

    x: C at *spatial; the other: the same shape, C, C at 1, or 1 at *spatial -> y: C at *spatial

    Sources: advantages without their mean: Wang et al. 2015, arXiv:1511.06581, equation 9; torch.sub.
    """

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(add=y.numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """The gradient of the second is new; one that is broadcast is summed from a tensor of the whole size."""
        smaller = repeated(y, *xs)
        made = {"x1": y.nbytes} if "x1" in smaller else {}
        backward = Backward(negated=("x1",), broadcast=tuple(each for each in smaller if each == "x0"), unreduced=made)
        yield Kernel(reads=("x0", "x1"), size=tensor_of(y), layout=PRESERVED, gradient=Gradient.SAME, backward=backward)

    def call(self, *xs: Volume) -> Call:
        return self.written("{} - {}", *xs)

    examples = (
        Example(
            x=(flat(18), flat(1)), y=flat(18), scalar=18,
            source="18 actions, their mean subtracted: Wang et al. 2015, arXiv:1511.06581, equation 9",
        ),
        Example(x=(image(3, 4, 4), image(3, 4, 4)), y=image(3, 4, 4), scalar=48),
        Example(x=(flat(3), image(3, 4, 4)), y=image(3, 4, 4), scalar=48),
        Example(x=(grid(5, 1, 4), grid(1, 3, 4)), y=grid(5, 3, 4), scalar=60),
    )  # fmt: skip


class Div(Pairwise, name="div", aliases=("divide",)):
    """The first volume divided by the second; the smaller one is broadcast over positions or channels.

    x: C at *spatial; the other: the same shape, C, C at 1, or 1 at *spatial -> y: C at *spatial

    Sources: features over their norm: Radford et al. 2021, arXiv:2103.00020, figure 3; torch.div.
    """

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(div=y.numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """Backward begins with the divisor's gradient, -g (x0 / x1) / x1: four tensors of the whole size at once."""
        making = {"x1": 3 * y.nbytes, "x0": 0}
        yield element_by_element(y, xs, making, saves=("x1",), factors=("x0", "x1"))

    def call(self, *xs: Volume) -> Call:
        return self.written("{} / {}", *xs)

    examples = (
        Example(
            x=(flat(512), flat(1)), y=flat(512), scalar=512,
            source="an embedding of 512 features over its norm: Radford et al. 2021, arXiv:2103.00020, figure 3",
        ),
        Example(x=(tokens(4, 6), tokens(4, 6)), y=tokens(4, 6), scalar=24),
        Example(x=(flat(3), image(3, 4, 4)), y=image(3, 4, 4), scalar=48),
        Example(x=(grid(5, 1, 4), grid(1, 3, 4)), y=grid(5, 3, 4), scalar=60),
    )  # fmt: skip


class Extreme(Pairwise):
    """Abstract: the larger or the smaller of two elements; backward marks what was chosen, and what was equal."""

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(compare=y.numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """Each gradient is what is left of the whole one, half of it where both are equal; two masks say where."""
        beside = y.nbytes + 2 * tensor(y.numel, dtype="bool").nbytes
        yield element_by_element(y, xs, {"x1": beside, "x0": beside}, saves=("x0", "x1"))


class Maximum(Extreme, name="maximum"):
    """The larger of two elements; the smaller volume is broadcast over positions or channels.

    x: C at *spatial; the other: the same shape, C, C at 1, or 1 at *spatial -> y: C at *spatial

    Sources: maxout of two maps: Goodfellow et al. 2013, arXiv:1302.4389; torch.maximum.
    """

    def call(self, *xs: Volume) -> Call:
        return self.written("torch.maximum({}, {})", *xs)

    examples = (
        Example(
            x=(image(64, 8, 8), image(64, 8, 8)), y=image(64, 8, 8), scalar=4_096,
            source="two pieces: Goodfellow et al. 2013, arXiv:1302.4389",
        ),
        Example(x=(tokens(4, 6), flat(6)), y=tokens(4, 6), scalar=24),
        Example(x=(grid(5, 1, 4), grid(1, 3, 4)), y=grid(5, 3, 4), scalar=60),
    )  # fmt: skip


class Minimum(Extreme, name="minimum"):
    """The smaller of two elements; the smaller volume is broadcast over positions or channels.

    x: C at *spatial; the other: the same shape, C, C at 1, or 1 at *spatial -> y: C at *spatial

    Sources: the smaller of two critics: Fujimoto, van Hoof & Meger 2018, arXiv:1802.09477, equation 10; torch.minimum.
    """

    def call(self, *xs: Volume) -> Call:
        return self.written("torch.minimum({}, {})", *xs)

    examples = (
        Example(
            x=(flat(1), flat(1)), y=flat(1), scalar=1,
            source="TD3, the smaller of two critics: Fujimoto et al. 2018, arXiv:1802.09477, equation 10",
        ),
        Example(x=(image(3, 4, 4), flat(3)), y=image(3, 4, 4), scalar=48),
        Example(x=(grid(5, 1, 4), grid(1, 3, 4)), y=grid(5, 3, 4), scalar=60),
    )  # fmt: skip


class Power(Pairwise, name="pow", positional=("exponent",)):
    """The first volume to the power of the second, or of a number, `exponent`: one power per element.

    x: C at *spatial -> y: the same

    Source: torch.pow.
    """

    casts = Cast.FULL_ON_GPU
    inputs = (1, 2)

    exponent: float | None = None

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        message = "pow needs an exponent, or a list of two paths: pow(3), pow: [base, exponent]"
        yield (self.exponent is None) == (len(xs) == 2), message
        yield from super().requires(*xs)

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(power=y.numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        if self.exponent is not None:
            scratch = Backward(scratch=2 * y.nbytes)
            yield Kernel(size=tensor_of(y), layout=PRESERVED, saves=("x",), backward=scratch, cast=self.casts)
            return
        if run.autocast and self.casts.on(run.device) is Cast.FULL:
            xs = tuple(replace(x, dtype=y.dtype) for x in xs)
        mark, marks = (tensor(n, dtype="bool").nbytes for n in (xs[1].numel, y.numel))
        zero = tensor(1, dtype=y.dtype).nbytes
        making = {
            "x1": xs[0].nbytes + 2 * y.nbytes + marks + zero,
            "x0": xs[1].nbytes + 3 * y.nbytes + mark + zero,
        }
        yield element_by_element(y, xs, making, saves=("x0", "x1", "y"), cast=self.casts)

    def call(self, *xs: Volume) -> Call:
        return expression(f"{{0}} ** {self.exponent!r}") if self.exponent is not None else self.written("{} ** {}", *xs)

    examples = (
        Example(
            given=dict(exponent=3.0), x=flat(10), y=flat(10), scalar=10,
            source="the cube in the approximation of GELU: Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2",
        ),
        Example(given=dict(exponent=0.5), x=image(3, 4, 4), y=image(3, 4, 4), scalar=48),
        Example(x=(tokens(4, 6), tokens(4, 6)), y=tokens(4, 6), scalar=24),
        Example(x=(image(3, 4, 4), flat(3)), y=image(3, 4, 4), scalar=48),
        Example(x=(grid(5, 1, 4), grid(1, 3, 4)), y=grid(5, 3, 4), scalar=60),
    )  # fmt: skip
