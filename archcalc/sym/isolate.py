"""Isolating: an equation of several symbols, solved for one of them where at most one value of it can be right."""

from archcalc.record import record
from archcalc.sym.expr import Atom, Expr, FloorDiv, Monomial, Symbol, ceil_div


@record
class Line:
    """`(slope * symbol + shift) // divisor + rest`: how an expression depends on a symbol; `rest` does not."""

    slope: int
    shift: Expr
    divisor: int
    rest: Expr


def isolated(left: Expr, symbol: str) -> Expr | None:
    """The only value of a symbol for which an expression can be zero; None where there may be several, or no form.

    Whether it is zero there may still depend on the others: of `x = 2 y`, y is ⌈x/2⌉ for even x.

    >>> from archcalc.sym.expr import symbol as free
    >>> x, y = free("x"), free("y")
    >>> print(isolated((x + 1) // 2 - y, "y"), isolated(x - 2 * y, "y"), isolated(x - y - y // 2, "y"))
    ⌈x/2⌉ ⌈x/2⌉ ⌈2·x/3⌉
    >>> isolated((x + 1) // 2 - y, "x")
    """
    for whole in (left, -left):
        line = line_of(whole, symbol)
        if line and line.slope >= line.divisor:  # rises with every step, so that it has each value once
            return ceil_div(-line.rest * line.divisor - line.shift, line.slope)
    return None


def line_of(whole: Expr, symbol: str) -> Line | None:
    """How an expression depends on a symbol, if it does so in one term, or in one and a floor of it."""
    inside = {monomial: c for monomial, c in whole.terms.items() if any(has(atom, symbol) for atom, _ in monomial)}
    rest = Expr({monomial: c for monomial, c in whole.terms.items() if monomial not in inside})
    alone: Monomial = ((Symbol(symbol), 1),)
    slope = inside.pop(alone, 0)
    if not inside:
        return Line(slope, Expr({}), 1, rest)
    [(monomial, c), *others] = inside.items()
    floor = monomial[0][0]
    if others or len(monomial) > 1 or monomial[0][1] > 1 or c != 1 or not isinstance(floor, FloorDiv):
        return None
    within = line_of(floor.numerator, symbol)
    if within is None or within.divisor != 1 or not floor.divisor.is_constant:
        return None
    divisor = floor.divisor.constant
    return Line(within.slope + slope * divisor, within.rest, divisor, rest)


def has(atom: Atom, symbol: str) -> bool:
    return symbol in atom.symbols()
