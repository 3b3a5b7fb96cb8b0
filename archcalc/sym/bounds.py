"""Bounds of an expression, and whether it increases with a symbol. Sound, but not complete.

Intervals are pairs of whole numbers. Infinity is `float("inf")`, the only float of the algebra; it is only compared,
added, and tested for its sign.
"""

from collections.abc import Mapping
from math import inf
from typing import TypeAlias

from archcalc.sym.expr import Atom, Expr, Extremum, FloorDiv, Group, Symbol

Bound: TypeAlias = int | float
Interval: TypeAlias = tuple[Bound, Bound]
Ranges: TypeAlias = Mapping[str, Interval]

DIMENSION: Interval = (1, inf)
"""The interval of a symbol without other bounds."""

ANYWHERE: Interval = (-inf, inf)


def interval(whole: Expr, ranges: Ranges) -> Interval:
    """The bounds of an expression if every symbol lies within its range.

    >>> from archcalc.sym.expr import symbol
    >>> interval(3 * (symbol("n") // 2) - 1, {"n": (5, 9)})
    (5, 11)
    """
    least: Bound = 0
    most: Bound = 0
    for monomial, coefficient in whole.terms.items():
        term: Interval = (coefficient, coefficient)
        for atom, exponent in monomial:
            base = of_atom(atom, ranges)
            for _ in range(exponent):
                term = product(term, base)
        least, most = plus(least, term[0]), plus(most, term[1])
    return least, most


def of_atom(atom: Atom, ranges: Ranges) -> Interval:
    if isinstance(atom, Symbol):
        return ranges.get(atom.name, DIMENSION)
    parts = [interval(part, ranges) for part in atom.parts()]
    if isinstance(atom, FloorDiv):
        return quotient(*parts)
    if isinstance(atom, Extremum):
        choose = max if atom.sign > 0 else min
        return choose(least for least, _ in parts), choose(most for _, most in parts)
    return parts[0]


def product(a: Interval, b: Interval) -> Interval:
    ends = [times(x, y) for x in a for y in b]
    return min(ends), max(ends)


def times(a: Bound, b: Bound) -> Bound:
    """A product in which 0 times infinity is 0: the other factor is unbounded but finite."""
    if not a or not b:
        return 0
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return inf if (a > 0) == (b > 0) else -inf


def plus(a: Bound, b: Bound) -> Bound:
    """A sum in which infinity absorbs ints of any size; adding them as floats would overflow."""
    return a if isinstance(a, float) else b if isinstance(b, float) else a + b


def quotient(numerator: Interval, divisor: Interval) -> Interval:
    if divisor[0] <= 0:
        return ANYWHERE
    ends = [over(x, s) for x in numerator for s in divisor]
    return min(ends), max(ends)


def over(x: Bound, s: Bound) -> Bound:
    if x in (inf, -inf):
        return x
    if s == inf:
        return 0 if x >= 0 else -1
    return x // s


def grows(whole: Expr, symbol: str, ranges: Ranges) -> bool:
    """Whether an expression certainly never decreases as the symbol grows: the condition for bisection.

    Every term with the symbol then has a positive coefficient and nonnegative factors that never decrease. False means
    that this is unknown, not that the expression decreases.
    """
    return all(term_grows(monomial, c, symbol, ranges) for monomial, c in whole.terms.items())


def term_grows(monomial: tuple[tuple[Atom, int], ...], coefficient: int, symbol: str, ranges: Ranges) -> bool:
    changing = [atom for atom, _ in monomial if symbol in atom.symbols()]
    if not changing:
        return True
    if coefficient < 0:
        return False
    alone = len(monomial) == 1 and monomial[0][1] == 1
    positive = alone or all(of_atom(atom, ranges)[0] >= 0 for atom, _ in monomial)
    return positive and all(atom_grows(atom, symbol, ranges) for atom in changing)


def atom_grows(atom: Atom, symbol: str, ranges: Ranges) -> bool:
    if isinstance(atom, Symbol):
        return True
    if isinstance(atom, FloorDiv):
        return symbol not in atom.divisor.symbols() and grows(atom.numerator, symbol, ranges)
    assert isinstance(atom, Extremum | Group)
    return all(grows(part, symbol, ranges) for part in atom.parts())
