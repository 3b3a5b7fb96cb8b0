"""Gaps: how a part of a larger tensor lies in memory, and as which axes it can be seen without a copy.

`Steps` are the axes of a tensor in their order, each with its length and with how many elements lie from one to the
next. Whatever cuts a part out of another changes a length or a step; whatever reads the part either goes by these, or
needs it as other axes, which torch can see where the steps allow it (`computeStride` in aten/src/ATen/TensorUtils.cpp).
"""

from collections.abc import Sequence
from typing import TypeAlias

from archcalc.core.dim import Dim, is_number, prod
from archcalc.record import record

Steps: TypeAlias = tuple[tuple[Dim, Dim], ...]


def dense(shape: Sequence[Dim]) -> Steps:
    """The steps of a tensor without gaps.

    >>> dense((2, 3, 4))
    ((2, 12), (3, 4), (4, 1))
    """
    found: list[tuple[Dim, Dim]] = []
    step: Dim = 1
    for n in reversed(shape):
        found.insert(0, (n, step))
        step = step * n
    return tuple(found)


def runs(steps: Steps) -> Steps:
    """The same with axes that follow each other without a gap as one; those of length 1 have no step.

    >>> runs(((2, 12), (1, 7), (2, 4), (4, 1)))
    ((2, 12), (8, 1))
    """
    found: list[tuple[Dim, Dim]] = []
    for n, step in reversed(steps):
        if n == 1:
            continue
        if found and step == found[0][0] * found[0][1]:
            found[0] = (n * found[0][0], found[0][1])
        else:
            found.insert(0, (n, step))
    return tuple(found)


def has_gaps(steps: Steps) -> bool:
    """Whether it is no tensor that is contiguous.

    >>> has_gaps(((1, 12), (2, 4), (4, 1))), has_gaps(((2, 12), (2, 4), (4, 1)))
    (False, True)
    """
    left = runs(steps)
    return len(left) > 1 or any(step != 1 for _, step in left)


def is_seen_as(steps: Steps, shape: Sequence[Dim]) -> bool:
    """Whether it can be seen as axes of these lengths.

    >>> cut = ((2, 12), (2, 4), (4, 1))
    >>> is_seen_as(cut, (2, 8)), is_seen_as(cut, (4, 4)), is_seen_as(((2, 12), (1, 4), (4, 1)), (2, 4))
    (True, False, True)
    """
    lengths = [n for n in shape if n != 1]
    for n, _ in reversed(runs(steps)):
        held: Dim = 1
        while held != n:
            if not lengths:
                return False
            held = held * lengths.pop()
    return True


def seen_as(steps: Steps, shape: Sequence[Dim]) -> Steps | None:
    """Its steps as axes of these lengths; None where it cannot be seen so, or where the lengths are no numbers.

    >>> seen_as(((2, 12), (2, 4), (4, 1)), (2, 2, 2, 2))
    ((2, 12), (2, 4), (2, 2), (2, 1))
    """
    if tuple(n for n, _ in steps) == tuple(shape):
        return steps
    if not is_number(*shape, *(n for n, _ in steps)) or not is_seen_as(steps, shape):
        return None
    left, found = [*runs(steps)], list[tuple[Dim, Dim]]()
    for n in reversed(shape):
        if n == 1:
            found.insert(0, (1, 1))
            continue
        held, step = left.pop()
        found.insert(0, (n, step))
        if held != n:
            left.append((held // n, step * n))
    return tuple(found)


@record
class Cut:
    """Some elements along an axis of `shape`, the number of which is `place`: `count` of them, each `step`th; of one,
    the axis may be `gone`."""

    shape: tuple[Dim, ...]
    place: int
    count: Dim
    step: Dim = 1
    gone: bool = False

    @property
    def is_all(self) -> bool:
        return self.count == self.shape[self.place]

    def count_of(self, numel: Dim) -> Dim | None:
        """How many elements along the axis a part has, by the number of all its elements: where a tensor is divided,
        parts may differ. None where that is not known."""
        others = prod((*self.shape[: self.place], *self.shape[self.place + 1 :]))
        if numel == others * self.count:
            return self.count
        return numel // others if is_number(numel, others) else None

    def of(self, steps: Steps, count: Dim) -> Steps:
        """The steps of the part, with `count` elements along the axis, of what has these steps."""
        _, step = steps[self.place]
        cut = () if self.gone else ((count, step * self.step),)
        return (*steps[: self.place], *cut, *steps[self.place + 1 :])
