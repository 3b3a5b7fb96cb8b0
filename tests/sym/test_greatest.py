"""The greatest of several expressions on a periodic set, against the values of all."""

import random
from collections.abc import Sequence

from archcalc.sym.expr import Expr, symbol
from archcalc.sym.greatest import greatest_on
from archcalc.sym.periodic import PeriodicSet

n = symbol("n")


def quadratic(pick: random.Random) -> Expr:
    """As lines of memory are: products of floors of a size, and numbers."""
    rows = (n + pick.randint(0, 9)) // pick.choice([1, 2, 4])
    more = pick.choice([rows, (n + 3) // 8, n // 2])
    return pick.randint(0, 9) * rows * more + pick.randint(-20, 90) * rows + pick.randint(-900, 900)


def numbers_of(pick: random.Random) -> PeriodicSet:
    remainders = [pick.randrange(12) for _ in range(3)]
    most = pick.choice([None, None, 200])
    return PeriodicSet.modulo(12, remainders, pick.randint(1, 40), most) | PeriodicSet.interval(3, pick.randint(3, 9))


def test_no_expression_that_is_somewhere_the_greatest_is_dropped() -> None:
    pick, dropped = random.Random(1), 0
    for _ in range(80):
        wholes: Sequence[Expr] = [quadratic(pick) for _ in range(12)]
        numbers = numbers_of(pick)
        kept = greatest_on(wholes, "n", numbers)
        assert kept is not None
        dropped += len(wholes) - len(kept)
        for value in numbers.first(150):
            assert max(each.at(n=value) for each in kept) == max(each.at(n=value) for each in wholes)
    assert dropped > 400


def test_what_is_greater_on_other_remainders_alone_is_dropped() -> None:
    even, odd = 100 * (n // 2) + 7, 100 * ((n + 1) // 2)
    assert greatest_on([even, odd], "n", PeriodicSet.modulo(2, [0])) == [even]
    assert greatest_on([even, odd], "n", PeriodicSet.modulo(2, [1])) == [odd]
    assert greatest_on([even, odd], "n", PeriodicSet.interval()) == [even, odd]


def test_too_many_remainders_are_not_looked_at() -> None:
    assert greatest_on([n // 997, n // 991], "n", PeriodicSet.interval()) is None
    assert greatest_on([n // 7, n // 600], "n", PeriodicSet.interval(1, 10**6)) is None


def test_only_what_is_the_greatest_up_to_the_end_of_the_numbers_is_kept() -> None:
    late = n * n - 10**6
    assert greatest_on([n, 2 * n, late], "n", PeriodicSet.interval(1, 900)) == [2 * n]
    assert greatest_on([n, 2 * n, late], "n", PeriodicSet.interval(1, 1001)) == [2 * n]
    assert greatest_on([n, 2 * n, late], "n", PeriodicSet.interval(1, 1002)) == [2 * n, late]


def test_a_line_that_is_the_greatest_at_one_number_between_two_crossings_is_kept() -> None:
    pick = random.Random(2)
    for _ in range(200):
        lines = [pick.randint(0, 60) * n + pick.randint(0, 400) for _ in range(10)]
        kept = greatest_on(lines, "n", PeriodicSet.interval())
        assert kept is not None
        for value in range(1, 150):
            assert max(each.at(n=value) for each in kept) == max(each.at(n=value) for each in lines)
    alone = 17 * n + 20  # between the crossings at 1.3 and 2.6
    assert alone in (greatest_on([n + 40, alone, 18 * n + 17, 19 * n - 9], "n", PeriodicSet.interval()) or [])
