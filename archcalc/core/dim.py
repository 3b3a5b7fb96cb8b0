"""Dimensions: the numbers that formulas compute with.

A formula uses `+ - * //` and the functions below, and never tests which kind of number it has. The same line serves
plain ints and closed forms in free symbols. A `Dim` is an int or an expression (archcalc/sym). To the type checker it
is an int, because formulas treat it as one.
"""

from collections.abc import Iterable, Mapping
from math import prod as product
from typing import TYPE_CHECKING, TypeAlias, cast

from archcalc.core.catalogue import Late
from archcalc.sym.expr import Claim, Expr, claim, expression, largest, least, symbol, total, volume

if TYPE_CHECKING:
    from archcalc.sym import tally
else:
    tally = Late("archcalc.sym.tally")

Dim: TypeAlias = int
"""A whole number, or an expression in free symbols."""

PerAxis: TypeAlias = Dim | tuple[Dim, ...]
Condition: TypeAlias = bool | Claim
"""True or false; a claim if it depends on free symbols."""


def free(name: str) -> Dim:
    """A free dimension."""
    return cast(Dim, symbol(name))


def is_number(*dims: object) -> bool:
    """Whether all are plain numbers, so that loops over them are possible."""
    for dim in dims:  # noqa: SIM110  asked of every volume: half the time of `all`
        if not isinstance(dim, int):
            return False
    return True


def number_at(dim: Dim, values: Mapping[str, int]) -> int:
    """The value of a dimension for values of its symbols.

    >>> number_at(free("H") // 2, {"H": 9}), number_at(7, {})
    (4, 7)
    """
    return dim if is_number(dim) else cast(Expr, dim).at(**values)


def maximum(*dims: Dim) -> Dim:
    """
    >>> maximum(2, 3), str(maximum(free("n"), 0))
    (3, 'max(0, n)')
    """
    return max(dims) if is_number(*dims) else cast(Dim, largest(*dims))


def minimum(*dims: Dim) -> Dim:
    return min(dims) if is_number(*dims) else cast(Dim, least(*dims))


def same(a: Dim, b: Dim) -> Condition:
    """Whether two dimensions are equal.

    >>> same(3, 3), str(same(2 * (free("H") // 2), free("H")))
    (True, '-H + 2·⌊H/2⌋ = 0')
    """
    return a == b if is_number(a, b) else claim(expression(a) - b, "==")


def prod(dims: Iterable[Dim]) -> Dim:
    """The product. With symbols its factors are not expanded, so that equal costs add up.

    >>> prod((3, 4)), str(prod((free("H") - 4, free("W") - 4)))
    (12, '(H - 4)·(W - 4)')
    """
    factors = tuple(dims)
    return product(factors) if is_number(*factors) else cast(Dim, volume(*factors))


def summed(dims: Iterable[Dim]) -> Dim:
    """The sum of many dimensions, computed in one pass.

    >>> summed([3, 4]), str(summed([free("H"), 4, free("H")]))
    (7, '2·H + 4')
    """
    parts = list(dims)
    return sum(parts) if is_number(*parts) else cast(Dim, total(parts))


def running_sum(dims: Iterable[Dim]) -> Dim:
    """Nothing, to which numbers like these are added and taken away with `+=` and `-=`; `+ 0` is what it is then.

    >>> alive = running_sum([free("H")])
    >>> alive += 2 * free("H")
    >>> alive -= free("H")
    >>> str(alive + 0)
    'H'
    """
    return 0 if is_number(*dims) else cast(Dim, tally.Tally())


def per_axis(value: PerAxis, rank: int) -> tuple[Dim, ...]:
    """One value repeated for `rank` axes; a tuple unchanged.

    >>> per_axis(3, 2)
    (3, 3)
    """
    return value if isinstance(value, tuple) else (value,) * rank


def ceil_div(n: Dim, divisor: Dim) -> Dim:
    """n / divisor, rounded up.

    >>> ceil_div(7, 2)
    4
    """
    return -(-n // divisor)


def exact(n: Dim, divisor: Dim) -> Dim:
    """n / divisor where `requires` guarantees divisibility, so that the closed form has no floor.

    >>> exact(256, 4)
    64
    """
    return n // divisor


def divides(divisor: Dim, n: Dim) -> Condition:
    """Whether `divisor` divides `n`.

    >>> divides(4, 10)
    False
    """
    return same(n % divisor, 0) if not is_number(divisor) or divisor > 0 else False
