"""Upper envelopes: what is left out is nowhere needed."""

import random

from archcalc.sym.envelope import envelope
from archcalc.sym.expr import Expr, extremum, symbol, volume

n, m = symbol("n"), symbol("m")


def line(pick: random.Random) -> Expr:
    """A sum such as memory is: products of sizes and of floors of them, and a number."""
    half, quarter = (n + pick.randint(0, 1)) // 2, (n + pick.randint(0, 3)) // 4
    parts = [n, n * n, half, half * quarter, volume(n - 1, quarter), m, n * m]
    chosen = pick.sample(parts, pick.randint(1, 3))
    return sum((pick.randint(1, 60) * each for each in chosen), pick.randint(0, 3000) + 0 * n)


def test_the_greatest_is_always_kept() -> None:
    pick = random.Random(3)
    dropped = 0
    for _ in range(40):
        lines = [line(pick) for _ in range(12)]
        least, most = pick.choice([(1, 40), (1, float("inf")), (7, float("inf"))])
        kept = envelope(lines, {"n": (least, most), "m": (1, float("inf"))})
        dropped += len(lines) - len(kept)
        for _ in range(60):
            values = {"n": pick.randint(least, int(min(most, 900))), "m": pick.choice([1, 2, 30, 5_000])}
            assert max(each.at(**values) for each in kept) == max(each.at(**values) for each in lines)
    assert dropped > 100


def test_of_lines_the_corners_are_kept() -> None:
    lines = [k * n + 100 - k * k for k in range(11)]
    assert len(envelope(lines, {"n": (1, float("inf"))})) == 10  # that of slope 0 is below that of slope 1 from 1 on
    assert envelope([5 * n * m + 3, 4 * n * m + 90, 3 * n * m + 6], {}) == [5 * n * m + 3, 4 * n * m + 90]
    assert str(extremum(envelope([n + 1, n + 7, n + 2], {}), 1)) == "n + 7"
