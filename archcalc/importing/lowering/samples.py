"""The axes of one sample: those of a value without the batch, which may be anywhere, and folded into another axis.

In a run of one sample the batch is a first axis of length 1, and a value without such an axis is a sample itself.
"""

from collections.abc import Sequence
from math import prod

from archcalc.importing.program import ONE, Value


def batch_axis(value: Value, batch: int) -> int | None:
    """The axis that the batch is in; None if it is in none, or in several."""
    if batch == ONE:
        return 0 if value.shape[:1] == (ONE,) else None
    found = [i for i, n in enumerate(value.shape) if n and n % batch == 0]
    return found[0] if len(found) == 1 else None


def item_shape(value: Value, batch: int) -> tuple[int, ...] | None:
    """The shape of one sample; None if the batch is in no axis, or in several.

    >>> from archcalc.importing.program import MADE
    >>> item_shape(Value(MADE, (7, 1009, 3)), 1009), item_shape(Value(MADE, (64 * 1009, 3)), 1009)
    ((7, 3), (64, 3))
    """
    at = batch_axis(value, batch)
    if at is None:
        return value.shape if batch == ONE else None
    here = () if value.shape[at] == batch else (value.shape[at] // batch,)
    return (*value.shape[:at], *here, *value.shape[at + 1 :])


def is_shared(value: Value, batch: int) -> bool:
    """Whether all samples have the same value, and it has no axis for them."""
    return not value.varies and not any(n and n % batch == 0 for n in value.shape)


def shape_of_sample(value: Value, batch: int) -> tuple[int, ...] | None:
    """As `item_shape`; what all samples share is whole."""
    return value.shape if is_shared(value, batch) else item_shape(value, batch)


def item_axis(value: Value, axis: int, batch: int) -> int | None:
    """The axis of one sample that an axis of a value is; None for the one that has the batch."""
    at, axis = batch_axis(value, batch), axis % len(value.shape)
    if at is None and batch == ONE:
        return axis
    if at is None or axis == at:
        return None
    return axis - (axis > at and value.shape[at] == batch)


def item_order(value: Value, order: Sequence[int], batch: int) -> tuple[int, ...]:
    """A permutation of the axes of a value, as one of the axes of a sample."""
    at = batch_axis(value, batch)
    if at is None or value.shape[at] != batch:
        return tuple(order)
    return tuple(each - (each > at) for each in order if each != at)


def slower_than_batch(before: Value, slow: int, after: Value, batch: int) -> int | None:
    """After a reshape: how many elements of the batch's axis run slower than the batch; None if it has no axis.

    `slow`: the same before it.
    """
    was, at = batch_axis(before, batch), batch_axis(after, batch)
    if batch == ONE:
        return 1
    if was is None or at is None:
        return None
    outer, outside = prod(before.shape[:was]) * slow, prod(after.shape[:at])
    inside = after.shape[at] // batch
    return outer // outside if outer % outside == 0 and inside % (outer // outside) == 0 else None
