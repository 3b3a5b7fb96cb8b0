"""Concatenations."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import WEIGHT, Operation, Value


@lowers("cat", "concat", "concatenate", takes="tensors dim")
def cat(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along the features; or learned tokens in front of a sequence."""
    tensors, axis = given["tensors"], given.get("dim", given.get("axis", 0))
    if len(tensors) == 1 and lowering.is_placed(tensors[0]):
        return lowering.same(operation.makes[0], tensors[0])
    if all(lowering.is_placed(each) for each in tensors):
        return along_features(lowering, operation, tensors, axis)
    return tokens_in_front(lowering, operation, tensors, axis)


def along_features(lowering: Lowering, operation: Operation, tensors: tuple[Value, ...], axis: int) -> bool:
    """Along the first or the last axis of a sample, which holds the features then."""
    if len({len(each.shape) for each in tensors}) != 1 or not lowering.are_together(*tensors):
        return False
    inner, rank = lowering.axis(tensors[0], axis), lowering.volume(tensors[0]).rank
    if inner not in (0, rank):
        return False
    steps = [turned(lowering, operation, each, last=inner == rank) for each in tensors]
    if tensors[0] in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[tensors[0]]
    return lowering.place(operation, layer("concat"), steps)


def tokens_in_front(lowering: Lowering, operation: Operation, tensors: tuple[object, ...], axis: int) -> bool:
    if len(tensors) != 2 or axis != 1 or not lowering.is_placed(tensors[1]):
        return False
    token, x = tensors
    maker = token.maker if isinstance(token, Value) else None
    if maker is None or maker.function not in ("expand", "repeat", "expand_as") or not isinstance(x, Value):
        return False
    weight = maker.arguments[0]
    if weight.kind != WEIGHT or len(weight.shape) != 3:
        return False
    return lowering.place(operation, layer("class_token", count=weight.shape[1]), [x], {"weight": weight})
