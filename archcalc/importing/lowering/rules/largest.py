"""The largest elements of an axis, and where the largest one is."""

from archcalc.core.axes import CHANNELS
from archcalc.importing.lowering.arranging import reshaped
from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import moved, turned, word_along
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation, Value


@lowers("topk", takes="input k dim largest sorted")
def topk(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along one axis, if nothing reads where they are. The smallest are the largest of what is negated."""
    x, values = given["input"], operation.makes[0]
    if not lowering.is_placed(x) or any(lowering.is_read(each) for each in operation.makes[1:]):
        return False
    axis = given.get("dim", -1)
    if given.get("largest", True):
        word = word_along(lowering, x, axis)
        return word is not None and lowering.place(operation, layer("topk", k=given["k"], axis=word), [x])
    write = Writing(lowering, operation)
    found = write("topk", write("neg", x, shape=x.shape), given["k"], axis, shape=values.shape)
    write("neg", found, shape=values.shape, makes=values)
    return write.is_placed()


@lowers("sort", "msort", takes="input dim descending")
def sort(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """All elements, the largest one first, or the other way round."""
    x, values = given["input"], operation.makes[0]
    if not lowering.is_placed(x) or any(lowering.is_read(each) for each in operation.makes[1:]):
        return False
    axis = given.get("dim", 0 if operation.function == "msort" else -1)
    write = Writing(lowering, operation)
    whole = values if given.get("descending") else None
    found = write("topk", x, x.shape[axis], axis, shape=x.shape, makes=whole)
    if whole is None:
        write("flip", found, axis, shape=x.shape, makes=values)
    return write.is_placed()


@lowers("argmax", takes="input dim keepdim")
def argmax(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The number of the largest feature at each position; of features without positions, at one."""
    x, axis = given["input"], given.get("dim")
    if not lowering.is_placed(x) or axis is None or given.get("keepdim"):
        return False
    inner = lowering.axis(x, axis)
    if inner is None or word_along(lowering, x, axis) != CHANNELS:
        return False
    step = turned(lowering, operation, x, last=inner > 0)
    if not step.volume.rank:
        features = step.volume.item_shape
        step = moved(lowering, operation, step, reshaped(features, (1, *features)), last=True)
    return lowering.place(operation, layer("argmax"), [step])


@lowers("argmin", takes="input dim keepdim")
def argmin(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Where what is negated is largest."""
    x = given["input"]
    if not isinstance(x, Value) or not x.dtype.startswith("float"):
        return False
    write, others = Writing(lowering, operation), (given.get("dim"), given.get("keepdim"))
    write("argmax", write("neg", x, shape=x.shape), *others, shape=operation.makes[0].shape, makes=operation.makes[0])
    return write.is_placed()
