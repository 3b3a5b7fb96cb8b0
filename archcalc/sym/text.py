"""Expressions as plain text: `2400·⌊(H - 12)/2⌋·⌊(W - 12)/2⌋`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archcalc.sym.notation import Notation

if TYPE_CHECKING:
    from fractions import Fraction

DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Text(Notation):
    """The notation of formulas in plain text."""

    def name(self, symbol: str) -> str:
        return symbol

    def number(self, size: "int | Fraction") -> str:
        return f"{size}" if size.denominator == 1 else f"({size})"

    def power(self, base: str, exponent: int) -> str:
        return base + str(exponent).translate(DIGITS)

    def product(self, factors: Sequence[str]) -> str:
        return "·".join(factors)

    def quotient(self, numerator: str, divisor: str, up: bool) -> str:
        return f"⌈{numerator}/{divisor}⌉" if up else f"⌊{numerator}/{divisor}⌋"

    def extremum(self, args: Sequence[str], sign: int) -> str:
        return f"{'max' if sign > 0 else 'min'}({', '.join(args)})"

    def group(self, total: str) -> str:
        return f"({total})"


TEXT = Text()
