"""Exact decisions: whether two expressions are equal for all values, and for which values a condition holds.

Expressions with constant divisors, and with maxima only of parts that rise alike, are quasi-polynomials: for each
remainder modulo a period they are polynomials. Finitely many values therefore decide every question. Anything outside
this class is reported as undecided, never guessed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial, reduce
from itertools import pairwise, product
from math import gcd, inf
from typing import TypeAlias

from archcalc.record import record
from archcalc.sym.bounds import Interval, grows, interval
from archcalc.sym.compile import compiled
from archcalc.sym.expr import (
    Atom,
    Claim,
    Expr,
    Extremum,
    Number,
    Relation,
    expression,
    holds,
)
from archcalc.sym.expr import claim as claim_that
from archcalc.sym.periodic import Beyond as Beyond
from archcalc.sym.periodic import PeriodicSet, Piece
from archcalc.sym.periodic import Undecided as Undecided
from archcalc.sym.periods import degree_of, period_of

MAX_POINTS = 200_000
"""The limit on values evaluated for one comparison of expressions."""

MAX_PERIOD = 1 << 17
"""The limit on periods. Networks in use have periods of 16 to 64."""

MAX_PIECES = 4_000_000
"""The limit on the remainders of all pieces of a set."""

FAR = 1 << 62
"""Larger than any batch size or width in use: a condition that holds here is taken to hold for all values."""

EFFORT = 2_000_000
"""The limit on terms and floors evaluated for one question: some tenths of a second."""


@record(frozen=False)
class Effort:
    """Counts the terms and floors that decisions evaluate, and gives up at a limit."""

    left: int = EFFORT

    def spend(self, values: int, whole: Expr) -> None:
        """Notes that an expression is evaluated at so many values. Raises Undecided if that is too much."""
        self.left -= values * size_of(whole)
        if self.left < 0:
            self.left = 0
            raise Undecided(f"deciding it takes {values:,} values")


def size_of(whole: Expr) -> int:
    """The terms and atoms of an expression."""
    seen: set[Atom] = set()
    waiting, terms = [whole], 0
    while waiting:
        each = waiting.pop()
        terms += len(each.terms)
        for atom in each.atoms():
            if atom not in seen:
                seen.add(atom)
                waiting += atom.parts()
    return terms + len(seen)


def evaluator(whole: Expr, symbol: str) -> Callable[[int], int]:
    """A function of one symbol that has the values of an expression; compiled, as it is called often."""
    try:
        function: Callable[[int], int] = compiled("value", {"value": whole}, [symbol])
    except ValueError:  # a name that Python does not take
        return lambda value: whole.at(**{symbol: value})
    return function


class Status(Enum):
    HOLDS = "holds"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@record
class Verdict:
    """An answer: refuted with a `counterexample`, values for which it does not hold, or undecided with a reason."""

    status: Status
    counterexample: Mapping[str, int] | None = None
    reason: str = ""

    @property
    def holds(self) -> bool:
        return self.status is Status.HOLDS


# --- equality --------------------------------------------------------------------------------------------------------


def equal(a: Number, b: Number) -> Verdict:
    """Whether two expressions are equal for all values of their symbols.

    A function that is a polynomial of degree d for each of P remainders is zero everywhere if it is zero on P (d + 1)
    consecutive numbers; with several symbols, on the grid of such numbers.

    >>> from archcalc.sym.expr import symbol
    >>> n = symbol("n")
    >>> equal(n // 2 + (n + 1) // 2, n).status.value, equal(2 * (n // 2), n).counterexample
    ('holds', {'n': 1})
    """
    difference = expression(a) - expression(b)
    names = sorted(difference.symbols())
    if not names:
        return Verdict(Status.REFUTED, {}) if difference else Verdict(Status.HOLDS)
    try:
        axes = [range(1, period_of(difference, name).length * (degree_of(difference, name) + 1) + 1) for name in names]
    except Undecided as undecided:
        return Verdict(Status.UNDECIDED, reason=str(undecided))
    points = reduce(lambda count, axis: count * len(axis), axes, 1)
    if points > MAX_POINTS:
        return Verdict(Status.UNDECIDED, reason=f"deciding it takes {points:,} values")
    for values in product(*axes):
        named = dict(zip(names, values, strict=True))
        if difference.at(**named):
            return Verdict(Status.REFUTED, named)
    return Verdict(Status.HOLDS)


# --- conditions of one symbol ----------------------------------------------------------------------------------------


def solutions(
    left: Number,
    relation: Relation,
    symbol: str,
    least: int = 1,
    most: int | None = None,
    effort: Effort | None = None,
    within: PeriodicSet | None = None,
) -> PeriodicSet:
    """The numbers from `least` to `most`, of those in `within`, for which `left relation 0` holds.

    Raises Undecided if it contains another symbol, if the values to try are unbounded, or at the limit of the effort.

    >>> from archcalc.sym.expr import symbol
    >>> H = symbol("H")
    >>> solutions(16 * (H // 16) - H, "==", "H").named("H")
    'H ≡ 0 (mod 16)'
    """
    whole, effort = expression(left), effort or Effort()
    others = whole.symbols() - {symbol}
    if others:
        raise Undecided(f"it also depends on {', '.join(sorted(others))}")
    everywhere = PeriodicSet.interval(least, most) & (~PeriodicSet() if within is None else within)
    if whole.is_constant:
        return everywhere if holds(whole.constant, relation) else PeriodicSet()
    if (found := of_monotone(whole, relation, symbol, least, most)) is not None:
        return found & everywhere
    if split := cases(Claim(whole, relation)):
        every, parts = split
        return combined_sets(every, (of_claim(each, symbol, everywhere, effort) for each in parts))
    try:
        period = period_of(whole, symbol).length
    except Undecided as undecided:
        return tried(whole, relation, symbol, everywhere, str(undecided), effort)
    if period > MAX_PERIOD:
        raise Undecided(f"its period is {period:,}")
    degree, firsts = degree_of(whole, symbol), first_of_each_remainder(everywhere, least, period)
    effort.spend(len(firsts) * (degree + 1), whole)
    find = of_polynomials if degree > 1 else of_lines
    return find(evaluator(whole, symbol), relation, least, period, degree, firsts) & everywhere


def first_of_each_remainder(numbers: PeriodicSet, least: int, period: int) -> Sequence[int]:
    """Of each remainder modulo a period that some of the numbers have, the first from `least` on.

    >>> first_of_each_remainder(PeriodicSet.modulo(4, [1, 2]), 3, 6)
    [3, 4, 5, 6, 7, 8]
    >>> first_of_each_remainder(PeriodicSet.modulo(4, [1, 2]), 3, 8)
    [5, 6, 9, 10]
    """
    remainders: set[int] = set()
    for piece in numbers.pieces:
        common = gcd(period, piece.period)
        kept = {r % common for r in piece.residues}
        remainders.update(r for r in range(period) if r % common in kept)
    return sorted(least + (r - least) % period for r in remainders)


def of_claim(claim: bool | Claim, symbol: str, domain: PeriodicSet, effort: Effort | None = None) -> PeriodicSet:
    """The numbers of a domain for which a claim holds."""
    if isinstance(claim, bool):
        return domain if claim else PeriodicSet()
    least, most = reach(domain)
    last = None if most == inf else int(most)
    return solutions(claim.left, claim.relation, symbol, int(least), last, effort, domain)


def combined_sets(every: bool, sets: Iterable[PeriodicSet]) -> PeriodicSet:
    """What is in all sets, or in any."""
    return reduce(PeriodicSet.__and__ if every else PeriodicSet.__or__, sets)


def of_monotone(whole: Expr, relation: Relation, symbol: str, least: int, most: int | None) -> PeriodicSet | None:
    """Solutions of an expression that never decreases, or never increases; None if neither is known."""
    ranges: dict[str, Interval] = {symbol: (least, inf if most is None else most)}
    rising = next((each for each in (whole, -whole) if grows(each, symbol, ranges)), None)
    if rising is None:
        return None
    last = inf if most is None else most
    upto, below = (
        interval_to(last_that_holds(partial(is_below, rising, symbol, value), least, last), least) for value in (1, 0)
    )
    if relation == ">=":
        return PeriodicSet.interval(least) - below if rising is whole else upto
    return upto - below if relation == "==" else PeriodicSet.interval(least) - (upto - below)


def is_below(whole: Expr, symbol: str, value: int, n: int) -> bool:
    return whole.at(**{symbol: n}) < value


def interval_to(most: int | None, least: int) -> PeriodicSet:
    """The numbers up to one that was found, None if there is none."""
    if most is None:
        return PeriodicSet()
    return PeriodicSet.interval(least, None if most >= FAR else most)


def last_that_holds(holds: Callable[[int], bool], least: int, most: float) -> int | None:
    """The largest value for which a condition holds that never holds again after it fails; FAR if it always holds."""
    if most < least or not holds(least):
        return None
    low, step = least, 1
    while holds(high := min(low + step, int(min(most, FAR)))):
        if high == low or high >= min(most, FAR):
            return high
        low, step = high, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def tried(whole: Expr, relation: Relation, symbol: str, numbers: PeriodicSet, why: str, effort: Effort) -> PeriodicSet:
    """Solutions found by trying every one of the numbers."""
    least, most = reach(numbers)
    if most - least > MAX_POINTS:
        raise Undecided(f"{why}: give {symbol} an upper bound")
    effort.spend(int(most - least) + 1, whole)
    value = evaluator(whole, symbol)
    return PeriodicSet.of(n for n in range(int(least), int(most) + 1) if n in numbers and holds(value(n), relation))


Value: TypeAlias = Callable[[int], int]


def of_lines(
    value: Value, relation: Relation, least: int, period: int, degree: int, firsts: Sequence[int]
) -> PeriodicSet:
    """Solutions of an expression that is linear for each remainder, with the same slope for all."""
    values = {first: value(first) for first in firsts}
    slope = value(least + period) - value(least)
    if not slope:
        return PeriodicSet.modulo(period, (first for first, v in values.items() if holds(v, relation)), least)
    if relation == ">=":
        return of_polynomials(value, relation, least, period, degree, firsts)
    zeros = (first + -v // slope * period for first, v in values.items() if v % slope == 0 and -v // slope >= 0)
    return PeriodicSet.of(zeros) if relation == "==" else PeriodicSet.interval(least) - PeriodicSet.of(zeros)


def of_polynomials(
    value: Value, relation: Relation, least: int, period: int, degree: int, firsts: Sequence[int]
) -> PeriodicSet:
    """On each remainder a polynomial, whose sign changes where `turns` says."""
    truths: dict[int, dict[int, bool]] = {}
    for first in firsts:
        values = [value(first + q * period) for q in range(degree + 1)]
        for q in (0, *turns(values)):
            truths.setdefault(least + q * period, {})[first % period] = holds(value_at(values, q), relation)
    if len(truths) * period > MAX_PIECES:
        raise Undecided(f"its period is {period:,}, and it changes at {len(truths):,} places")
    return PeriodicSet(alike(truths, period))


def alike(truths: Mapping[int, Mapping[int, bool]], period: int) -> Iterator[Piece]:
    """Pieces of the numbers of those remainders of which the last that was said is that it holds from there on."""
    holding: set[int] = set()
    starts = sorted(truths)
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        holding |= {remainder for remainder, holds_on in truths[start].items() if holds_on}
        holding -= {remainder for remainder, holds_on in truths[start].items() if not holds_on}
        yield Piece(start, end, period, frozenset(holding))


def turns(values: Sequence[int]) -> list[int]:
    """The whole numbers above 0 at which the polynomial with these values at 0, 1, 2 ... has another sign than before.

    Between two turns of its differences, a polynomial of a lower degree, it rises or falls throughout.

    >>> turns([6, 2, 0])
    [2, 4]
    """
    if len(values) < 2:
        return []
    slopes = [after - before for before, after in pairwise(values)]
    found: list[int] = []
    for start, end in pairwise([0, *turns(slopes), None]):
        assert start is not None
        found += changes(values, start, end, value_at(slopes, start))
    return sorted(set(found))


def changes(values: Sequence[int], start: int, end: int | None, slope: int) -> Iterator[int]:
    """Where the sign changes from one number to the next after `start`, up to `end`, where its slope has one sign."""
    last = start + 1 if end is None else end
    while end is None and slope and sign(value_at(values, last)) != sign(slope):
        last = start + 2 * (last - start)
    low = start
    while sign(value_at(values, low)) != sign(value_at(values, last)):
        before, low = low, last
        while low - before > 1:
            middle = (before + low) // 2
            same = sign(value_at(values, middle)) == sign(value_at(values, before))
            before, low = (middle, low) if same else (before, middle)
        yield low


def sign(value: int) -> int:
    return (value > 0) - (value < 0)


def value_at(values: Sequence[int], q: int) -> int:
    """What a polynomial with these values at 0, 1, 2 ... is at q (Newton's differences).

    >>> value_at([0, 1, 4], 5)
    25
    """
    made, factor, row = 0, 1, list(values)
    for k in range(len(values)):
        made += factor * row[0]
        factor = factor * (q - k) // (k + 1)
        row = [after - before for before, after in pairwise(row)]
    return made


def cases(claim: Claim) -> tuple[bool, list[bool | Claim]] | None:
    """A claim on the greatest or the least of several, as one claim on each: whether all have to hold, or any.

    None where no maximum or minimum stands alone in it.

    >>> from archcalc.sym.expr import largest, symbol
    >>> every, parts = cases(Claim(100 - largest(symbol("n") ** 2, 5 * symbol("n")), ">="))
    >>> every, [str(each) for each in parts]
    (True, ['-5·n + 100 ≥ 0', '-n² + 100 ≥ 0'])
    """
    whole = claim.left
    for monomial, c in whole.terms.items():
        if len(monomial) == 1 and monomial[0][1] == 1 and isinstance(atom := monomial[0][0], Extremum):
            if claim.relation == "==":
                return True, [claim_that(whole, ">="), claim_that(-whole, ">=")]
            if claim.relation == "!=":
                return False, [claim_that(whole - 1, ">="), claim_that(-whole - 1, ">=")]
            rest = whole - Expr({monomial: c})
            return atom.sign * c < 0, [claim_that(rest + arg * c, ">=") for arg in atom.args]
    return None


# --- conditions of any symbols ---------------------------------------------------------------------------------------

MAX_DECIDED = 256
"""The limit on values for one condition of a spec: some hundredths of a second."""

SAMPLES = 4
"""Values of each symbol that are tried as counterexamples."""


def always(claim: Claim, domains: Mapping[str, PeriodicSet]) -> Verdict:
    """Whether a claim holds for all values of its symbols (1, 2, 3 ... for symbols without a domain).

    Claims on one symbol are decided by their solutions, claims on several by the interval of the expression.

    >>> from archcalc.sym.expr import symbol
    >>> a, b = symbol("a"), symbol("b")
    >>> always(Claim(a * b - 1, ">="), {}).status.value, always(Claim(a - 7, "!="), {}).counterexample
    ('holds', {'a': 7})
    """
    names = sorted(claim.left.symbols())
    allowed = {name: domains.get(name, PeriodicSet.interval()) for name in names}
    if within(interval(claim.left, {name: reach(each) for name, each in allowed.items()}), claim.relation):
        return Verdict(Status.HOLDS)
    for values in product(*(allowed[name].first(SAMPLES) for name in names)):
        named = dict(zip(names, values, strict=True))
        if not claim.at(**named):
            return Verdict(Status.REFUTED, named)
    if len(names) == 1 and (found := by_solutions(claim, names[0], allowed[names[0]])):
        return found
    return Verdict(Status.UNDECIDED, reason=f"{claim} depends on {' and '.join(names)}")


def by_solutions(claim: Claim, name: str, allowed: PeriodicSet) -> Verdict | None:
    if not allowed:
        return Verdict(Status.HOLDS)
    least, most = reach(allowed)
    try:
        if period_of(claim.left, name).length * (degree_of(claim.left, name) + 1) > MAX_DECIDED:
            return None
        held = solutions(claim.left, claim.relation, name, int(least), None if most == inf else int(most))
    except Undecided:
        return None
    failing = (allowed - held).first(1)
    return Verdict(Status.REFUTED, {name: failing[0]}) if failing else Verdict(Status.HOLDS)


def reach(allowed: PeriodicSet) -> Interval:
    """The least and the greatest of the values."""
    return allowed.bounds() or (1, inf)


def within(found: Interval, relation: Relation) -> bool:
    """Whether `value relation 0` follows from the interval of the value."""
    least, most = found
    return {"==": least == most == 0, "!=": least > 0 or most < 0, ">=": least >= 0}[relation]
