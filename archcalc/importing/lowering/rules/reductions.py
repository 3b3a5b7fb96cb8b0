"""Reductions of axes: sums, means, extremes and norms; and what divides by a norm."""

from typing import Any

from archcalc.core.axes import Axes
from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import axis_word, settle, then, turned, word_along
from archcalc.importing.lowering.numbers import as_numbers
from archcalc.importing.lowering.rule import Arguments, lower, lowers
from archcalc.importing.lowering.rules.convolutions import per_axis
from archcalc.importing.program import Operation, Value
from archcalc.layer import Layer


def reduction(lowering: Lowering, x: Value, op: str, axes: Any, keep: bool) -> Layer | None:
    """The layer that reduces these axes; None if the batch is among them. Without axes, all are."""
    over = range(len(x.shape)) if axes is None else per_axis(axes, 1)
    places = [lowering.axis(x, each) for each in over]
    words = [axis_word(lowering.volume(x), each) for each in places if each is not None]
    if len(words) != len(places):
        return None
    return layer("reduce", op=op, axes=None if is_all_positions(lowering, x, places) else Axes(words), keep=keep)


def is_all_positions(lowering: Lowering, x: Value, places: list[int | None]) -> bool:
    """Whether these axes of a sample are all but that of the features."""
    volume = lowering.volume(x)
    return (
        bool(volume.rank)
        and not volume.plain
        and set(places) == set(range(volume.rank) if volume.channels_last else range(1, volume.rank + 1))
    )


def reduced(lowering: Lowering, operation: Operation, given: Arguments, op: str) -> bool:
    x = given["input"]
    if not lowering.is_placed(x) or given.get("dtype") or not lowering.volume(x).is_floating:
        return False
    axes = given.get("dim", given.get("axis"))
    made = reduction(lowering, x, op, axes, bool(given.get("keepdim", False)))
    return made is not None and lowering.place(operation, made, [x])


