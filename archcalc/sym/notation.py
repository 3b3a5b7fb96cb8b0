"""What a notation is: how the parts of an expression look. The walk over an expression is expr.py's `written`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Protocol, TypeAlias


class Part(Protocol):
    """What can be written: an atom of an expression."""

    def written(self, notation: "Notation") -> str: ...


Powers: TypeAlias = tuple[tuple[Part, int], ...]
"""The factors of a product that are no numbers, each with its exponent."""


class Notation(ABC):
    """The looks of expressions. What is handed to a method is written already, and in brackets where it needs them."""

    barred: ClassVar[bool] = False
    """Whether quotients have a bar that keeps their operands together, so that these need no brackets."""

    @abstractmethod
    def name(self, symbol: str) -> str: ...

    @abstractmethod
    def number(self, size: int | Fraction) -> str: ...

    @abstractmethod
    def power(self, base: str, exponent: int) -> str: ...

    @abstractmethod
    def product(self, factors: Sequence[str]) -> str: ...

    @abstractmethod
    def quotient(self, numerator: str, divisor: str, up: bool) -> str:
        """A division, rounded down or `up`."""

    @abstractmethod
    def extremum(self, args: Sequence[str], sign: int) -> str:
        """The largest (`sign` 1) or the least (-1)."""

    @abstractmethod
    def group(self, total: str) -> str:
        """A sum that is a factor, or an operand of a quotient."""

    def atom(self, part: Part) -> str:
        """An atom; a notation that gives names to atoms gives them here."""
        return part.written(self)

    def factors(self, powers: Powers) -> list[str]:
        return [self.power(self.atom(part), k) if k > 1 else self.atom(part) for part, k in powers]

    def total(self, terms: Sequence[tuple[str, str]]) -> str:
        """A sum of terms, each with its sign."""
        (sign, first), *others = terms
        rest = "".join(f" {sign} {term}" for sign, term in others)
        return f"{'-' if sign == '-' else ''}{first}{rest}"
