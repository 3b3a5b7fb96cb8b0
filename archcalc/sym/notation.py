"""Notations: the text of the parts of an expression. `written` in expr.py traverses the expression."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

if TYPE_CHECKING:
    from fractions import Fraction


class Part(Protocol):
    """An atom of an expression."""

    def written(self, notation: "Notation") -> str: ...


Powers: TypeAlias = tuple[tuple[Part, int], ...]
"""The non-numeric factors of a product, each with its exponent."""


class Notation(ABC):
    """A text format for expressions. Methods receive operands as text, in brackets if necessary."""

    barred: ClassVar[bool] = False
    """Whether quotients have a fraction bar, so that their operands need no brackets."""

    @abstractmethod
    def name(self, symbol: str) -> str: ...

    @abstractmethod
    def number(self, size: "int | Fraction") -> str: ...

    @abstractmethod
    def power(self, base: str, exponent: int) -> str: ...

    @abstractmethod
    def product(self, factors: Sequence[str]) -> str: ...

    @abstractmethod
    def quotient(self, numerator: str, divisor: str, up: bool) -> str:
        """A division, rounded down, or up if `up`."""

    @abstractmethod
    def extremum(self, args: Sequence[str], sign: int) -> str:
        """The largest (`sign` 1) or the least (-1)."""

    @abstractmethod
    def group(self, total: str) -> str:
        """A sum as a factor or as an operand of a quotient."""

    def atom(self, part: Part) -> str:
        """The text of an atom; a notation that names atoms overrides this."""
        return part.written(self)

    def factors(self, powers: Powers) -> list[str]:
        return [self.power(self.atom(part), k) if k > 1 else self.atom(part) for part, k in powers]

    def total(self, terms: Sequence[tuple[str, str]]) -> str:
        """The text of a sum of terms, each with its sign."""
        (sign, first), *others = terms
        rest = "".join(f" {sign} {term}" for sign, term in others)
        return f"{'-' if sign == '-' else ''}{first}{rest}"
