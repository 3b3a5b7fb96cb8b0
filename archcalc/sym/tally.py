"""Sums that change in place: what is added and taken away again and again is not written anew each time."""

from archcalc.sym.expr import Expr, Monomial, Number, expression, summed


class Tally:
    """A sum of expressions. `risen`, `fallen`: whether something was added, or taken away, since this was last reset.

    >>> from archcalc.sym.expr import symbol
    >>> alive = Tally()
    >>> alive += 3 * symbol("n")
    >>> alive += 4
    >>> alive -= symbol("n")
    >>> print(alive + 1)
    2·n + 5
    """

    __slots__ = ("fallen", "risen", "terms")

    def __init__(self) -> None:
        self.terms: dict[Monomial, int] = {}
        self.risen = self.fallen = False

    def __iadd__(self, whole: Number) -> "Tally":
        terms, self.risen = self.terms, True
        for monomial, c in expression(whole).terms.items():
            if now := terms.get(monomial, 0) + c:
                terms[monomial] = now
            else:
                terms.pop(monomial, None)
        return self

    def __isub__(self, whole: Number) -> "Tally":
        terms, self.fallen = self.terms, True
        for monomial, c in expression(whole).terms.items():
            if now := terms.get(monomial, 0) - c:
                terms[monomial] = now
            else:
                terms.pop(monomial, None)
        return self

    def __add__(self, whole: Number) -> Expr:
        """What it is now, with something added: an expression of its own."""
        more = expression(whole).terms
        return Expr(summed(self.terms, more) if more else dict(self.terms))
