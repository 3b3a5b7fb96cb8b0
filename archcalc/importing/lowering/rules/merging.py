"""Sums, products and concatenations."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import WEIGHT, Operation, Value


@lowers("add", "add_", "__add__", "__iadd__", "__radd__", takes="input other alpha")
def add(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, other = given["input"], given["other"]
    if given.get("alpha", 1) != 1:
        return False
    if lowering.is_placed(x, other):
        return together(lowering, x, other) and lowering.place(operation, layer("add"), [x, other])
    x, other = (x, other) if lowering.is_placed(x) else (other, x)
    return learned(lowering, operation, x, other, "position_embedding")


@lowers("mul", "mul_", "multiply", "__mul__", "__imul__", "__rmul__", takes="input other")
def mul(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, other = given["input"], given["other"]
    if lowering.is_placed(x, other):
        return together(lowering, x, other) and lowering.place(operation, layer("mul"), [x, other])
    x, other = (x, other) if lowering.is_placed(x) else (other, x)
    if isinstance(other, int | float) and not isinstance(other, bool):
        return lowering.place(operation, layer("scale", factor=float(other)), [x])
    return learned(lowering, operation, x, other, "layer_scale")


@lowers("div", "div_", "__truediv__", "__itruediv__", "true_divide", takes="input other rounding_mode")
def div(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """By a number whose inverse is exact: a power of two."""
    x, other = given["input"], given["other"]
    if given.get("rounding_mode") or isinstance(other, bool) or not isinstance(other, int | float) or not other:
        return False
    return float(1 / other) * other == 1 and lowering.place(operation, layer("scale", factor=1 / other), [x])


def learned(lowering: Lowering, operation: Operation, x: object, weight: object, name: str) -> bool:
    """With a weight that all samples share."""
    if not isinstance(x, Value) or not isinstance(weight, Value) or weight.kind != WEIGHT:
        return False
    return lowering.place(operation, layer(name), [x], {"weight": weight})


def together(lowering: Lowering, *values: Value) -> bool:
    """Whether the batch is the same axis of all, so that items meet items."""
    return (
        len({lowering.program.batch in each.shape and each.shape.index(lowering.program.batch) for each in values}) == 1
    )


@lowers("cat", "concat", "concatenate", takes="tensors dim")
def cat(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along the features; or learned tokens in front of a sequence."""
    tensors, axis = given["tensors"], given.get("dim", given.get("axis", 0))
    if len(tensors) == 1 and lowering.is_placed(tensors[0]):
        return lowering.same(operation.makes[0], tensors[0])
    if all(lowering.is_placed(each) for each in tensors):
        rank = len(tensors[0].shape)
        volumes = [lowering.volume(each) for each in tensors]
        features = rank - 1 if volumes[0].channels_last else 1
        if rank != volumes[0].rank + 2 or axis % rank != features or not lowering.is_batch_first(tensors[0]):
            return False
        return lowering.place(operation, layer("concat"), list(tensors))
    return tokens_in_front(lowering, operation, tensors, axis)


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
