"""Isolating a symbol, compared with all values in reach."""

from itertools import product

import pytest

from archcalc.sym.expr import Expr, largest, symbol
from archcalc.sym.isolate import isolated

X, Y, Z = symbol("x"), symbol("y"), symbol("z")

SOLVED = [
    X - Y,
    2 * Y - X,
    X - 3 * Y + 2,
    (X + 1) // 2 - Y,
    (X + 1) // 2 - 3 * Y,
    X // 4 - Y - Y // 2,
    X - (5 * Y + 3) // 2 + 1,
    (X + 2) // 3 - (7 * Y + X) // 3,
    X * Z // 4 - Y,
    -X + Y + Y // 2 + Z,
    X - Y - (Y + Z) // 2,
]

OPEN = [
    X - (Y + 1) // 2,
    (X + 2) // 3 - (Y + 1) // 2,
    X - Y * Y,
    X - Y * Z,
    X - Y // 2 - Y // 3,
    X - 2 * Y + Y // 3,
    X - largest(Y, 3),
    X - Y // Z,
    X - Z,
]


@pytest.mark.parametrize("left", SOLVED, ids=str)
def test_the_only_value_that_can_be_right_is_found(left: Expr) -> None:
    found = isolated(left, "y")
    assert found is not None
    assert "y" not in found.symbols()
    for x, z in product(range(1, 30), range(1, 6)):
        right = [y for y in range(1, 60) if left.at(x=x, y=y, z=z) == 0]
        assert right in ([], [found.at(x=x, z=z)]), (x, z)
        value = found.at(x=x, z=z)
        assert (left.at(x=x, y=value, z=z) == 0) == (right == [value]) or value < 1


@pytest.mark.parametrize("left", OPEN, ids=str)
def test_where_several_values_may_be_right_none_is_found(left: Expr) -> None:
    assert isolated(left, "y") is None
