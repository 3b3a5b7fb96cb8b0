"""Expressions as sympy's: they keep their values through substitution, lambdify and generated code."""

import random
from typing import Any

import numpy as np
import sympy  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.sym.expr import ceil_div, expression, extremum, floor_div, symbol
from archcalc.sym.sympy_bridge import FloorDiv, to_sympy
from tests.sym.test_compile import random_expression

n, m = symbol("n"), symbol("m")
N, M = (sympy.Symbol(name, integer=True) for name in ("n", "m"))

SEEDS = st.integers(0, 2**32 - 1)
VALUES = st.integers(-50, 200)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(SEEDS, VALUES, VALUES)
def test_substitution_gives_the_values_of_the_algebra(seed: int, a: int, b: int) -> None:
    whole = random_expression(random.Random(seed), 4)
    assert to_sympy(whole).subs({N: a, M: b}) == whole.at(n=a, m=b)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(SEEDS, VALUES, VALUES)
def test_lambdify_gives_the_values_of_the_algebra(seed: int, a: int, b: int) -> None:
    whole = random_expression(random.Random(seed), 4)
    made = to_sympy(whole)
    assert sympy.lambdify((N, M), made, modules="math")(a, b) == whole.at(n=a, m=b)
    assert eval(sympy.pycode(made), {"n": a, "m": b}) == whole.at(n=a, m=b)


def test_no_floor_is_rounded_by_floats() -> None:
    """sympy's own floor prints `floor((1/3)*n + 1/3)`, which is wrong for n = 5 and 84 others up to 512."""
    sizes = np.arange(513)
    floor_of_its_own: Any = sympy.lambdify(N, sympy.floor((N + 1) / 3), modules="math")
    assert sum(floor_of_its_own(int(size)) != (size + 1) // 3 for size in sizes) == 85
    pairs = [(s, a) for s in range(2, 65) for a in range(s)]
    function = sympy.lambdify(N, [to_sympy(floor_div(n + a, s)) for s, a in pairs], modules="numpy")
    wrong = [pair for pair, found in zip(pairs, function(sizes), strict=True) if (found != naive(sizes, *pair)).any()]
    assert (len(pairs), wrong) == (2_079, [])


def naive(sizes: Any, s: int, a: int) -> Any:
    return np.array([(int(size) + a) // s for size in sizes])


def test_symbols_are_integers_and_named_as_they_are() -> None:
    """`sympify` would take these for functions and constants of its own, or run them."""
    names = ("N", "S", "Q", "E", "I", "beta", "lambda", "__import__('os').getcwd()", "H W")
    for name in names:
        found = to_sympy(symbol(name))
        assert (found.name, found.is_integer, found.is_Symbol) == (name, True, True)


def test_floors_are_left_as_they_are() -> None:
    made = to_sympy(ceil_div(n, 32) * (m // 2))
    assert made == FloorDiv(N + 31, 32) * FloorDiv(M, 2)
    assert sympy.simplify(made) == sympy.expand(made) == made
    assert not made.has(sympy.floor)
    assert made.is_integer
    assert str(FloorDiv(N, 2).subs(N, -7)) == "-4"
    assert str(FloorDiv(7, sympy.Integer(0))) == "FloorDiv(7, 0)"


def test_latex_has_floors_and_maxima() -> None:
    made = to_sympy(extremum([n, m // 2 + 1], 1) ** 2 - (n // 3) ** 2)
    assert sympy.latex(made) == (
        r"- \left\lfloor \frac{n}{3} \right\rfloor^{2} + "
        r"\max\left(n, \left\lfloor \frac{m}{2} \right\rfloor + 1\right)^{2}"
    )
    assert sympy.latex(to_sympy(extremum([n, m], -1))) == r"\min\left(m, n\right)"


def test_numbers_are_numbers() -> None:
    assert to_sympy(expression(7)) == 7
    assert to_sympy(n - n) == 0
