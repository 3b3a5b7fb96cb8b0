"""Expressions at many points at once, exact: int64 where no intermediate value can overflow, else Python's integers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from archcalc.sweeping.space import Array
from archcalc.sym.bounds import interval
from archcalc.sym.compile import compiled, upper_bound
from archcalc.sym.expr import Atom, Claim, Expr, Monomial, Terms, of_atom, symbol

Values: TypeAlias = Mapping[str, Array]
"""Arrays by the symbols that they stand for; their shapes fit each other."""

Ranges: TypeAlias = Mapping[str, tuple[int, int]]

Inner: TypeAlias = Sequence[frozenset[str]]
"""The symbols of the last axes of a block, those of the last one first."""

LIMIT = 2**63

EXACT = 2**53
"""Below it, sums and products of floats are exact."""

POINTS = 1 << 12
"""Points at a time of which many expressions are evaluated."""


def extreme(of_two: Any) -> Callable[..., Any]:
    return lambda *values: reduce(of_two, values)


EXTREMA = {"max": extreme(np.maximum), "min": extreme(np.minimum)}


def function_of(whole: Expr, names: Sequence[str]) -> Callable[..., Any]:
    return compiled("f", {"f": whole}, names, extrema=EXTREMA)


def fits(wholes: Iterable[Expr], ranges: Ranges) -> bool:
    """Whether no intermediate value of these expressions overflows int64."""
    try:
        return upper_bound(wholes, ranges) < LIMIT
    except ValueError:  # a divisor that may be 0 as far as its bounds go
        return False


def ranges_of(values: Values) -> Ranges:
    """The range of each of several arrays."""
    return {name: (int(each.min()), int(each.max())) if each.size else (0, 0) for name, each in values.items()}


def unlimited(values: Values) -> dict[str, Array]:
    """The same values as Python's integers."""
    return {name: each.astype(object) for name, each in values.items()}


def limited(values: Array) -> Array:
    """Values as int64 where all of them are small enough."""
    if values.dtype != object:
        return values
    small = all(-LIMIT <= value < LIMIT for value in values.ravel().tolist())
    return values.astype(np.int64) if small else values


class Formula:
    """One expression at many points.

    `ranges`: those of its symbols; None if only the values say them. `inner`: for each of the last axes of a block, the
    last one first, its symbols. A sum is then evaluated in groups: for each product of the symbols of the last axis one
    coefficient in the others, which is a formula of the other axes. What does not depend on an axis is computed once.
    """

    def __init__(self, whole: Expr, ranges: Ranges | None, inner: Inner = ()) -> None:
        self.whole, self.names = whole, sorted(whole.symbols())
        self.function = function_of(whole, self.names)
        self.is_symbol = whole.terms == symbol(self.names[0]).terms if self.names else False
        self.fits = ranges is not None and fits([whole], {name: ranges[name] for name in self.names})
        groups = grouped(whole, inner[0]) if inner else None
        self.groups = [(Formula(a, ranges, inner[1:]), Formula(b, ranges)) for a, b in groups] if groups else []

    def at(self, values: Values) -> Array:
        """Its values; their shape is the common shape of what it depends on."""
        given = {name: values[name] for name in self.names}
        if not self.names:
            return array_of_one(self.whole.constant)
        if self.is_symbol:
            return given[self.names[0]]
        if self.fits or fits([self.whole], ranges_of(given)):
            return self.in_groups(given) if self.groups else np.asarray(self.function(**given))
        return limited(np.asarray(self.function(**unlimited(given)), dtype=object))

    def in_groups(self, given: Values) -> Array:
        found: Array | None = None
        for coefficient, product in self.groups:
            term = coefficient.at(given)
            if product.names:
                term = term * product.at(given)
            if found is not None and found.shape == term.shape:
                found += term
            else:
                found = term if found is None else found + term
        assert found is not None
        return found


def array_of_one(number: int) -> Array:
    return np.asarray(number, dtype=np.int64 if abs(number) < LIMIT else object)


