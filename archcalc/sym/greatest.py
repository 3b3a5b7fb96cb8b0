"""The upper envelope of expressions in one symbol on a periodic set of numbers.

From period to period of a remainder, such expressions are polynomials, which few values determine. What is not the
greatest on any remainder is dropped; on few numbers each is looked at on its own.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from math import comb, inf, isqrt, lcm
from operator import mul
from typing import TypeAlias

from archcalc.record import record
from archcalc.sym.bounds import Bound
from archcalc.sym.decide import Undecided, turns
from archcalc.sym.envelope import NEAR, SAMPLES, hull_of
from archcalc.sym.expr import Atom, Expr, Monomial, folded
from archcalc.sym.periodic import PeriodicSet
from archcalc.sym.periods import Periods, degree_of

MOST_REMAINDERS = 512
"""The limit on remainders that are looked at."""

MOST_MEMBERS = 1_024
"""The limit on numbers that are looked at one by one where nothing repeats: some tenths of a second."""

MOST_PRODUCTS = 8_000_000
"""The limit on products that are added up for them: some tenths of a second."""

Steps: TypeAlias = tuple[int, ...]
"""A polynomial: its value at 0, the difference to that at 1, the difference of such differences, and so on (Newton)."""


def greatest_on(wholes: Iterable[Expr], name: str, numbers: PeriodicSet) -> list[Expr] | None:
    """Those of several expressions in one symbol that are the greatest at one of some numbers; of equal ones one. None
    where it is not quick to decide.

    >>> from archcalc.sym.expr import symbol
    >>> n = symbol("n")
    >>> greatest_on([n, 2 * (n // 2) + 1, 4 * (n // 4) + 2], "n", PeriodicSet.modulo(4, [1]))
    [4·⌊n/4⌋ + 2]
    """
    table = table_of(wholes)
    if not numbers.pieces:
        return []
    if found := on_few(table, name, numbers, NEAR):
        return found
    every = Expr(dict.fromkeys(table.products, 1))
    try:
        periods = Periods(name)
        length = lcm(*(periods.of_atom(atom).length for atom in every.atoms()))
    except Undecided:
        return on_few(table, name, numbers, MOST_MEMBERS)
    degree = degree_of(every, name)
    products = len(table.rows) * len(table.products) * (degree + 1)
    remainders = remainders_of(numbers, length, min(MOST_REMAINDERS, MOST_PRODUCTS // (products or 1)))
    if not remainders:
        return None
    kept: list[int] = []
    for first, step, most in remainders:
        kept += {*greatest_from(first, step, most, degree, name, table, kept)} - {*kept}
    return table.among(kept)


@record
class Table:
    """Several expressions, each with a row of coefficients, by number of the products in it."""

    wholes: Sequence[Expr]
    products: Sequence[Monomial]
    rows: Sequence[Sequence[int]]

    def at(self, name: str, number: int) -> list[int]:
        """The values of the products."""
        memory: dict[Atom, int] = {}
        return [folded(Expr({each: 1}), {name: number}.__getitem__, memory) for each in self.products]

    def among(self, kept: Collection[int]) -> list[Expr]:
        return [each for place, each in enumerate(self.wholes) if place in kept]


def table_of(wholes: Iterable[Expr]) -> Table:
    """Those of several expressions that are the highest of those that differ by a number."""
    given = list(wholes)
    products = [*dict.fromkeys(monomial for each in given for monomial in each.terms if monomial)]
    highest: dict[tuple[int, ...], Expr] = {}
    for each in given:
        varying = tuple([each.terms.get(monomial, 0) for monomial in products])
        if varying not in highest or highest[varying].constant < each.constant:
            highest[varying] = each
    rows = [(*varying, each.constant) for varying, each in highest.items()]
    return Table([*highest.values()], [*products, ()], rows)


def on_few(table: Table, name: str, numbers: PeriodicSet, limit: int) -> list[Expr] | None:
    """The same, number by number; None where there are more numbers than a limit."""
    if numbers.pieces[-1].end is None or len(members := numbers.first(limit + 1)) > limit:
        return None
    kept = set()
    for values in (table.at(name, number) for number in members):
        amounts = [sum(map(mul, row, values)) for row in table.rows]
        kept.add(amounts.index(max(amounts)))
    return table.among(kept)


def remainders_of(numbers: PeriodicSet, length: int, limit: int) -> list[tuple[int, int, Bound]]:
    """The remainders of each piece: the first number, the period, and how many periods later the last one is. None if
    they are more than a limit."""
    found: list[tuple[int, int, Bound]] = []
    for piece in numbers.pieces:
        period = lcm(length, piece.period)
        if len(found) + period // piece.period * len(piece.residues) > limit:
            return []
        remainders = (r + k for r in piece.residues for k in range(0, period, piece.period))
        for first in (piece.start + (r - piece.start) % period for r in remainders):
            most = inf if piece.end is None else (piece.end - 1 - first) // period
            if most >= 0:
                found.append((first, period, most))
    return found


def greatest_from(
    first: int, step: int, most: Bound, degree: int, name: str, table: Table, kept: Iterable[int]
) -> Iterator[int]:
    """Those, by their places, that are the greatest at one of the numbers `first + q · step`, for q from 0 to `most`;
    of equal ones one that is `kept`, if there is one."""
    values = [table.at(name, first + q * step) for q in range(degree + 1)]
    columns = [*zip(*map(steps, zip(*values, strict=True)), strict=True)]
    alike: dict[Steps, int] = {}
    for place in (*kept, *range(len(table.rows))):
        row = table.rows[place]
        alike.setdefault(tuple([sum(map(mul, row, column)) for column in columns]), place)
    return (alike[each] for each in envelope_of(undominated(list(alike)), most))


def steps(values: Sequence[int]) -> Steps:
    """The first value, the first difference, and so on.

    >>> steps([0, 1, 4])
    (0, 1, 2)
    """
    found, row = [], list(values)
    while row:
        found.append(row[0])
        row = [after - before for before, after in pairwise(row)]
    return tuple(found)


def undominated(polynomials: list[Steps]) -> list[Steps]:
    """Without those that are nowhere above one that is the greatest at 0, in the end, or at some numbers between; of
    lines, without those that are nowhere above two others."""
    if len(polynomials[0]) == 2:
        return [*hull_of(polynomials)]  # type: ignore[arg-type]
    for q in SAMPLES:
        ways = [comb(q, k) for k in range(len(polynomials[0]))]
        best = max(polynomials, key=lambda each: (sum([w * s for w, s in zip(ways, each, strict=True)]), each[::-1]))
        polynomials = [each for each in polynomials if each is best or not is_never_above(each, best)]
    return polynomials


def is_never_above(low: Steps, high: Steps) -> bool:
    """Whether it is certain: no step of the difference is below 0."""
    return all(a <= b for a, b in zip(low, high, strict=True))


def envelope_of(polynomials: Sequence[Steps], most: Bound) -> Iterator[Steps]:
    """Those that are the greatest at one of the whole numbers from 0 to `most`.

    >>> list(envelope_of([(5, 0), (0, 2), (3, 1), (4, 1)], inf))
    [(5, 0), (4, 1), (0, 2)]
    """
    at: Bound = 0
    while at <= most and at < inf:
        here = list(zip(polynomials, all_moved(polynomials, int(at)), strict=True))
        best, seen = max(here, key=lambda pair: pair[1])
        yield best
        later = (overtakes([a - b for a, b in zip(other, seen, strict=True)]) for _, other in here if other != seen)
        at += min(later, default=inf)


def all_moved(polynomials: Iterable[Steps], q: int) -> Iterator[Steps]:
    """The polynomials as seen from q.

    >>> list(all_moved([(0, 1, 2), (1, 1, 0)], 3))
    [(9, 7, 2), (4, 1, 0)]
    """
    ways: list[int] = []
    for each in polynomials:
        ways = ways or [comb(q, k) for k in range(len(each))]
        yield tuple([sum(map(mul, ways, each[i:])) for i in range(len(each))])


def overtakes(difference: Sequence[int]) -> Bound:
    """The first number above 0 at which a polynomial, which is not above 0 at 0, is.

    >>> overtakes((-5, 2)), overtakes((-5, 0, 1)), overtakes((-5, 4, -1)), overtakes((-5, 3, -1)), overtakes((0, -9))
    (3, 4, 2, 3, inf)
    """
    if max(difference[1:], default=0) <= 0:
        return inf
    while not difference[-1]:
        difference = difference[:-1]
    if len(difference) == 2:
        return -difference[0] // difference[1] + 1
    if len(difference) == 3:
        return above_parabola(*difference)
    values = [value_of(difference, x) for x in range(len(difference))]
    return next((x for x in turns(values) if value_of(difference, x) > 0), inf)


def above_parabola(constant: int, slope: int, bend: int) -> Bound:
    """The same of `constant + slope q + bend q (q - 1) / 2`: the number after the root, if there is one."""
    b, c = 2 * slope - bend, 2 * constant
    under = b * b - 4 * bend * c
    if under < 0:
        return inf
    root = isqrt(under) if bend > 0 else isqrt(under - 1) + 1 if under else 0
    first = max((root - b) // (2 * bend) + 1, 1) if bend > 0 else max((b - root) // (-2 * bend) + 1, 1)
    return first if (bend * first + b) * first + c > 0 else inf


def value_of(polynomial: Sequence[int], q: int) -> int:
    return sum(comb(q, k) * step for k, step in enumerate(polynomial))
