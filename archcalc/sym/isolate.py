"""Isolating: a symbol of an equation as an expression in the others."""

from collections.abc import Iterable

from archcalc.sym.expr import Expr, Symbol, symbol


def isolated(whole: Expr, names: Iterable[str]) -> tuple[str, Expr] | None:
    """The first of some symbols that `whole = 0` gives as an expression in the others, with that expression; None if it
    gives none of them exactly, for all values of the others.

    >>> from archcalc.sym.expr import ceil_div
    >>> x, y = symbol("x"), symbol("y")
    >>> name, size = isolated(2 * ceil_div(x, 2) - 2 * y, ["x", "y"])
    >>> print(name, "=", size)
    y = ⌈x/2⌉
    >>> isolated(2 * x - 3 * y, ["x", "y"]) is None
    True
    """
    for name in names:
        factor = whole.terms.get(((Symbol(name), 1),), 0)
        rest = whole - factor * symbol(name)
        if factor and name not in rest.symbols() and all(each % factor == 0 for each in rest.terms.values()):
            return name, Expr({monomial: -each // factor for monomial, each in rest.terms.items()})
    return None
