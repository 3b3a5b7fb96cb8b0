"""Concatenations."""

from archcalc.core.axes import CHANNELS
from archcalc.importing.lowering.arranging import reshaped
from archcalc.importing.lowering.calls import call
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import axis_word, moved, turned
from archcalc.importing.lowering.rule import Arguments, lower, lowers
from archcalc.importing.program import WEIGHT, Operation, Value


@lowers("cat", "concat", "concatenate", takes="tensors dim")
def cat(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along an axis; or learned tokens in front of a sequence."""
    tensors, axis = given["tensors"], given.get("dim", given.get("axis", 0))
    tensors = tuple(each for each in tensors if not isinstance(each, Value) or 0 not in each.shape)
    if len(tensors) == 1 and lowering.is_placed(tensors[0]):
        return lowering.same(operation.makes[0], tensors[0])
    if all(lowering.is_placed(each) for each in tensors):
        return along(lowering, operation, tensors, axis)
    return tokens_in_front(lowering, operation, tensors, axis)


@lowers("hstack", "column_stack", takes="tensors")
def hstack(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along the first axis of a sample."""
    return all(len(each.shape) > 1 for each in given["tensors"]) and lower(
        lowering, call(operation, "cat", given["tensors"], 1, makes=operation.makes)
    )


def along(lowering: Lowering, operation: Operation, tensors: tuple[Value, ...], axis: int) -> bool:
    """Along an axis of a sample: the features, where it is the first or the last one and no other way fits."""
    if len({len(each.shape) for each in tensors}) != 1 or not lowering.are_together(*tensors):
        return False
    inner = lowering.axis(tensors[0], axis)
    if inner is None:
        return one_batch_after_the_other(lowering, operation, tensors)
    whole = lowering.volume(tensors[0]).channels_last
    steps = [turned(lowering, operation, each, last=whole) for each in tensors]
    word = axis_word(steps[0].volume, inner)
    if tensors[0] in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[tensors[0]]
    return lowering.place(operation, layer("concat", axis=None if word == CHANNELS else word), steps)


@lowers("stack", takes="tensors dim")
def stack(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along a new axis of a sample."""
    tensors, y = given["tensors"], operation.makes[0]
    if len(tensors) == 1:
        return lower(lowering, call(operation, "unsqueeze", tensors[0], given.get("dim", 0), makes=operation.makes))
    if not all(lowering.is_placed(each) for each in tensors) or not lowering.are_together(*tensors):
        return False
    inner = lowering.axis(y, given.get("dim", 0) % len(y.shape))
    return inner is not None and stacked(lowering, operation, tensors, inner)


def one_batch_after_the_other(lowering: Lowering, operation: Operation, tensors: tuple[Value, ...]) -> bool:
    """Along the axis of the batch: each sample has parts, which run slower than the batch."""
    alike = len({each.shape for each in tensors}) == 1 and all(map(lowering.is_batch_first, tensors))
    if not alike or not stacked(lowering, operation, tensors, 0):
        return False
    lowering.slow[operation.makes[0]] = len(tensors)
    return True


def stacked(lowering: Lowering, operation: Operation, tensors: tuple[Value, ...], inner: int) -> bool:
    """Along a new axis of a sample."""
    whole = lowering.volume(tensors[0]).channels_last
    steps = [turned(lowering, operation, each, last=whole) for each in tensors]
    if lowering.place(operation, layer("stack", axis=inner + 1), steps):
        return True
    shape = steps[0].volume.item_shape
    plan = reshaped(shape, (*shape[:inner], 1, *shape[inner:]))
    parts = [moved(lowering, operation, each, plan, last=inner > 0) for each in steps]
    word = axis_word(parts[0].volume, inner)
    return lowering.place(operation, layer("concat", axis=None if word == CHANNELS else word), parts)


def tokens_in_front(lowering: Lowering, operation: Operation, tensors: tuple[object, ...], axis: int) -> bool:
    if len(tensors) != 2 or axis != 1 or not lowering.is_placed(tensors[1]):
        return False
    token, x = tensors
    maker = token.maker if isinstance(token, Value) else None
    if maker is None or maker.function not in ("expand", "repeat", "expand_as") or not isinstance(x, Value):
        return False
    if lowering.only_reader(maker.makes[0]) is not operation:
        return False
    weight = maker.arguments[0]
    if weight.kind != WEIGHT or len(weight.shape) != 3:
        return False
    return lowering.place(operation, layer("class_token", count=weight.shape[1]), [x], {"weight": weight})
