"""Conversion of expressions to sympy, for further work there. archcalc itself does not use the result.

Floors become a separate function, `FloorDiv`, which sympy does not simplify. Sympy's own `floor` produces wrong
expressions (sympy 1.14: `floor(n*(2*m + 2)/6)` loses the floor), and `lambdify` evaluates it in floats: of the 2,079
`floor((n + a)/s)` with 0 <= a < s <= 64 and s > 1, 841 are wrong for some n up to 512.

Importing this module imports sympy: 0.3 s.
"""

from typing import Any

import sympy  # type: ignore[import-untyped]

from archcalc.sym.expr import Atom, Expr, Extremum, Symbol
from archcalc.sym.expr import FloorDiv as Floor


class FloorDiv(sympy.Function):  # type: ignore[misc]  # sympy has no types
    """`numerator // divisor` of integers: evaluated if both are numbers, otherwise left symbolic.

    >>> n = sympy.Symbol("n", integer=True)
    >>> FloorDiv(n + 1, 3), FloorDiv(n + 1, 3).subs(n, -5), sympy.latex(FloorDiv(n, 2) ** 2)
    (FloorDiv(n + 1, 3), -2, '\\\\left\\\\lfloor \\\\frac{n}{2} \\\\right\\\\rfloor^{2}')
    """

    nargs = 2
    is_integer = True

    @classmethod
    def eval(cls, numerator: Any, divisor: Any) -> Any:
        if numerator.is_Integer and divisor.is_Integer and divisor != 0:
            return sympy.Integer(int(numerator) // int(divisor))
        return None

    def _pythoncode(self, printer: Any) -> str:
        numerator, divisor = (printer._print(each) for each in self.args)
        return f"(({numerator}) // ({divisor}))"

    _numpycode = _lambdacode = _pythoncode

    def _latex(self, printer: Any, exp: str = "") -> str:
        numerator, divisor = (printer._print(each) for each in self.args)
        power = f"^{{{exp}}}" if exp else ""
        return rf"\left\lfloor \frac{{{numerator}}}{{{divisor}}} \right\rfloor{power}"


def to_sympy(whole: Expr) -> Any:
    """The sympy expression, with integer symbols.

    >>> from archcalc.sym.expr import symbol
    >>> to_sympy(64 * ((symbol("H") + 1) // 2) - 3)
    64*FloorDiv(H + 1, 2) - 3
    """
    return of_expression(whole, {})


def of_expression(whole: Expr, memory: dict[Atom, Any]) -> Any:
    terms = [
        sympy.Mul(c, *(sympy.Pow(of_atom(atom, memory), exponent) for atom, exponent in monomial))
        for monomial, c in whole.terms.items()
    ]
    return sympy.Add(*terms)


def of_atom(atom: Atom, memory: dict[Atom, Any]) -> Any:
    """The sympy expression of an atom, cached."""
    if atom not in memory:
        parts = [of_expression(part, memory) for part in atom.parts()]
        memory[atom] = made(atom, parts)
    return memory[atom]


def made(atom: Atom, parts: list[Any]) -> Any:
    if isinstance(atom, Symbol):
        return sympy.Symbol(atom.name, integer=True)
    if isinstance(atom, Floor):
        return FloorDiv(*parts)
    if isinstance(atom, Extremum):
        return sympy.Max(*parts) if atom.sign > 0 else sympy.Min(*parts)
    return parts[0]
