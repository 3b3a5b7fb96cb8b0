"""Conditions: requirements on a layer's arguments, each with the message for when it is violated."""

from collections.abc import Iterator
from typing import TypeAlias

from archcalc.core.dim import Condition, Dim

Requirement: TypeAlias = tuple[Condition, str]


def one_for_each_axis(rank: int, **given: object) -> Iterator[Requirement]:
    """Arguments that are lists have one entry for each of `rank` spatial axes.

    >>> list(one_for_each_axis(2, stride=(1, 2, 3), dilation=1))
    [(False, 'stride has 3 entries, the input has 2 spatial axes')]
    """
    for name, value in given.items():
        if isinstance(value, tuple):
            axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
            entries = "1 entry" if len(value) == 1 else f"{len(value)} entries"
            yield len(value) == rank, f"{name} has {entries}, the input has {axes}"


def at_least(least: int, **given: Dim | tuple[Dim, ...]) -> Iterator[Requirement]:
    """Every argument, and every entry of it, is at least `least`.

    >>> list(at_least(1, stride=(2, 0)))
    [(True, 'stride must be at least 1, got 2'), (False, 'stride must be at least 1, got 0')]
    """
    for name, value in given.items():
        for each in value if isinstance(value, tuple) else (value,):
            yield each >= least, f"{name} must be at least {least}, got {each}"
