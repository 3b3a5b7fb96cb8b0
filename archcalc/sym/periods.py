"""How an expression goes on along one symbol: its period, what it rises by in one, and its degree."""

from functools import reduce
from math import gcd, lcm

from archcalc.record import record
from archcalc.sym.expr import Atom, Expr, Extremum, FloorDiv, Group, Monomial, Symbol
from archcalc.sym.periodic import Undecided


@record
class Period:
    """On the numbers `length · q + r` an expression is a polynomial in q; `rise`: what all its coefficients, except the
    constant, are multiples of; 0 where it is the same in every period.

    `even`: it rises by exactly `rise` in every period, whatever the r; then `rise` may be below 0.
    """

    length: int = 1
    rise: int = 0
    even: bool = True

    def over(self, length: int) -> "Period":
        """The same over several periods."""
        return Period(length, self.rise * (length // self.length), self.even)

    @property
    def is_level(self) -> bool:
        return not self.rise


CONSTANT = Period()


def period_of(whole: Expr, symbol: str) -> Period:
    """The period of an expression along one symbol. Raises Undecided for divisors with the symbol, and for maxima and
    minima of what does not rise alike.

    >>> from archcalc.sym.expr import symbol
    >>> n = symbol("n")
    >>> period_of(n // 2 + (n + 1) // 2, "n").length, period_of(3 * ((n + 3) // 28) + (n + 31) // 56, "n").rise
    (2, 7)
    """
    return Periods(symbol).of(whole)


class Periods:
    """Periods along one symbol; that of each atom is worked out once."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.known: dict[Atom, Period] = {}

    def of(self, whole: Expr) -> Period:
        terms = [(c, self.of_product(monomial)) for monomial, c in whole.terms.items()]
        length = lcm(*(each.length for _, each in terms))
        rises = [c * each.over(length).rise for c, each in terms]
        if all(each.even for _, each in terms):
            return Period(length, sum(rises))
        return uneven(length, *rises)

    def of_product(self, monomial: Monomial) -> Period:
        factors = [(self.of_atom(atom), exponent) for atom, exponent in monomial]
        if [exponent for _, exponent in factors] == [1]:
            return factors[0][0]
        return reduce(of_both, (each for each, _ in factors), CONSTANT)

    def of_atom(self, atom: Atom) -> Period:
        if atom not in self.known:
            self.known[atom] = self.worked_out(atom)
        return self.known[atom]

    def worked_out(self, atom: Atom) -> Period:
        if isinstance(atom, Symbol):
            return Period(1, 1) if atom.name == self.symbol else CONSTANT
        if isinstance(atom, Group):
            return self.of(atom.sum)
        if isinstance(atom, Extremum):
            return self.of_extremum(atom)
        assert isinstance(atom, FloorDiv)
        if atom.divisor.is_constant:
            return of_floor(self.of(atom.numerator), atom.divisor.constant)
        if any(self.symbol in part.symbols() for part in atom.parts()):
            raise Undecided("a divisor contains a symbol")
        return CONSTANT

    def of_extremum(self, atom: Extremum) -> Period:
        """Where its parts rise alike, the same part is the greatest in every period."""
        first, *others = atom.args
        found = [self.of(first), *(self.of(each - first) for each in others)]
        if not all(each.is_level for each in found[1:]):
            raise Undecided("it contains a maximum or minimum")
        return found[0].over(lcm(*(each.length for each in found)))


def of_both(mine: Period, theirs: Period) -> Period:
    """The period of a product."""
    length = lcm(mine.length, theirs.length)
    return uneven(length, mine.over(length).rise, theirs.over(length).rise)


def uneven(length: int, *rises: int) -> Period:
    common = gcd(*rises)
    return Period(length, common, not common)


def of_floor(numerator: Period, divisor: int) -> Period:
    """So many periods are one of the floor that the numerator rises by a multiple of the divisor."""
    times = divisor // gcd(divisor, numerator.rise) if numerator.rise else 1
    return Period(numerator.length * times, numerator.rise * times // divisor, numerator.even)


# --- degrees ---------------------------------------------------------------------------------------------------------


def degree_of(whole: Expr, symbol: str) -> int:
    """The highest power of a symbol, including those within floors and groups."""
    return max((sum(k * degree_of_atom(a, symbol) for a, k in m) for m in whole.terms), default=0)


def degree_of_atom(atom: Atom, symbol: str) -> int:
    if isinstance(atom, Symbol):
        return int(atom.name == symbol)
    parts = (atom.numerator,) if isinstance(atom, FloorDiv) else atom.parts()
    return max(degree_of(part, symbol) for part in parts)
