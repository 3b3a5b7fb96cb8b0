"""Decisions against brute force: what is refuted has a counterexample, the rest is undecided."""

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import pytest

from archcalc.sym.decide import Effort, Status, Undecided, equal, solutions
from archcalc.sym.expr import Claim, Expr, Relation, ceil_div, claim, extremum, floor_div, holds, largest, symbol
from archcalc.sym.periodic import PeriodicSet, all_of
from archcalc.sym.periods import period_of
from tests.calls import calls_of

n, m, H, W, w = map(symbol, ("n", "m", "H", "W", "w"))
RELATIONS = get_args(Relation)

# --- equality --------------------------------------------------------------------------------------------------------

DECISIONS = [
    ("nested ceilings", ((n + 1) // 2 + 1) // 2, (n + 3) // 4, True),
    ("five halvings", (((((n + 1) // 2 + 1) // 2 + 1) // 2 + 1) // 2 + 1) // 2, ceil_div(n, 32), True),
    ("a common factor", (6 * n + 4) // 4, (3 * n + 2) // 2, True),
    ("a negative", -((-n - 3) // 4), (n + 6) // 4, True),
    ("Hermite's identity", n // 3 + (n + 1) // 3 + (n + 2) // 3, n, True),
    ("Hermite's identity, doubled", (2 * n) // 2 + (2 * n + 1) // 2, 2 * n, True),
    ("a remainder", n - 8 * (n // 8), n % 8, True),
    ("up and down again", (2 * (n // 2)) // 2, n // 2, True),
    ("up by 3, down by 2", (3 * n) // 2, n + n // 2, True),
    ("a product", (n // 2) * ((n + 1) // 2), (n * n) // 4, True),
    ("down and up again", 2 * (n // 2), n, False),
    ("ceiling and floor", ceil_div(n, 4), n // 4, False),
]


@pytest.mark.parametrize(("left", "right", "same"), [row[1:] for row in DECISIONS], ids=[row[0] for row in DECISIONS])
def test_equality_is_decided(left: Expr, right: Expr, same: bool) -> None:
    verdict = equal(left, right)
    assert verdict.status is (Status.HOLDS if same else Status.REFUTED)
    if verdict.counterexample is not None:
        assert left.at(**verdict.counterexample) != right.at(**verdict.counterexample)


def test_two_symbols_are_decided_on_a_grid() -> None:
    left = (H + 1) // 2 * ((W + 3) // 4) * 64
    assert equal(left, 64 * ceil_div(H, 2) * ceil_div(W, 4)).holds
    assert equal(left, 64 * ceil_div(H, 2) * (W // 4)).counterexample is not None


def test_what_is_outside_is_undecided_and_says_why() -> None:
    assert equal(extremum([n, m], 1), n).reason == "it contains a maximum or minimum"
    assert equal(floor_div(n, m) * m, n).reason == "a divisor contains a symbol"
    assert equal(n // 999_983 + n, n).reason.startswith("deciding it takes ")


# --- conditions ------------------------------------------------------------------------------------------------------


def conditions(seed: int, count: int) -> None:
    """Random quasi-affine conditions of one symbol, each value of 600 tried."""
    pick = random.Random(seed)
    for _ in range(count):
        whole = piece(pick, 4) - piece(pick, 3) + pick.randint(-30, 30)
        relation, least = pick.choice(RELATIONS), pick.randint(-5, 8)
        agree(whole, relation, least, 600)


def piece(pick: random.Random, depth: int) -> Expr:
    if depth == 0:
        return n
    inner, kind = piece(pick, depth - 1), pick.random()
    if kind < 0.5:
        return (inner + pick.randint(-9, 9)) // pick.choice([2, 2, 3, 4, 5])
    if kind < 0.7:
        return inner * pick.choice([1, 2, 3, 4]) + pick.randint(-5, 5)
    return inner + piece(pick, depth - 1) * pick.choice([1, -1, 2])


def agree(whole: Expr, relation: Any, least: int, count: int) -> None:
    found = solutions(whole, relation, "n", least)
    for value in range(least, least + count):
        assert (value in found) == holds(whole.at(n=value), relation), (
            f"{whole} {relation} 0 at {value}: {found.pieces}"
        )


def test_conditions_are_solved() -> None:
    conditions(seed=5, count=400)


@pytest.mark.fuzz
def test_many_conditions_are_solved() -> None:
    conditions(seed=6, count=4_000)


def test_conditions_with_squares_are_solved() -> None:
    pick = random.Random(7)
    for _ in range(60):
        product = ((n + pick.randint(-9, 9)) // pick.choice([2, 3, 4])) * (
            (n + pick.randint(-9, 9)) // pick.choice([2, 3])
        )
        whole = product * pick.choice([1, 2, -1]) + n * pick.randint(-9, 9) + pick.randint(-60, 60)
        agree(whole, pick.choice(RELATIONS), 1, 400)


def test_numbers_outside_of_those_asked_about_are_not_evaluated() -> None:
    pick = random.Random(8)
    for _ in range(60):
        whole = (piece(pick, 3) - piece(pick, 2)) * (n // 2 - 20) + pick.randint(-60, 60)
        some = PeriodicSet.modulo(
            pick.choice([4, 6, 28]), [pick.randrange(28), pick.randrange(28)], pick.randint(1, 30)
        )
        relation = pick.choice(RELATIONS)
        found = solutions(whole, relation, "n", 1, within=some)
        for value in range(1, 300):
            assert (value in found) == (value in some and holds(whole.at(n=value), relation)), (whole, relation, value)
    effort = Effort(200)
    solutions((n // 224) * 5 - n, ">=", "n", effort=effort, within=PeriodicSet.modulo(224, [4, 5]))
    assert effort.left > 100


def test_periods_and_rises_are_those_of_the_values() -> None:
    pick = random.Random(9)
    for _ in range(300):
        whole = piece(pick, 4) - piece(pick, 3)
        if pick.random() < 0.5:
            whole = largest(whole, whole + n % pick.choice([2, 3, 4]) - pick.randint(0, 3), whole - 2) // 2
        if pick.random() < 0.3:
            whole = whole * (n // 3 - n % 5)
        period = period_of(whole, "n")
        values = [
            whole.at(n=1 + first + q * period.length) for first in range(min(period.length, 30)) for q in range(5)
        ]
        for row in range(0, len(values), 5):
            steps = [after - before for before, after in pairwise(values[row : row + 5])]
            if period.even:
                assert set(steps) == {period.rise}, (whole, period, steps)
            else:
                assert all(step % period.rise == 0 for step in steps), (whole, period, steps)


def test_nested_floors_have_the_period_that_they_have() -> None:
    """Rows in windows of 7 behind four halvings, each padded to whole windows."""
    rows: Expr = n
    for _ in range(4):
        rows = 7 * ceil_div(ceil_div(rows, 2), 7)
    assert period_of(rows, "n").length == 112
    same = largest(0, 2 * ceil_div(n, 2) - n + 5)
    assert period_of(n + same - same // 2, "n").length == 2


def test_a_threshold_far_away_is_found_at_once() -> None:
    assert solutions(n - 10**15, ">=", "n").named("n") == f"n ≥ {10**15}"
    assert solutions(10**15 - 7 * n, ">=", "n").prev(10**18) == 10**15 // 7


def test_two_symbols_and_products_with_maxima_are_undecided() -> None:
    with pytest.raises(Undecided, match="it also depends on m"):
        solutions(n - m, ">=", "n")
    with pytest.raises(Undecided, match="give n an upper bound"):
        solutions(n * extremum([n, 50 - n], 1) - 40, ">=", "n")
    assert solutions(n * extremum([n, 50 - n], 1) - 400, ">=", "n", 1, 99).named("n") == "10 ≤ n ≤ 99"
    assert solutions(n * extremum([n, 5 * n - 9], 1) - 40, ">=", "n", 1, 99).named("n") == "4 ≤ n ≤ 99"


def test_the_greatest_of_several_is_within_bounds_where_each_is() -> None:
    assert solutions(extremum([n, 5 * n - 9], 1) - 40, ">=", "n").named("n") == "n ≥ 10"
    pick = random.Random(8)
    for _ in range(60):
        parts = [(n + pick.randint(-9, 9)) // pick.choice([1, 2, 3]) * pick.randint(-3, 3) for _ in range(3)]
        whole = extremum(parts, pick.choice([1, -1])) * pick.choice([1, 2, -1]) + pick.randint(-30, 30)
        agree(whole, pick.choice(RELATIONS), 1, 200)


def test_polynomials_change_their_sign_where_they_do() -> None:
    """Roots a billion apart are found as fast as neighbours."""
    far = 10**9
    whole = (n - 3) * (n - far) * (n - far - 2)
    assert solutions(whole, ">=", "n").named("n") == f"3 ≤ n ≤ {far} or n ≥ {far + 2}"
    assert solutions(whole, "==", "n").first(4) == [3, far, far + 2]
    assert solutions(n * n * (n // 2) - 4 * far**3, "==", "n").first(2) == [2 * far]


def test_comparisons_are_claims_or_their_truth() -> None:
    for value in range(-3, 12):
        for left, right in ((n // 2, 3), (3, n // 2), (n, 2 * n - 5)):
            a, b = (each.at(n=value) if isinstance(each, Expr) else each for each in (left, right))
            claims = (left >= right, left <= right, left > right, left < right)
            assert [each.at(n=value) for each in claims if isinstance(each, Claim)] == [a >= b, a <= b, a > b, a < b]
    assert (n + 1 > n) is True
    assert claim(n - n + 1, "==") is False
    with pytest.raises(TypeError, match=r"whether n - 3 ≥ 0 depends on its symbols"):
        bool(n >= 3)


# --- the conditions of networks, in words ----------------------------------------------------------------------------


def halved(times: int) -> tuple[Expr, list[Expr]]:
    sizes = [H]
    for _ in range(times):
        sizes.append(sizes[-1] // 2)
    return sizes[-1], sizes


def test_a_padded_unet_takes_multiples() -> None:
    size, skips = halved(4)
    joins = []
    for skip in reversed(skips[:-1]):
        size = 2 * size
        joins.append(solutions(size - skip, "==", "H"))
        size = skip
    assert all_of([*joins, solutions(skips[-1] - 1, ">=", "H")]).named("H") == "H ≡ 0 (mod 16)"


def test_a_feature_pyramid_takes_more_than_multiples() -> None:
    sizes = [ceil_div(H, 2**i) for i in range(2, 6)]
    joins = (solutions(2 * small - large, "==", "H") for large, small in pairwise(sizes))
    assert all_of(joins).named("H") == "H mod 32 ∈ {0, 29..31}"


def test_groups_that_divide() -> None:
    fits = all_of([solutions((3 * w) % 4, "==", "w"), solutions((5 * w + 2) % 6, "==", "w")])
    assert fits.named("w") == "w ≡ 8 (mod 12)"
    assert (fits.prev(25), fits.next(25)) == (20, 32)


def test_a_network_that_halves_five_times_needs_32() -> None:
    assert solutions(halved(5)[0] - 1, ">=", "H").named("H") == "H ≥ 32"


# --- sets ------------------------------------------------------------------------------------------------------------


def random_set(pick: random.Random) -> PeriodicSet:
    found = PeriodicSet()
    for _ in range(pick.randint(1, 3)):
        period, start = pick.randint(1, 12), pick.randint(-5, 40)
        residues = pick.sample(range(period), pick.randint(0, period))
        most = pick.choice([None, start + pick.randint(0, 50)])
        found |= PeriodicSet.modulo(period, residues, start, most)
    return found


def test_sets_are_closed_under_and_or_not() -> None:
    pick = random.Random(8)
    for _ in range(60):
        a, b = random_set(pick), random_set(pick)
        for value in range(-10, 150):
            assert (value in (a & b)) == (value in a and value in b)
            assert (value in (a | b)) == (value in a or value in b)
            assert (value in ~a) == (value not in a)
            assert (value in (a - b)) == (value in a and value not in b)
        assert ~~a == a
        assert (a == b) == all((value in a) == (value in b) for value in range(-10, 300))


def test_remainders_of_long_periods_are_combined_without_listing_them() -> None:
    """The Chinese remainder theorem."""
    first, second = PeriodicSet.modulo(30_011, [5, 6]), PeriodicSet.modulo(30_013, [7])
    calls, both = calls_of(lambda: first & second)
    assert calls < 200
    assert both.first(2) == [n for n in range(7, 2 * 30_011 * 30_013, 30_013) if n % 30_011 in (5, 6)][:2]
    assert both == second & first != first
    assert (both | PeriodicSet.of([3])).first(1) == [3]
    assert both - second == PeriodicSet()
    with pytest.raises(Undecided, match="the answer has 60,026 remainders modulo 900,720,143"):
        first - second


def test_a_condition_that_never_decreases_is_solved_whatever_its_period() -> None:
    for divisor, at_least in ((9_699_690, 21), (10**9 + 7, 10**3)):
        calls, found = calls_of(lambda d=divisor, k=at_least: solutions((n + 12) // d - k, ">=", "n"))  # type: ignore[misc]
        assert found.named("n") == f"n ≥ {divisor * at_least - 12}"
        assert calls < 5_000
    assert solutions((n + 12) // 10**9 - 3, "==", "n").named("n") == f"{3 * 10**9 - 12} ≤ n ≤ {4 * 10**9 - 13}"
    assert (
        solutions(3 - (n + 12) // 10**9, "!=", "n")
        == ~solutions((n + 12) // 10**9 - 3, "==", "n") & PeriodicSet.interval()
    )


def test_many_decisions_share_one_limit() -> None:
    effort = Effort(1_500_000)
    assert solutions(n % 64_000 - 7, "==", "n", effort=effort).first(2) == [7, 64_007]
    with pytest.raises(Undecided, match="deciding it takes 128,000 values"):
        solutions(n % 64_000 - 8, "==", "n", effort=replace(effort, left=effort.left - 1_000_000))


def test_neighbours_of_a_number() -> None:
    pick = random.Random(9)
    for _ in range(200):
        found = random_set(pick)
        members = [value for value in range(-10, 400) if value in found]
        for value in range(-10, 150):
            assert found.next(value) == next((each for each in members if each >= value), None)
            assert found.prev(value) == next((each for each in reversed(members) if each <= value), None)


WORDS = [
    (PeriodicSet(), "never"),
    (PeriodicSet.interval(), "always"),
    (PeriodicSet.interval(15), "H ≥ 15"),
    (PeriodicSet.interval(15, 40), "15 ≤ H ≤ 40"),
    (PeriodicSet.of([3, 7, 8, 9]), "H ∈ {3, 7..9}"),
    (PeriodicSet.modulo(16, [12]), "H ≡ 12 (mod 16)"),
    (PeriodicSet.modulo(16, [12], 188), "H ≡ 12 (mod 16), H ≥ 188"),
    (PeriodicSet.modulo(8, set(range(8)) - {3}), "H ≢ 3 (mod 8)"),
    (PeriodicSet.modulo(4, [0, 2]), "H ≡ 0 (mod 2)"),
    (PeriodicSet.interval(64) | PeriodicSet.of([5, 6]), "H ≥ 64 or H ∈ {5, 6}"),
]


@pytest.mark.parametrize(("found", "words"), WORDS, ids=[words for _, words in WORDS])
def test_sets_in_words(found: PeriodicSet, words: str) -> None:
    assert found.named("H") == words
