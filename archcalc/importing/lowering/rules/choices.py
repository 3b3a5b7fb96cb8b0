"""Choices by conditions: elements of one value or another, or a number in their place."""

from archcalc.importing.lowering.arranging import reshaped
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import aligned, moved, then, turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.arithmetic import backwards, is_number, met, number_of
from archcalc.importing.lowering.rules.conditions import of_numbers, of_whole
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import Operation, Value
from archcalc.layer import Numbers, Reference

MOST = 1e15
"""Numbers below this one are written in a spec."""


@lowers("where", takes="condition input other")
def where(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of two values, or a value and a number."""
    condition, two = given["condition"], [number_of(lowering, given.get(each)) for each in ("input", "other")]
    like = next((each for each in two if isinstance(each, Value) and lowering.is_placed(each)), None)
    known = all(is_number(each) or lowering.is_placed(each) for each in two)
    if like is None or not known or not lowering.is_placed(condition):
        return False
    steps = [with_axes_of(lowering, operation, each, like) for each in (condition, *two)]
    found = [each for each in steps if each is not None]
    return len(found) == 3 and lowering.place(operation, layer("where"), found)


@lowers("masked_fill", "masked_fill_", takes="input mask value")
def masked_fill(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """A number where a condition holds."""
    x, mask, fill = given["input"], given["mask"], number_of(lowering, given["value"])
    if not lowering.is_placed(x, mask) or not isinstance(fill, int | float):
        return False
    if abs(fill) >= MOST:
        return where(lowering, operation, {"condition": mask, "input": fill, "other": x})
    by = with_axes_of(lowering, operation, mask, x)
    made = layer("mask", by=Reference(""), fill=float(fill))
    return by is not None and lowering.place(operation, made, [turned(lowering, operation, x, last=True), by])


@lowers("gt", "__gt__", "greater", "lt", "__lt__", "less", takes="input other")
def compared(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """A condition that only chooses: a value that is above zero where it holds."""
    word = {"greater": "gt", "less": "lt"}.get(operation.function, operation.function.strip("_"))
    if of_whole(lowering, operation, given, word):
        return True
    if not only_chooses(lowering, operation.makes[0]):
        return of_numbers(lowering, operation, given, word)
    pair = [number_of(lowering, given[each]) for each in ("input", "other")]
    high, low = pair if word == "gt" else reversed(pair)
    if lowering.is_placed(high, low):
        return met(lowering, operation, "sub", high, low)
    if is_number(low) and lowering.is_placed(high):
        if not low:
            return lowering.same(operation.makes[0], high)
        return lowering.place(operation, layer("add_constant", value=-float(low)), [high])
    return is_number(high) and lowering.is_placed(low) and backwards(lowering, operation, "sub", float(high), low)


def only_chooses(lowering: Lowering, condition: Value) -> bool:
    """Whether all that reads a condition chooses by it."""
    readers = lowering.readers.get(condition, ())
    chooses = all(
        (each.function == "where" and each.arguments[:1] == (condition,))
        or (each.function in ("masked_fill", "masked_fill_") and each.arguments[1:2] == (condition,))
        for each in readers
    )
    return bool(readers) and chooses and condition not in lowering.program.outputs


def with_axes_of(lowering: Lowering, operation: Operation, value: object, like: Value) -> Step | None:
    """The step of a value with as many axes as another one, features last; of a number, that number as a value."""
    whole = turned(lowering, operation, like, last=True)
    if isinstance(value, int | float):
        return fixed_number(lowering, operation, float(value), whole)
    if value is like:
        return whole
    assert isinstance(value, Value)
    step = aligned(lowering, operation, value, like)
    if step is None or not lowering.are_together(value, like):
        return None
    shape, missing = step.volume.item_shape, whole.volume.rank - step.volume.rank
    if missing > 0:
        return moved(lowering, operation, step, reshaped(shape, (1,) * missing + shape), last=True)
    return turned(lowering, operation, step, last=True)


def fixed_number(lowering: Lowering, operation: Operation, number: float, like: Step) -> Step | None:
    """A number as a value with as many axes as another one; one that a spec cannot write comes with the weights."""
    size = (1,) * (like.volume.rank + 1)
    if abs(number) < MOST:
        step = then(lowering, operation, layer("constant", values=Numbers((number,)), size=size))
    else:
        step = then(lowering, operation, layer("fixed_values", size=size))
    if step is not None and step.kind == "fixed_values":
        step.numbers = lambda: (number,)
    return step and turned(lowering, operation, step, last=True)
