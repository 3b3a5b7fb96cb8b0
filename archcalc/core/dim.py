"""Dimensions: the numbers every formula is written in.

A formula uses `+ - * //` and the functions below and never asks what kind of number it holds, so that the same line
serves plain ints today and closed forms in free symbols.
"""

from collections.abc import Iterable
from math import prod as product
from typing import TypeAlias

Dim: TypeAlias = int
PerAxis: TypeAlias = Dim | tuple[Dim, ...]
Condition: TypeAlias = bool


def prod(dims: Iterable[Dim]) -> Dim:
    return product(dims)


def per_axis(value: PerAxis, rank: int) -> tuple[Dim, ...]:
    """Spread one value over `rank` axes; leave a tuple as it is.

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
    """n / divisor where `requires` has said that it divides, so that no floor is left in the closed form.

    >>> exact(256, 4)
    64
    """
    return n // divisor


def divides(divisor: Dim, n: Dim) -> Condition:
    """Whether `divisor` divides `n`.

    >>> divides(4, 10)
    False
    """
    return divisor > 0 and n % divisor == 0