def grouped(whole: Expr, inner: frozenset[str]) -> list[tuple[Expr, Expr]] | None:
    """A sum as products of a coefficient in other symbols and a product of inner ones; None if a factor mixes both."""
    groups: dict[Monomial, Terms] = {}
    for monomial, c in whole.terms.items():
        mine: list[tuple[Atom, int]] = []
        rest: list[tuple[Atom, int]] = []
        for atom, exponent in monomial:
            on = of_atom(atom).symbols()
            if on & inner and on - inner:
                return None
            (mine if on & inner else rest).append((atom, exponent))
        groups.setdefault(tuple(mine), {})[tuple(rest)] = c
    return [(Expr(terms), Expr({product: 1})) for product, terms in groups.items()]


class Greatest:
    """The greatest of several expressions at many points: a matrix of coefficients times all products of symbols."""

    def __init__(self, wholes: Iterable[Expr], ranges: Ranges) -> None:
        lines = list(dict.fromkeys(wholes))
        products = list(dict.fromkeys(monomial for each in lines for monomial in each.terms))
        rows = [[each.terms.get(product, 0) for product in products] for each in lines]
        self.bound = upper_bound_of(lines, ranges)
        self.matrix = np.array(rows, dtype=np.int64 if self.bound < LIMIT else object)
        self.matrix = undominated(self.matrix, [is_positive(product, ranges) for product in products])
        self.names = sorted(frozenset[str]().union(*(each.symbols() for each in lines)))
        self.constant = products.index(()) if () in products else None
        forms = {str(i): Expr({product: 1}) for i, product in enumerate(products)}
        self.function = compiled("f", forms, self.names, extrema=EXTREMA)

    def at(self, values: Values) -> Array:
        given = {name: values[name] for name in self.names}
        given = given if self.bound < LIMIT else unlimited(given)
        found = self.function(**given) if len(self.matrix.T) > 1 else {"0": self.function(**given)}
        columns = np.broadcast_arrays(*found.values())
        flat = np.stack([each.reshape(-1) for each in columns])
        parts = [self.greatest(flat[:, begin : begin + POINTS]) for begin in range(0, flat.shape[1], POINTS)]
        return limited(np.concatenate(parts).reshape(columns[0].shape))

    def greatest(self, products: Array) -> Array:
        if self.bound < EXACT:  # floats are exact there, and multiplied faster
            found = (self.matrix.astype(np.float64) @ products.astype(np.float64)).max(axis=0)
            return np.asarray(found, dtype=np.int64)
        return np.asarray((self.matrix @ products).max(axis=0))


def upper_bound_of(wholes: Iterable[Expr], ranges: Ranges) -> int:
    """`upper_bound`; too large where there is none."""
    try:
        return upper_bound(wholes, ranges)
    except ValueError:
        return LIMIT


def is_positive(product: Monomial, ranges: Ranges) -> bool:
    return interval(Expr({product: 1}), ranges)[0] >= 0


def undominated(matrix: Array, positive: Sequence[bool]) -> Array:
    """The rows that are not below another row in every coefficient; those of products that may be negative must be
    equal."""
    kept = np.ones(len(matrix), dtype=bool)
    fixed = ~np.asarray(positive, dtype=bool)
    for i, row in enumerate(matrix):
        above = (matrix >= row).all(axis=1) & (matrix[:, fixed] == row[fixed]).all(axis=1) & kept
        above[i] = False
        kept[i] = not above.any()
    return matrix[kept]


class Test:
    """Whether a claim holds, at many points."""

    __test__ = False

    def __init__(self, claim: Claim, ranges: Ranges | None) -> None:
        self.formula, self.relation = Formula(claim.left, ranges), claim.relation

    def at(self, values: Values) -> Array:
        left = self.formula.at(values)
        found = left >= 0 if self.relation == ">=" else left == 0 if self.relation == "==" else left != 0
        return np.asarray(found, dtype=bool)
