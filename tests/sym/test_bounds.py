"""Intervals and certificates against values: what is said of all values holds for every one that is tried."""

import random
from math import inf
from typing import get_args

import pytest

from archcalc.sym.bounds import grows, interval
from archcalc.sym.decide import Status, always
from archcalc.sym.expr import Claim, Expr, Relation, ceil_div, expression, extremum, floor_div, symbol, volume
from archcalc.sym.periodic import PeriodicSet
from tests.sym.test_expr import SYMBOLIC, tree, worked

n, m, H = map(symbol, ("n", "m", "H"))
RELATIONS = get_args(Relation)


def random_expressions(seed: int, count: int) -> list[tuple[random.Random, Expr]]:
    pick = random.Random(seed)
    return [(pick, expression(worked(tree(pick, 4), {"n": n, "m": m}, SYMBOLIC))) for _ in range(count)]


def some(pick: random.Random, least: int, most: int) -> list[int]:
    """The ends of a range, and what lies between."""
    return [least, most, *(pick.randint(least, most) for _ in range(6))]


def test_every_value_lies_in_the_interval() -> None:
    for pick, whole in random_expressions(1, 3_000):
        lows = {name: pick.randint(-9, 60) for name in ("n", "m")}
        highs = {name: low + pick.randint(0, 40) for name, low in lows.items()}
        least, most = interval(whole, {name: (low, highs[name]) for name, low in lows.items()})
        for a in some(pick, lows["n"], highs["n"]):
            for b in some(pick, lows["m"], highs["m"])[:3]:
                assert least <= whole.at(n=a, m=b) <= most, f"{whole} at {a}, {b}"


def test_an_interval_without_end_holds_whatever_comes() -> None:
    for pick, whole in random_expressions(2, 1_000):
        least, most = interval(whole, {})
        for _ in range(6):
            assert least <= whole.at(n=pick.randint(1, 10**9), m=pick.randint(1, 10**9)) <= most
    assert interval(n * (10**400), {}) == (10**400, inf)


def test_what_is_certified_to_grow_never_falls() -> None:
    certified = 0
    for pick, whole in random_expressions(3, 3_000):
        ranges = {"n": (1, inf), "m": (1, 40)}
        if not grows(whole, "n", ranges) or "n" not in whole.symbols():
            continue
        certified += 1
        for _ in range(4):
            at, other = pick.randint(1, 200), pick.randint(1, 40)
            values = [whole.at(n=at + step, m=other) for step in (0, 1, 2, 7, 50)]
            assert values == sorted(values), str(whole)
    assert certified > 100


COSTS = [
    volume(64, ceil_div(H, 2), ceil_div(H, 4)),
    9408 * ceil_div(H, 2) ** 2 + 2_048_000,
    extremum([64 * H, 7 * H * H], 1),
    (H - 4) * 150 + 3 * ((3 * H + 5) // 7),
]


@pytest.mark.parametrize("cost", COSTS, ids=str)
def test_what_networks_cost_is_certified(cost: Expr) -> None:
    assert grows(cost, "H", {"H": (32, inf)})
    assert not grows(-cost, "H", {"H": (32, inf)})


def test_what_falls_or_may_is_not_certified() -> None:
    for whole in (-n, n % 4, (n - 8) * (n - 3), floor_div(n, m) - n, floor_div(m, n)):
        assert not grows(whole, "n", {})
    assert grows(volume(n - 8, n - 3), "n", {"n": (8, inf)})
    assert not grows(volume(n - 8, n - 3), "n", {})


def test_what_is_said_to_hold_always_holds_and_every_counterexample_is_one() -> None:
    decided = dict.fromkeys(Status, 0)
    for pick, whole in random_expressions(4, 1_500):
        if whole.is_constant:
            continue
        claim = Claim(whole, pick.choice(RELATIONS))
        domains = {"n": PeriodicSet.modulo(pick.choice([1, 4]), [0], 4), "m": PeriodicSet.interval(1, 50)}
        verdict = always(claim, domains)
        decided[verdict.status] += 1
        if verdict.counterexample is not None:
            assert all(value in domains[name] for name, value in verdict.counterexample.items())
            assert not claim.at(**{"n": 4, "m": 1, **verdict.counterexample})
        if verdict.holds:
            assert all(claim.at(n=a, m=b) for a in domains["n"].first(20) for b in (1, 2, 3, 29, 50))
    assert all(count > 20 for count in decided.values()), decided