@lowers("mean", takes="input dim keepdim")
def mean(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The average over all positions is a pooling layer; over other axes, a reduction."""
    x, axes = given["input"], given.get("dim", given.get("axis"))
    if not lowering.is_placed(x) or axes is None or given.get("dtype"):
        return False
    rank, keeps = lowering.volume(x).rank, bool(given.get("keepdim", False))
    inner = {lowering.axis(x, each) for each in per_axis(axes, 1)}
    last = inner == set(range(rank))
    of_features = lowering.volume(x).channels_last and inner == {rank} and lowering.at[x] not in lowering.waiting
    if rank and not of_features and (last or inner == set(range(1, rank + 1))):
        pooled = layer("global_avgpool", keepdim=keeps)
        if lowering.place(operation, pooled, [turned(lowering, operation, x, last)]):
            return True
    return reduced(lowering, operation, given, "mean")


BY_NAME = {"sum": "sum", "amax": "max", "amin": "min", "logsumexp": "logsumexp"}
"""Reductions that differ in nothing but their names, here and there."""


@lowers(*BY_NAME, takes="input dim keepdim")
def by_name(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return reduced(lowering, operation, given, BY_NAME[operation.function])


@lowers("max", "min", takes="input dim keepdim")
def extreme(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along one axis, if nothing reads where the extremes are; of two values, the larger or the smaller."""
    x, other = given["input"], given.get("dim")
    if isinstance(other, Value):
        name = "maximum" if operation.function == "max" else "minimum"
        return lowering.are_together(x, other) and lowering.place(operation, layer(name), [x, other])
    if other is None or any(lowering.is_read(each) for each in operation.makes[1:]):
        return False
    return reduced(lowering, operation, given, operation.function)


@lowers("any", "all", takes="input dim keepdim")
def of_conditions(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of conditions as 0 and 1: the largest, or the smallest."""
    known = isinstance(given["input"], Value) and given["input"].dtype == "bool"
    return known and reduced(lowering, operation, given, "max" if operation.function == "any" else "min")


@lowers("norm", "linalg_norm", "linalg_vector_norm", takes="input p dim keepdim")
def norm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The root of the sum of squares, or the sum of sizes."""
    order = given.get("p", given.get("ord", 2))
    x, axes = given["input"], given.get("dim", given.get("axis"))
    if order == 1 and isinstance(x, Value) and operation.function != "linalg_norm":
        write, keep = Writing(lowering, operation), bool(given.get("keepdim", False))
        sizes = write("abs", x, shape=x.shape)
        write("sum", sizes, axes, keep, shape=operation.makes[0].shape, makes=operation.makes[0])
        return axes is not None and write.is_placed()
    return order in (2, 2.0, "fro", None) and reduced(lowering, operation, given, "norm")


@lowers("std", takes="input dim unbiased keepdim")
def deviation(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    if is_biased(given) and isinstance(given["input"], Value):
        return from_mean(lowering, operation, given, operation.makes[0], ("square", "mean", "sqrt"))
    return is_usual(given) and reduced(lowering, operation, given, "std")


def is_biased(given: Arguments) -> bool:
    """Whether a deviation divides by n."""
    return given.get("unbiased") is False or given.get("correction") == 0


def from_mean(
    lowering: Lowering, operation: Operation, given: Arguments, makes: Value, functions: tuple[str, ...]
) -> bool:
    """What is computed from the differences to the mean along some axes."""
    x, axes, keep = given["input"], given.get("dim", given.get("axis")), bool(given.get("keepdim", False))
    if axes is None:
        return False
    write = Writing(lowering, operation)
    over = {each % len(x.shape) for each in per_axis(axes, 1)}
    ones = tuple(1 if i in over else n for i, n in enumerate(x.shape))
    found = write("sub", x, write("mean", x, axes, True, shape=ones), shape=x.shape)
    for function in functions:
        last = makes if function == functions[-1] else None
        shape = x.shape if function == "square" else makes.shape
        found = write(function, found, *((axes, keep) if function == "mean" else ()), shape=shape, makes=last)
    return write.is_placed()


@lowers("var_mean", "std_mean", takes="input dim unbiased keepdim")
def with_mean(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """A variance or a deviation, and the mean."""
    if not isinstance(given["input"], Value):
        return False
    first, second = operation.makes
    named = {key: each for key, each in given.items() if key != "input"}
    name = operation.function.removesuffix("_mean")
    one = Operation(name, (given["input"],), named, (first,), operation.module, operation.where)
    axes = {"dim": given.get("dim", given.get("axis")), "keepdim": bool(given.get("keepdim", False))}
    other = Operation("mean", (given["input"],), axes, (second,), operation.module, operation.where)
    return lowering.tried(lambda: all(lower(lowering, each) for each in (one, other)))


@lowers("var", takes="input dim unbiased keepdim")
def variance(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The square of the deviation."""
    x = given["input"]
    if is_biased(given) and isinstance(x, Value):
        return from_mean(lowering, operation, given, operation.makes[0], ("square", "mean"))
    if not lowering.is_placed(x) or not is_usual(given):
        return False
    made = reduction(lowering, x, "std", given.get("dim", given.get("axis")), bool(given.get("keepdim", False)))
    step = None if made is None else then(lowering, operation, made, lowering.at[x])
    return step is not None and settle(lowering, operation, then(lowering, operation, layer("square"), step))


@lowers("cumsum", takes="input dim")
def running_sum(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of numbers, or of conditions as 0 and 1."""
    x, axis = as_numbers(lowering, operation, given["input"]), given.get("dim", given.get("axis"))
    if not isinstance(x, Value) or not lowering.is_placed(x) or not isinstance(axis, int) or given.get("dtype"):
        return False
    word = word_along(lowering, x, axis)
    return word is not None and lowering.place(operation, layer("cumsum", axis=word), [x])


def is_usual(given: Arguments) -> bool:
    """Whether a deviation divides by n - 1."""
    return given.get("unbiased", True) is True and given.get("correction", 1) == 1


@lowers("normalize", takes="input p dim eps")
def normalize(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Divided by its norm along an axis, which is at least `eps`."""
    x = given["input"]
    if not lowering.is_placed(x) or given.get("p", 2.0) != 2:
        return False
    made, step = reduction(lowering, x, "norm", given.get("dim", 1), keep=True), lowering.at[x]
    length = None if made is None else then(lowering, operation, made, step)
    if length is None:
        return False
    bounded = then(lowering, operation, layer("clamp", min=float(given.get("eps", 1e-12))), length)
    return bounded is not None and settle(lowering, operation, then(lowering, operation, layer("div"), step, bounded))
