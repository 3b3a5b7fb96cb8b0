"""Chosen elements of an axis, whose numbers the code has: parts of it, side by side."""

from collections.abc import Sequence
from typing import Any

from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.lowering import Lowering
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation, Value

MOST_PARTS = 16
"""The most parts of an axis that are written side by side."""


@lowers("index_select", takes="input dim index")
def index_select(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, index = given["input"], given["index"]
    numbers = numbers_of(lowering, index)
    return numbers is not None and chosen(lowering, operation, x, given["dim"], numbers)


def of_a_list(lowering: Lowering, operation: Operation, x: Value, index: Any) -> bool:
    """`x[:, [0, 3, 5]]`: a list of elements of one axis, and all of the others."""
    given = of_every_axis(listed(index), len(x.shape))
    each_axis: list[Any] = [numbers_of(lowering, each) if isinstance(each, Value) else each for each in given]
    lists = [i for i, each in enumerate(each_axis) if isinstance(each, tuple)]
    others = [each for each in each_axis if not isinstance(each, tuple)]
    if len(lists) != 1 or not all(isinstance(each, slice) and each == slice(None) for each in others):
        return False
    return chosen(lowering, operation, x, lists[0], each_axis[lists[0]])


def listed(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def of_every_axis(given: Sequence[Any], rank: int) -> list[Any]:
    """An index with all elements of the axes that it leaves out, or stands three dots for.

    >>> of_every_axis((Ellipsis, 0), 3)
    [slice(None, None, None), slice(None, None, None), 0]
    """
    dots = [i for i, each in enumerate(given) if each is Ellipsis]
    at = dots[0] if dots else len(given)
    return [*given[:at], *[slice(None)] * (rank - len(given) + len(dots)), *given[at + 1 :]]


def numbers_of(lowering: Lowering, index: Value) -> tuple[int, ...] | None:
    """The whole numbers of a list that the code has as a tensor; a condition is none."""
    is_list = len(index.shape) == 1 and index.dtype.startswith("int")
    return lowering.program.integers(index) if is_list else None


def chosen(lowering: Lowering, operation: Operation, x: Value, axis: int, elements: Sequence[Any]) -> bool:
    """These elements of an axis of a sample."""
    if not lowering.is_placed(x) or not all(type(each) is int for each in elements) or not elements:
        return False
    axis %= len(x.shape)
    found = runs([each % x.shape[axis] for each in elements])
    if lowering.axis(x, axis) is None or len(found) > MOST_PARTS:
        return False
    write, y = Writing(lowering, operation), operation.makes[0]
    before = (slice(None),) * axis
    parts = []
    for first, last in found:
        shape = (*x.shape[:axis], last - first, *x.shape[axis + 1 :])
        whole = y if len(found) == 1 else None
        parts.append(write("__getitem__", x, (*before, slice(first, last)), shape=shape, makes=whole))
    if len(found) > 1:
        write("cat", tuple(parts), axis, shape=y.shape, makes=y)
    return write.is_placed()


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Numbers that follow one another, as the first one and the one behind the last.

    >>> runs([0, 1, 2, 5, 3])
    [(0, 3), (5, 6), (3, 4)]
    """
    found: list[tuple[int, int]] = []
    for each in numbers:
        if found and found[-1][1] == each:
            found[-1] = found[-1][0], each + 1
        else:
            found.append((each, each + 1))
    return found
