"""Lengths of axes that code reads, and the whole numbers that it computes from them: each number knows how."""

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsIndex, TypeAlias, Union

from archcalc.importing.program import Value
from archcalc.record import record

SIGNS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}
"""What specs can compute as Python does."""


@record
class LengthOf:
    """The length of an axis of a value."""

    value: Value
    axis: int


@record
class Computed:
    """Two numbers, and the sign between them."""

    sign: str
    left: "Formula"
    right: "Formula"


Formula: TypeAlias = Union[int, LengthOf, Computed]  # noqa: UP007  a class that is defined below cannot be an operand


class Length(int):
    """A whole number with the formula that it was computed by; a copy of it is a plain number.

    >>> n = Length(7, LengthOf(Value("made", (1, 7)), 1))
    >>> 2 * n + 1, (2 * n + 1).formula.sign, type(n / 2).__name__
    (15, '+', 'float')
    """

    formula: Formula

    def __new__(cls, n: int, formula: Formula) -> "Length":
        made = super().__new__(cls, n)
        made.formula = formula
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return int, (int(self),)

    def __neg__(self) -> "Length":
        return Length(-int(self), Computed("-", 0, self.formula))

    def __pos__(self) -> "Length":
        return self

    def __round__(self, digits: SupportsIndex = 0) -> int:
        return self if int(digits) >= 0 else round(int(self), digits)

    def __trunc__(self) -> int:
        return self

    __floor__ = __ceil__ = __trunc__


def follow(sign: str) -> None:
    """Makes an operator of lengths keep the formula."""
    word = SIGNS[sign].__name__
    plain, reflected = f"__{word}__", f"__r{word}__"

    def forward(self: Length, other: Any) -> Any:
        return computed(getattr(int, plain)(self, other), sign, self, other)

    def backward(self: Length, other: Any) -> Any:
        return computed(getattr(int, reflected)(self, other), sign, other, self)

    setattr(Length, plain, forward)
    setattr(Length, reflected, backward)


for each in SIGNS:
    follow(each)


def computed(result: Any, sign: str, left: Any, right: Any) -> Any:
    """A whole number as a length; what is none, or comes from another kind of number, as it is."""
    if type(result) is not int:
        return result
    return Length(result, Computed(sign, formula_of(left), formula_of(right)))


def formula_of(n: int) -> Formula:
    return n.formula if isinstance(n, Length) else int(n)


def lengths_in(formula: Formula) -> Iterator[LengthOf]:
    """The lengths that a formula reads."""
    if isinstance(formula, LengthOf):
        yield formula
    elif isinstance(formula, Computed):
        yield from lengths_in(formula.left)
        yield from lengths_in(formula.right)


def all_lengths_of(numbers: Sequence[object]) -> Value | None:
    """The value whose axes, up to its last one, have these lengths: `x.shape[2:]`; None if there is none."""
    axes = [axis_of(n) for n in numbers]
    first = axes[0] if axes else None
    if first is None:
        return None
    rank, count = len(first.value.shape), len(numbers)
    return first.value if axes == [LengthOf(first.value, rank - count + i) for i in range(count)] else None


def axis_of(n: object) -> LengthOf | None:
    """The axis whose length a number is; None if it was computed, or is a plain number."""
    return n.formula if isinstance(n, Length) and isinstance(n.formula, LengthOf) else None
