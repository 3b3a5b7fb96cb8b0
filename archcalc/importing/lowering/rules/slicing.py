"""Parts of a value: ranges, single elements, pieces."""

from typing import Any

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import settle, then, turned, with_shape
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import Operation, Value


def part(lowering: Lowering, operation: Operation, step: Step, axis: int, begin: int, end: int) -> Step | None:
    """The elements from `begin` up to `end` of an axis of a sample; None if no layer does that."""
    volume = step.volume
    size = volume.item_shape[axis]
    if (begin, end) == (0, size):
        return step
    if axis not in (0, volume.rank) or not 0 <= begin < end <= size:
        return None
    whole = turned(lowering, operation, step, last=axis == volume.rank)
    return then(lowering, operation, layer("channels", begin=begin, end=None if end == size else end), whole)


def one(lowering: Lowering, operation: Operation, x: Value, axis: int, index: int, makes: Value) -> bool:
    """One element of an axis of a sample, without that axis."""
    step = lowering.at[x]
    if step.volume.rank == 1 and axis == 0 and step.volume.channels_last and step.volume.is_floating:
        return settle(lowering, operation, then(lowering, operation, layer("select", index=index), step), makes)
    found = part(lowering, operation, step, axis, index, index + 1)
    return found is not None and settle(lowering, operation, with_shape(lowering, operation, found, makes), makes)


@lowers("chunk", takes="input chunks dim")
def chunk(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return pieces(lowering, operation, given)


@lowers("split", "tensor_split", "split_with_sizes", takes="input sizes dim")
def split(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return pieces(lowering, operation, given)


def pieces(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Ranges of an axis, one after the other."""
    x, axis = given["input"], given.get("dim", 0)
    if not lowering.is_placed(x) or (inner := lowering.axis(x, axis)) is None:
        return False
    begin, ends = 0, []
    for made in operation.makes:
        ends.append((begin, begin + made.shape[axis]))
        begin = ends[-1][1]
    parts = [part(lowering, operation, lowering.at[x], inner, *each) for each in ends]
    return all(parts) and all(
        settle(lowering, operation, each, made)
        for each, made in zip(parts, operation.makes, strict=True)
        if lowering.is_read(made)
    )


@lowers("unbind", takes="input dim")
def unbind(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Every element of an axis."""
    x = given["input"]
    if not lowering.is_placed(x) or (inner := lowering.axis(x, given.get("dim", 0))) is None:
        return False
    return all(
        one(lowering, operation, x, inner, i, made) for i, made in enumerate(operation.makes) if lowering.is_read(made)
    )


@lowers("select", takes="input dim index")
def select(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, index = given["input"], given["index"]
    if not lowering.is_placed(x) or not isinstance(index, int) or (inner := lowering.axis(x, given["dim"])) is None:
        return False
    return one(lowering, operation, x, inner, index % x.shape[given["dim"]], operation.makes[0])


@lowers("narrow", takes="input dim start length")
def narrow(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, begin, length = given["input"], given["start"], given["length"]
    if not lowering.is_placed(x) or not isinstance(begin, int) or (inner := lowering.axis(x, given["dim"])) is None:
        return False
    begin %= x.shape[given["dim"]]
    return settle(lowering, operation, part(lowering, operation, lowering.at[x], inner, begin, begin + length))


@lowers("__getitem__", takes="input index")
def getitem(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Ranges and single elements of axes, and new axes of length 1."""
    x = given["input"]
    if not lowering.is_placed(x):
        return False
    index = full(given["index"], len(x.shape))
    if index is None:
        return False
    chosen = [(i, each) for i, each in enumerate(index) if each != slice(None)]
    if len(chosen) == 1 and isinstance(chosen[0][1], int) and None not in listed(given["index"]):
        axis, element = chosen[0]
        inner = lowering.axis(x, axis)
        return inner is not None and one(lowering, operation, x, inner, element % x.shape[axis], operation.makes[0])
    step: Step | None = lowering.at[x]
    for axis, each in chosen:
        inner, size = lowering.axis(x, axis), x.shape[axis]
        bounds = (each % size, each % size + 1, 1) if isinstance(each, int) else each.indices(size)
        if inner is None or bounds[2] != 1 or step is None:
            return False
        step = part(lowering, operation, step, inner, *bounds[:2])
    if step is None:
        return False
    return settle(lowering, operation, with_shape(lowering, operation, step, operation.makes[0]))


def listed(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def full(index: Any, rank: int) -> list[Any] | None:
    """The range or element of every axis, without new axes; None if it reads values or lists.

    >>> full((Ellipsis, 0), 3), full((slice(None), None), 1)
    ([slice(None, None, None), slice(None, None, None), 0], [slice(None, None, None)])
    """
    given = [each for each in listed(index) if each is not None]
    if not all(each is Ellipsis or (isinstance(each, slice | int) and not isinstance(each, bool)) for each in given):
        return None
    bounds = [n for each in given if isinstance(each, slice) for n in (each.start, each.stop, each.step)]
    if not all(n is None or isinstance(n, int) for n in bounds):
        return None
    rest = [slice(None)] * (rank - sum(each is not Ellipsis for each in given))
    at = next((i for i, each in enumerate(given) if each is Ellipsis), len(given))
    return [*given[:at], *rest, *given[at + 1 :]]
