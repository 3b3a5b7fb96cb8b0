"""Quotients that need not be whole: the value of `w / 3` until it is rounded."""

import sys
from typing import TYPE_CHECKING, TypeAlias, TypeGuard, cast

from archcalc.sym.expr import Claim, Expr, NoClosedForm, Number, ceil_div, claim, expression, floor_div

if TYPE_CHECKING:
    from fractions import Fraction

Rational: TypeAlias = "Number | Fraction | Ratio"


def is_fraction(value: object) -> "TypeGuard[Fraction]":
    """Whether a value is a fraction: there are none before their module is loaded, which most networks do not need."""
    loaded = sys.modules.get("fractions")
    return loaded is not None and isinstance(value, loaded.Fraction)


class Ratio:
    """`numerator / divisor` with a positive divisor. Rounding turns it into an expression."""

    __slots__ = ("divisor", "numerator")

    def __init__(self, numerator: Expr, divisor: Expr) -> None:
        self.numerator, self.divisor = numerator, divisor

    def __add__(self, other: Rational) -> "Expr | Ratio":
        a, b = self, ratio(other)
        return quotient(a.numerator * b.divisor + b.numerator * a.divisor, a.divisor * b.divisor)

    __radd__ = __add__

    def __neg__(self) -> "Ratio":
        return Ratio(-self.numerator, self.divisor)

    def __sub__(self, other: Rational) -> "Expr | Ratio":
        return self + -ratio(other)

    def __rsub__(self, other: Rational) -> "Expr | Ratio":
        return -self + other

    def __mul__(self, other: Rational) -> "Expr | Ratio":
        b = ratio(other)
        return quotient(self.numerator * b.numerator, self.divisor * b.divisor)

    __rmul__ = __mul__

    def __truediv__(self, other: Rational) -> "Expr | Ratio":
        b = ratio(other)
        if b.numerator.is_constant and b.numerator.constant < 0:
            return -self / -b
        return quotient(self.numerator * b.divisor, self.divisor * b.numerator)

    def __pow__(self, exponent: int) -> "Expr | Ratio":
        return quotient(self.numerator**exponent, self.divisor**exponent)

    def __floordiv__(self, other: Rational) -> Expr:
        return floor(self / other)

    def __mod__(self, other: Rational) -> "Expr | Ratio":
        return self - ratio(floor(self / other)) * ratio(other)

    def __bool__(self) -> bool:
        raise NoClosedForm(f"whether {self} is zero depends on its symbols")

    def __str__(self) -> str:
        numerator, divisor = str(self.numerator), str(self.divisor)
        numerator = f"({numerator})" if len(self.numerator.terms) > 1 else numerator
        return f"{numerator}/({divisor})" if len(self.divisor.terms) > 1 or "·" in divisor else f"{numerator}/{divisor}"

    __repr__ = __str__


def ratio(value: Rational) -> Ratio:
    """A number as a ratio."""
    if isinstance(value, Ratio):
        return value
    if is_fraction(value):
        return Ratio(expression(value.numerator), expression(value.denominator))
    return Ratio(expression(cast(Number, value)), expression(1))


def quotient(numerator: Number, divisor: Number) -> Expr | Ratio:
    """The quotient: an expression if it is whole for all values. A symbolic divisor is assumed to be positive.

    >>> from archcalc.sym.expr import symbol
    >>> w = symbol("w")
    >>> quotient(6 * w, 2), quotient(w * w, w), quotient(3 * w, 2)
    (3·w, w, 3·w/2)
    """
    x, s = expression(numerator), expression(divisor)
    if s.is_constant and s.constant < 0:
        x, s = -x, -s
    if s == 0:
        raise ZeroDivisionError("division by zero")
    whole = floor_div(x, s)
    return whole if whole * s == x else Ratio(x, s)


def floor(value: Rational) -> Expr:
    """
    >>> from archcalc.sym.expr import symbol
    >>> from fractions import Fraction
    >>> floor(quotient(symbol("w"), 2) + Fraction(1, 2))
    ⌈w/2⌉
    """
    made = ratio(value)
    return floor_div(made.numerator, made.divisor)


def ceil(value: Rational) -> Expr:
    made = ratio(value)
    return ceil_div(made.numerator, made.divisor)


def at_least(a: Rational, b: Rational) -> bool | Claim:
    """The claim a >= b."""
    x, y = ratio(a), ratio(b)
    return claim(x.numerator * y.divisor - y.numerator * x.divisor, ">=")


def is_equal(a: Rational, b: Rational) -> bool | Claim:
    x, y = ratio(a), ratio(b)
    return claim(x.numerator * y.divisor - y.numerator * x.divisor, "==")


Symbolic: TypeAlias = Expr | Ratio
"""A number that depends on free symbols."""
