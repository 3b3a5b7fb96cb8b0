"""Whole numbers that code computes with: they are numbers to layers, until a table reads them."""

from typing import Any

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import then
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import MADE, Operation, Value


def is_whole(value: object) -> bool:
    """Whether a value has whole numbers or conditions."""
    return isinstance(value, Value) and not value.dtype.startswith(("float", "bfloat", "complex"))


def as_numbers(lowering: Lowering, operation: Operation, value: Any) -> Any:
    """Integers as numbers; everything else as it is."""
    if not isinstance(value, Value) or not lowering.is_placed(value) or not lowering.volume(value).is_ids:
        return value
    step = then(lowering, operation, layer("cast", to="float"), lowering.at[value])
    if step is None:
        return value
    found = Value(MADE if value.varies else value.kind, value.shape, value.dtype, maker=operation)
    lowering.readers[found] = [operation]
    lowering.give(found, step)
    return found


def as_integers(lowering: Lowering, operation: Operation, value: Value) -> Step:
    """The step of whole numbers that a table reads."""
    step = lowering.at[value]
    if step.volume.is_ids or not is_whole(value):
        return step
    return then(lowering, operation, layer("cast", to="int64"), step) or step
