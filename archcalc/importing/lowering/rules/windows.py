"""Windows of a map as columns, and back; windows along one axis."""

from archcalc.importing.lowering.calls import between, call, in_order
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import first
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.convolutions import short
from archcalc.importing.program import Operation

MOST_WINDOWS = 32
"""The most windows along an axis that are taken one by one."""


@lowers("unfold", takes="input kernel_size dilation padding stride")
def unfold(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The function takes its arguments by name; the method of the same name, which has others, does not."""
    if len(operation.arguments) == 4:
        return along_axis(lowering, operation)
    if not lowering.is_placed(given["input"]) or not lowering.is_batch_first(given["input"]):
        return False
    made = layer("unfold", **sliding(given))
    return lowering.place(operation, made, [first(lowering, operation, given["input"])])


@lowers("fold", takes="input output_size kernel_size dilation padding stride")
def fold(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    if not lowering.is_placed(given["input"]) or not lowering.is_batch_first(given["input"]):
        return False
    made = layer("fold", output_size=short(given["output_size"]), **sliding(given))
    return lowering.place(operation, made, [first(lowering, operation, given["input"])])


def sliding(given: Arguments) -> dict[str, object]:
    return {key: short(given[key]) for key in ("kernel_size", "dilation", "padding", "stride") if key in given}


def along_axis(lowering: Lowering, operation: Operation) -> bool:
    """Parts of an axis side by side, each of which becomes the last axis."""
    x, axis, size, step = operation.arguments
    if not lowering.is_placed(x) or not all(isinstance(n, int) for n in (axis, size, step)):
        return False
    axis %= len(x.shape)
    count = operation.makes[0].shape[axis]
    if count > MOST_WINDOWS:
        return False
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    parts = [
        between(lowering, operation, "narrow", x, axis, i * step, size, shape=(*before, size, *after))
        for i in range(count)
    ]
    stacked = between(lowering, operation, "stack", tuple(parts), axis, shape=(*before, count, size, *after))
    last = call(operation, "movedim", stacked, axis + 1, -1, makes=operation.makes)
    return in_order(lowering, *parts, stacked, last=last)
