"""Functions of each element that are constant between jumps: steps, signs, whole numbers.

Their gradient is zero everywhere. Comparisons are steps of differences: `x > c` is `add_constant(-c) -> heaviside`.
"""

from collections.abc import Iterator

from archcalc.core.kernel import PRESERVED, Kernel, Run, tensor, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.layer import Call, Example, expression
from archcalc.layers.function import Function

FAMILY = "Functions of each element"


class Condition(Function):
    """Abstract: 1 where a condition holds, else 0; no gradient flows through it."""

    saves = ()
    decided_by = (0,)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        conditions = tensor(*x.shape, dtype="bool")
        yield Kernel(makes="above", size=conditions, layout=PRESERVED)
        yield Kernel(reads=("above",), size=tensor_of(y), layout=PRESERVED)


class Heaviside(Condition, name="heaviside", positional=("at_zero",)):
    """y = 1 where x > 0, else 0; with `at_zero`, 1 where x is 0, too: one comparison per element.

    No gradient flows through it.

    Sources: the threshold of a neuron: McCulloch & Pitts 1943, "A logical calculus of the ideas immanent in nervous
    activity"; torch.heaviside.
    """

    at_zero: bool = False

    def call(self, x: Volume) -> Call:
        return expression(f"({{0}} {'>=' if self.at_zero else '>'} 0).type_as({{0}})")

    examples = (
        Example(x=flat(6), y=flat(6), scalar=6, source="torch.heaviside, with 0 at 0"),
        Example(
            given=dict(at_zero=True), x=image(2, 3, 4), y=image(2, 3, 4), scalar=24,
            source="torch.heaviside, with 1 at 0",
        ),
    )  # fmt: skip


class IsNaN(Condition, name="isnan"):
    """y = 1 where x is not a number, else 0: one comparison per element.

    No gradient flows through it.

    Source: torch.isnan.
    """

    def call(self, x: Volume) -> Call:
        return expression("{0}.isnan().type_as({0})")

    examples = (Example(x=flat(6), y=flat(6), scalar=6, source="torch.isnan"),)


class Sign(Function, name="sign"):
    """y = -1, 0 or 1, the sign of x: two comparisons per element.

    Sources: the weights and activations of a binarized network: Courbariaux et al. 2016, arXiv:1602.02830,
    section 1.1; torch.sign.
    """

    applies = "{0}.sign()"
    saves = ()

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=2 * x.numel)

    examples = (Example(x=tokens(4, 6), y=tokens(4, 6), scalar=48, source="torch.sign"),)


class Rounding(Function):
    """Abstract: a whole number near x; one operation per element, counted as a comparison."""

    saves = ()

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel)


class Floor(Rounding, name="floor"):
    """y = the largest whole number that is at most x: one operation per element, counted as a comparison.

    Source: torch.floor.
    """

    applies = "{0}.floor()"

    examples = (Example(x=flat(6), y=flat(6), scalar=6, source="torch.floor"),)


class Ceil(Rounding, name="ceil"):
    """y = the smallest whole number that is at least x: one operation per element, counted as a comparison.

    Source: torch.ceil.
    """

    applies = "{0}.ceil()"

    examples = (Example(x=flat(6), y=flat(6), scalar=6, source="torch.ceil"),)


class Round(Rounding, name="round"):
    """y = the nearest whole number, of two the even one: one operation per element, counted as a comparison.

    Sources: values of 8 bits: Jacob et al. 2017, arXiv:1712.05877, equation 12; torch.round.
    """

    applies = "{0}.round()"

    examples = (Example(x=image(2, 3, 4), y=image(2, 3, 4), scalar=24, source="torch.round"),)
