"""Expressions with a guide: code does with them what it does with numbers, and the conditions say with which."""

import random
from collections.abc import Callable
from typing import cast

import pytest

from archcalc.core.dim import Dim, ceil_div, maximum, prod, same, summed
from archcalc.sym.expr import Expr, expression, symbol
from archcalc.sym.guided import Guide

PROGRAMS: dict[str, Callable[[Dim, Dim], Dim]] = {
    "the larger of two": lambda n, m: max(n * 3, m + 10),
    "by a key": lambda n, m: max([n, 2 * m, 7], key=lambda each: -each),
    "in a list": lambda n, m: n if 1 in (n, m) else n * m,
    "by its truth": lambda n, m: 5 if n - m else n // 2,
    "by counting": lambda n, m: sum([m * i for i in range(n)]),
    "equality of pairs": lambda n, m: m if (n, m) == (3, 4) else n - m,
    "functions of dimensions": lambda n, m: summed([prod((n, m - 1, n)), maximum(n, 4), ceil_div(m, n), -(n % 3)]),
    "a claim of two": lambda n, m: n**2 if same(n % 2, 0) else 9 - m,
    "an order": lambda n, m: sorted([n, m, 5])[1],
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=list(PROGRAMS))
def test_what_is_made_is_exact_wherever_the_conditions_hold(program: Callable[[Dim, Dim], Dim]) -> None:
    pick = random.Random(1)
    met = 0
    for _ in range(40):
        guide = Guide(n=pick.randint(1, 6), m=pick.randint(1, 6))
        made = expression(program(*(cast(Dim, guide(symbol(name))) for name in ("n", "m")))).undecided
        assert made.at(**guide.values) == program(guide.values["n"], guide.values["m"])
        assert all(each.at(**guide.values) for each in guide.conditions)
        for _ in range(20):
            other = {"n": pick.randint(1, 9), "m": pick.randint(1, 9)}
            if all(each.at(**other) for each in guide.conditions):
                met += other != guide.values
                assert made.at(**other) == program(other["n"], other["m"])
    assert met > 10


def test_what_is_the_same_for_all_values_makes_no_condition() -> None:
    guide = Guide(n=4)
    n = guide(symbol("n"))
    assert n - n == 0
    assert n + 1 > n
    assert (2 * n) // 2 == n
    assert guide.conditions == ()


def test_a_guided_expression_has_no_hash() -> None:
    """In a set it would be distinguished from others by its hash, and no condition would say so."""
    with pytest.raises(TypeError, match="unhashable"):
        {Guide(n=4)(symbol("n"))}


def test_plain_expressions_have_no_guide() -> None:
    n = symbol("n")
    Guide(n=4)(n)
    assert (n.decider, n.undecided is n) == (None, True)
    assert isinstance(n // 2 + 1, Expr)
    assert (n // 2 + 1).decider is None


def test_what_is_counted_may_be_any_number_from_some_rounds_on() -> None:
    n = symbol("n")
    guide = Guide(4, {n // 2: 1}, n=9)
    assert (len(range(guide(n))), len(range(guide(n // 2))), len(range(guide(n // 3)))) == (4, 5, 3)
    assert [str(each) for each in guide.conditions] == ["n - 4 ≥ 0", "⌊n/2⌋ - 4 ≥ 0", "⌊n/3⌋ - 3 = 0"]
    assert [*guide.counted] == [n, n // 2]
    assert len(range(Guide(n=9)(n))) == 9
