"""The algebra against Python's own whole numbers: whatever is built, it has the value that plain arithmetic gives."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.sym.expr import Expr, ceil_div, expression, extremum, floor_div, grouped, symbol, total, volume

n, m, H, W, s, t = map(symbol, ("n", "m", "H", "W", "s", "t"))

Tree = Any
"""A number, the name of a symbol, or an operation over trees."""


def tree(pick: random.Random, depth: int) -> Tree:
    if depth == 0 or pick.random() < 0.2:
        return pick.choice(["n", "m", pick.randint(-6, 9)])
    kind = pick.choices(["+", "*", "*2", "//", "%", "max", "min", "group"], [25, 13, 5, 32, 5, 7, 7, 6])[0]
    left = tree(pick, depth - 1)
    if kind == "*":
        return kind, left, pick.choice([-3, -2, -1, 1, 2, 3, 4, 6])
    if kind in ("//", "%"):
        return kind, left, pick.choice([1, 2, 2, 3, 4, 5, 6, 8, 12, -2])
    return (kind, left, tree(pick, depth - 1))


PLAIN: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "*2": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "max": max,
    "min": min,
    "group": lambda a, b: a * b,
}
SYMBOLIC: dict[str, Callable[[Any, Any], Any]] = {
    **PLAIN,
    "//": floor_div,
    "%": lambda a, b: expression(a) % b,
    "max": lambda a, b: extremum([a, b], 1),
    "min": lambda a, b: extremum([a, b], -1),
    "group": lambda a, b: grouped(a) * grouped(b),
}


def worked(made: Tree, values: dict[str, Any], operations: dict[str, Callable[[Any, Any], Any]]) -> Any:
    if isinstance(made, str):
        return values[made]
    if isinstance(made, int):
        return made
    kind, left, right = made
    return operations[kind](worked(left, values, operations), worked(right, values, operations))


def check_trees(seed: int, count: int) -> None:
    pick = random.Random(seed)
    for _ in range(count):
        made = tree(pick, 5)
        ours = expression(worked(made, {"n": n, "m": m}, SYMBOLIC))
        for _ in range(4):
            values = {"n": pick.randint(-50, 200), "m": pick.randint(-50, 200)}
            assert ours.at(**values) == worked(made, values, PLAIN), f"{made} at {values}: {ours}"


def test_rewriting_keeps_every_value() -> None:
    """100,000 values; ten times as many behind the fuzz marker."""
    check_trees(seed=1, count=25_000)


@pytest.mark.fuzz
def test_rewriting_keeps_every_value_of_many() -> None:
    check_trees(seed=2, count=250_000)


def test_symbolic_divisors_keep_every_value() -> None:
    pick = random.Random(3)
    for _ in range(4_000):
        whole: Any = pick.choice([H, H * s * t + t, H + 2 * pick.randint(0, 5)])
        steps = [(pick.choice("st2+*"), pick.randint(-5, 9)) for _ in range(pick.randint(1, 4))]
        values = {"H": pick.randint(-40, 300), "s": pick.randint(1, 7), "t": pick.randint(1, 7)}
        plain = expression(whole).at(**values)
        for step, c in steps:
            divisor = {"s": s, "t": t, "2": expression(2)}.get(step)
            if divisor is not None:
                whole, plain = floor_div(whole, divisor), plain // divisor.at(**values)
            else:
                whole, plain = (whole + c, plain + c) if step == "+" else (whole * c, plain * c)
        assert expression(whole).at(**values) == plain


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.integers(-50, 200), st.integers(-6, 9), st.integers(-6, 9), st.integers(0, 3))
def test_arithmetic_is_that_of_whole_numbers(value: int, a: int, b: int, power: int) -> None:
    whole = (a * n + b) ** power - (b - n) * (n + a) + -n
    assert whole.at(n=value) == (a * value + b) ** power - (b - value) * (value + a) - value
    assert whole.subs(n=value) == whole.at(n=value)
    assert whole.subs(n=m + 1).at(m=value - 1) == whole.at(n=value)


# --- normal forms ----------------------------------------------------------------------------------------------------

SAME = [
    (((n + 1) // 2 + 1) // 2, (n + 3) // 4, "nested ceilings"),
    ((4 * n + 6) // 4, n + (2 * 0 + 6) // 4, "whole multiples come out"),
    ((2 * n + 6) // 4, (n + 3) // 2, "common factors cancel"),
    (-((-n) // 32), ceil_div(n, 32), "a ceiling is the floor of a negative"),
    ((n // 2 - 1) // 2 + 1, (n + 2) // 4, "a constant goes into the floor"),
    ((2 * (n // 2) + 5) // 2, n // 2 + 2, "a multiple of a floor comes out"),
    (floor_div(s * t * H + t, s), t * H + floor_div(t, s), "exact quotients of symbols"),
    (floor_div(floor_div(H, s) + 1, 2), floor_div(H + s, 2 * s), "floors of symbolic divisors nest"),
    (extremum([n, n + 3], 1), n + 3, "of two that differ by a constant one is kept"),
    (extremum([n, extremum([m, n + 1], 1)], 1), extremum([n + 1, m], 1), "maxima are flat"),
    (volume(64, H - 4, W) + volume(3, H - 4, W), volume(67, H - 4, W), "equal volumes add up"),
    (total([n, 2 * n, 3]), 3 * n + 3, "sums of many"),
]


@pytest.mark.parametrize(("left", "right", "what"), SAME, ids=[what for _, _, what in SAME])
def test_one_form_for_what_is_the_same(left: Expr, right: Expr, what: str) -> None:
    assert left == right
    assert hash(left) == hash(right)
    assert left.key == right.key


def test_a_chain_of_convolutions_and_pools_is_one_floor() -> None:
    pick = random.Random(0)
    for _ in range(300):
        whole: Expr = n
        for _ in range(12):
            k, stride, padding = pick.choice([1, 2, 3, 5, 7]), pick.choice([1, 1, 2, 2, 3, 4]), pick.randint(0, 3)
            whole = (whole + 2 * padding - k) // stride + 1
        assert sum(1 for _ in whole.atoms()) == 1


TEXTS = [
    ((n + 31) // 32, "⌈n/32⌉"),
    ((n + 5) // 2, "⌈n/2⌉ + 2"),
    (n // 2 - 3, "⌊n/2⌋ - 3"),
    (-n + 1, "-n + 1"),
    (3 * n**2 * m - m, "3·m·n² - m"),
    (81_456 * H * W + 2_048_000, "81456·H·W + 2048000"),
    (floor_div(H + 2, s * t), "⌊(H + 2)/(s·t)⌋"),
    (extremum([n, 2 * m], -1), "min(2·m, n)"),
    (grouped(H - 4) * W, "W·(H - 4)"),
    (n - n, "0"),
]


@pytest.mark.parametrize(("whole", "expected"), TEXTS, ids=[expected for _, expected in TEXTS])
def test_expressions_are_written_as_people_write_them(whole: Expr, expected: str) -> None:
    assert str(whole) == expected


# --- what is no number -----------------------------------------------------------------------------------------------


def test_truth_is_not_guessed() -> None:
    with pytest.raises(TypeError, match="depends on its symbols"):
        bool(n)
    assert bool(n - n + 1)
    assert not bool(n - n)


def test_equality_is_of_form_and_never_raises() -> None:
    assert n != m
    assert n != "n"
    assert n - n == 0
    assert (n + 2) * 1 == n + 2


def test_nothing_is_divided_by_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        n // 0
    with pytest.raises(ValueError, match="0 or more"):
        n**-1


def test_symbols_are_found_however_deep() -> None:
    assert (extremum([n, (m + H // s) // 3], 1) * grouped(W + 1)).symbols() == {"n", "m", "H", "s", "W"}
