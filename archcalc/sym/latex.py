r"""Expressions in LaTeX, written without sympy: `2400\,\left\lfloor \frac{H - 12}{2} \right\rfloor`."""

import re
from collections.abc import Sequence
from fractions import Fraction

from archcalc.sym.expr import Expr, written
from archcalc.sym.notation import Notation


class Latex(Notation):
    """LaTeX mathematics. Besides brackets and fractions it uses only `\\max`, `\\min` and `\\mathrm`."""

    barred = True

    def name(self, symbol: str) -> str:
        return named(symbol)

    def number(self, size: int | Fraction) -> str:
        return f"{size}" if size.denominator == 1 else rf"\frac{{{size.numerator}}}{{{size.denominator}}}"

    def power(self, base: str, exponent: int) -> str:
        return f"{base}^{{{exponent}}}"

    def product(self, factors: Sequence[str]) -> str:
        return r"\,".join(factors)

    def quotient(self, numerator: str, divisor: str, up: bool) -> str:
        side = "ceil" if up else "floor"
        return rf"\left\l{side} \frac{{{numerator}}}{{{divisor}}} \right\r{side}"

    def extremum(self, args: Sequence[str], sign: int) -> str:
        return rf"\{'max' if sign > 0 else 'min'}\left({', '.join(args)}\right)"

    def group(self, total: str) -> str:
        return rf"\left({total}\right)"


LATEX = Latex()


def latex(whole: Expr) -> str:
    r"""An expression in LaTeX, with its terms in the same order as in `str`.

    >>> from archcalc.sym.expr import symbol
    >>> H, w = symbol("H"), symbol("width")
    >>> print(latex(64 * w**2 * ((H + 1) // 2) - 3))
    64\,\mathrm{width}^{2}\,\left\lceil \frac{H}{2} \right\rceil - 3
    """
    return written(whole.terms, LATEX)


def named(symbol: str) -> str:
    r"""A symbol's name: several letters upright, everything after them as an index.

    >>> print(named("H"), named("w1"), named("d_model"), named("hidden_dim"), named("depths[0]"))
    H w_{1} d_{\mathrm{model}} \mathrm{hidden}_{\mathrm{dim}} \mathrm{depths}_{0}
    """
    first, *others = map(upright, re.findall(r"[^\W\d_]+|\d+", symbol) or [symbol])
    return f"{first}_{{{','.join(others)}}}" if others else first


def upright(word: str) -> str:
    return escaped(word) if len(word) == 1 or word.isdigit() else rf"\mathrm{{{escaped(word)}}}"


SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{each: f"\\{each}" for each in "&%$#_{}"},
}


def escaped(text: str) -> str:
    r"""A text, escaped for LaTeX.

    >>> print(escaped("50 % of layer_1"))
    50 \% of layer\_1
    """
    return "".join(SPECIAL.get(each, each) for each in text)


TYPED = {
    **SPECIAL,
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "\u00d7": r"$\times$",
    "\u2026": r"\ldots{}",
    "\u2013": "--",
    "\u2014": "---",
}


def typeset(text: str) -> str:
    r"""Any text, for pdfLaTeX with the encoding T1: a character that it may not know becomes a question mark.

    >>> print(typeset('"<a_b>" \u5377'))
    \textquotedbl{}\textless{}a\_b\textgreater{}\textquotedbl{} ?
    """
    return "".join(TYPED.get(each, each if each.isascii() else "?") for each in text)
