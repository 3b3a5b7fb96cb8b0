"""The upper envelope of expressions in one symbol on a periodic set of numbers.

From period to period of a remainder, such expressions are polynomials, which few values determine. What is not the
greatest on any remainder is dropped; on few numbers each is looked at on its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import comb, lcm
from typing import TypeAlias

from archcalc.sym.decide import Undecided
from archcalc.sym.envelope import NEAR, SAMPLES, greatest_at, highest_of_alike
from archcalc.sym.expr import Expr, Monomial
from archcalc.sym.periodic import PeriodicSet
from archcalc.sym.periods import Periods, degree_of

MOST_REMAINDERS = 96
"""The limit on remainders that are looked at."""

Steps: TypeAlias = tuple[int, ...]
"""A polynomial: its value at 0, the difference to that at 1, the difference of such differences, and so on (Newton)."""


def greatest_on(wholes: Iterable[Expr], name: str, numbers: PeriodicSet) -> list[Expr] | None:
    """Those of several expressions in one symbol that are the greatest at one of some numbers, perhaps with some that
    are not. None where it is not quick to decide.

    >>> from archcalc.sym.expr import symbol
    >>> n = symbol("n")
    >>> greatest_on([n, 2 * (n // 2) + 1, 4 * (n // 4) + 2], "n", PeriodicSet.modulo(4, [1]))
    [4·⌊n/4⌋ + 2]
    """
    alike = highest_of_alike(wholes)
    if not numbers.pieces:
        return []
    if numbers.pieces[-1].end is not None:
        members = numbers.first(NEAR + 1)
        return among(alike, (greatest_at({name: n}, alike) for n in members)) if len(members) <= NEAR else None
    try:
        periods = Periods(name)
        length = lcm(*(periods.of_atom(atom).length for each in alike for atom in each.atoms()))
    except Undecided:
        return None
    firsts = first_of_remainders(numbers, length)
    if len(firsts) > MOST_REMAINDERS:
        return None
    degree = max((degree_of(each, name) for each in alike), default=0)
    kept = (each for first, step in firsts for each in greatest_from(first, step, degree, name, alike))
    return among(alike, kept)


def among(wholes: Sequence[Expr], kept: Iterable[Expr]) -> list[Expr]:
    needed = {id(each) for each in kept}
    return [each for each in wholes if id(each) in needed]


def first_of_remainders(numbers: PeriodicSet, length: int) -> list[tuple[int, int]]:
    """The first number of each remainder of each piece, and the period; of a piece that ends, as if it did not."""
    found: list[tuple[int, int]] = []
    for piece in numbers.pieces:
        period = lcm(length, piece.period)
        if period // piece.period * len(piece.residues) > MOST_REMAINDERS:
            return [(piece.start, period)] * (MOST_REMAINDERS + 1)
        remainders = (r + k for r in piece.residues for k in range(0, period, piece.period))
        found += [(piece.start + (r - piece.start) % period, period) for r in remainders]
    return found


def greatest_from(first: int, step: int, degree: int, name: str, wholes: Sequence[Expr]) -> Iterator[Expr]:
    """Those that are the greatest at one of the numbers `first + q · step`."""
    values = [{name: first + q * step} for q in range(degree + 1)]
    of_products: dict[Monomial, Steps] = {}
    for monomial in {monomial for each in wholes for monomial in each.terms}:
        alone = Expr({monomial: 1})
        of_products[monomial] = steps([alone.at(**value) for value in values])
    alike: dict[Steps, Expr] = {}
    for each in wholes:
        alike.setdefault(combined(each.terms, of_products, degree), each)
    yield from (alike[each] for each in undominated(list(alike)))


def combined(terms: Mapping[Monomial, int], of_products: Mapping[Monomial, Steps], degree: int) -> Steps:
    made = [0] * (degree + 1)
    for monomial, c in terms.items():
        for k, step in enumerate(of_products[monomial]):
            made[k] += c * step
    return tuple(made)


def steps(values: Sequence[int]) -> Steps:
    """
    >>> steps([0, 1, 4])
    (0, 1, 2)
    """
    found, row = [], list(values)
    while row:
        found.append(row[0])
        row = [after - before for before, after in pairwise(row)]
    return tuple(found)


def undominated(polynomials: list[Steps]) -> list[Steps]:
    """Without those that are nowhere above one that is the greatest at 0, in the end, or at some numbers between."""
    for q in SAMPLES:
        ways = [comb(q, k) for k in range(len(polynomials[0]))]
        best = max(polynomials, key=lambda each: (sum(w * s for w, s in zip(ways, each, strict=True)), each[::-1]))
        polynomials = [each for each in polynomials if each is best or not is_never_above(each, best)]
    return polynomials


def is_never_above(low: Steps, high: Steps) -> bool:
    """Whether it is certain: no step of the difference is below 0."""
    return all(a <= b for a, b in zip(low, high, strict=True))
