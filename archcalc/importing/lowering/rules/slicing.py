"""Parts of a value: ranges, single elements, pieces."""

from collections.abc import Sequence
from math import inf
from typing import Any

from archcalc.core.axes import CHANNELS
from archcalc.importing.lengths import axis_of
from archcalc.importing.lowering.arranging import Arranging, permuted, reshaped
from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.frames import batches
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import (
    aligned,
    axis_word,
    before_it,
    forget,
    moved,
    settle,
    then,
    turned,
    with_shape,
)
from archcalc.importing.lowering.numbers import as_integers, as_numbers
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.elements import listed, of_a_list, of_every_axis
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import CONSTANT, Operation, Value
from archcalc.layer import Numbers, Reference, Sizes

ALL = slice(None)


def part(
    lowering: Lowering,
    operation: Operation,
    step: Step,
    axis: int,
    begin: int,
    end: int,
    stride: int = 1,
    said: slice = ALL,
    counted: bool = False,
) -> Step | None:
    """The elements from `begin` up to `end` of an axis of a sample; None if no layer does that. `said`: the bounds as
    the code has them, which may count from the end. `counted`: whether it names the axis by its number, and not as the
    last one."""
    volume = step.volume
    size = volume.item_shape[axis]
    if (begin, end, stride) == (0, size, 1):
        return step
    if not 0 <= begin < end <= size or stride < 1:
        return None
    word = axis_word(volume, axis)
    stated = type(said.stop) is int and begin > 0 and said.stop == end
    whole = end == size and (said.stop is None or (word != CHANNELS and not stated))
    if word == CHANNELS and stride == 1 and not (counted and volume.channels_last and volume.rank):
        return then(lowering, operation, layer("channels", begin=begin, end=None if whole else end), step)
    last = said.stop if said.stop is not None and said.stop < 0 else None if whole else end
    begin = said.start if said.start is not None and said.start < 0 else begin
    made = layer("slice", begin=begin, end=last, step=stride, axis=word)
    return then(lowering, operation, made, step)


def one(lowering: Lowering, operation: Operation, x: Value, axis: int, index: int, makes: Value) -> bool:
    """One element of an axis of a sample, without that axis."""
    found = element(lowering, operation, lowering.at[x], axis, index)
    if found is not None and x in lowering.slow:
        lowering.slow[makes] = lowering.slow[x]
    return settle(lowering, operation, found, makes)


def element(lowering: Lowering, operation: Operation, step: Step, axis: int, index: int) -> Step | None:
    """One element, without its axis; an index below zero counts from the end, at every size."""
    if not step.volume.rank or (step.volume.is_ids and len(step.volume.item_shape) == 1):
        place = index % step.volume.item_shape[axis]
        said = slice(index, index + 1 or None) if index < 0 else slice(place, place + 1)
        return part(lowering, operation, step, axis, place, place + 1, said=said)
    if step.volume.rank == 1 and axis == 0 and step.volume.channels_last:
        return then(lowering, operation, layer("select", index=index), step)
    return then(lowering, operation, layer("take", index=index, axis=axis_word(step.volume, axis)), step)


@lowers("chunk", takes="input chunks dim")
def chunk(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return pieces(lowering, operation, given)


@lowers("split", "tensor_split", "split_with_sizes", takes="input sizes dim")
def split(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return pieces(lowering, operation, given)


def pieces(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Ranges of an axis, one after the other."""
    x, axis = given["input"], given.get("dim", 0)
    if not lowering.is_placed(x):
        return False
    begin, ends = 0, []
    for made in operation.makes:
        ends.append((begin, begin + made.shape[axis]))
        begin = ends[-1][1]
    inner = lowering.axis(x, axis)
    if inner is None:
        read = [(made, each) for made, each in zip(operation.makes, ends, strict=True) if lowering.is_read(made)]
        return all(some_batches(lowering, operation, x, axis, *each, made) for made, each in read)
    if len(ends) > 1 and all(map(lowering.is_read, operation.makes)):
        return in_parts(lowering, operation, lowering.at[x], inner)
    parts = [part(lowering, operation, lowering.at[x], inner, *each) for each in ends]
    return all(parts) and all(
        settle(lowering, operation, each, made)
        for each, made in zip(parts, operation.makes, strict=True)
        if lowering.is_read(made)
    )


def in_parts(lowering: Lowering, operation: Operation, step: Step, axis: int) -> bool:
    """All parts of an axis of a sample, which are one operation."""
    sizes = [(lowering.item(made) or (0,) * (axis + 1))[axis] for made in operation.makes]
    parts = Sizes(sizes if len(set(sizes)) > 1 else (len(sizes),))
    whole = layer("split", parts=parts, axis=axis_word(step.volume, axis))
    return all(
        settle(lowering, operation, then(lowering, operation, each, step), made)
        for each, made in zip(whole.all_outputs, operation.makes, strict=True)
    )


def some_batches(
    lowering: Lowering, operation: Operation, x: Value, axis: int, begin: int, end: int, makes: Value
) -> bool:
    """The samples of one batch or of several, which are parts of a sample here."""
    bounds = batches(lowering, x, axis, begin, end)
    if bounds is None:
        return False
    if bounds[1] == bounds[0] + 1:
        return settle(lowering, operation, element(lowering, operation, lowering.at[x], 0, bounds[0]), makes)
    lowering.slow[makes] = bounds[1] - bounds[0]
    return settle(lowering, operation, part(lowering, operation, lowering.at[x], 0, *bounds), makes)


@lowers("unbind", takes="input dim")
def unbind(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Every element of an axis."""
    x = given["input"]
    if not lowering.is_placed(x) or (inner := lowering.axis(x, given.get("dim", 0))) is None:
        return False
    source = lowering.at[x]
    earlier = before_it(lowering, operation, source)
    axis = None if earlier is None else unflattened(lowering.arranged[earlier], inner)
    if earlier is not None and axis is not None and all(map(lowering.is_read, operation.makes)):
        forget(lowering, earlier)
        return in_parts(lowering, operation, earlier.sources[0], axis)
    return all(
        one(lowering, operation, x, inner, i, made) for i, made in enumerate(operation.makes) if lowering.is_read(made)
    )


def unflattened(plan: Arranging, axis: int) -> int | None:
    """The axis that a plan takes apart, and nothing more, if `axis` of the result counts its parts."""
    pairs = [at for at, group in enumerate(plan.taken) if len(group) == 2]
    in_order = tuple((i,) for group in plan.taken for i in group)
    if len(pairs) != 1 or len(in_order) != len(plan.taken) + 1 or plan.made != in_order or pairs != [axis]:
        return None
    return axis


@lowers("select", takes="input dim index")
def select(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, index = given["input"], given["index"]
    if not lowering.is_placed(x) or not isinstance(index, int) or (inner := lowering.axis(x, given["dim"])) is None:
        return False
    return one(lowering, operation, x, inner, int(index), operation.makes[0])


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
    index = full(ranged(given["index"], x.shape), len(x.shape))
    if index is None:
        return rows(lowering, operation, x, listed(given["index"])) or of_a_list(lowering, operation, x, given["index"])
    chosen = [(i, each) for i, each in enumerate(index) if each != slice(None)]
    if len(chosen) == 1 and isinstance(chosen[0][1], int) and None not in listed(given["index"]):
        axis, element = chosen[0]
        inner = lowering.axis(x, axis)
        return inner is not None and one(lowering, operation, x, inner, int(element), operation.makes[0])
    if len(chosen) == 1 and isinstance(chosen[0][1], slice) and lowering.axis(x, chosen[0][0]) is None:
        begin, end, stride = chosen[0][1].indices(x.shape[chosen[0][0]])
        makes = operation.makes[0]
        return stride == 1 and some_batches(lowering, operation, x, chosen[0][0], begin, end, makes)
    step: Step | None = lowering.at[x]
    for axis, each in chosen:
        inner, size = lowering.axis(x, axis), x.shape[axis]
        begin, end, stride = (each % size, each % size + 1, 1) if isinstance(each, int) else each.indices(size)
        if inner is None or step is None:
            return False
        said, counted = ALL if isinstance(each, int) else each, Ellipsis not in listed(given["index"])
        step = part(lowering, operation, step, inner, begin, end, stride, said, counted)
    if step is None:
        return False
    return settle(lowering, operation, with_shape(lowering, operation, step, operation.makes[0]))


def ranged(index: Any, shape: Sequence[int]) -> Any:
    """The index with a range for each list of elements that follow one another: `x[:, [-1]]`.

    >>> ranged((slice(None), (-1,)), (2, 5)), ranged(((0, 2),), (3,))
    ((slice(None, None, None), slice(-1, None, None)), ((0, 2),))
    """
    if not isinstance(index, tuple) or None in index or Ellipsis in index or len(index) > len(shape):
        return index
    if sum(isinstance(each, tuple) for each in index) != 1:
        return index
    return tuple(as_range(each, n) if isinstance(each, tuple) else each for each, n in zip(index, shape, strict=False))


def as_range(elements: tuple[Any, ...], size: int) -> Any:
    places = [each % size for each in elements if type(each) is int]
    follow = bool(places) and places == list(range(places[0], places[0] + len(elements)))
    if follow and all(each < 0 for each in elements):
        return slice(int(elements[0]), int(elements[-1]) + 1 or None)
    return slice(places[0], places[0] + len(places)) if follow else elements


@lowers("__setitem__", takes="input index value")
def setitem(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """New elements in a range of one axis or several: what is before it, they, and what is after it."""
    x, value = given["input"], number_in(lowering, given["value"])
    index = full(given["index"], len(x.shape)) if lowering.is_placed(x) else None
    if index is None or any(lowering.axis(x, i) is None for i, each in enumerate(index) if each != ALL):
        return False
    elements = [lowering.axis(x, i) or 0 for i, each in enumerate(index) if isinstance(each, int)]
    ranges = [as_range((each,), n) if isinstance(each, int) else each for each, n in zip(index, x.shape, strict=True)]
    chosen = [(lowering.axis(x, i) or 0, *each.indices(x.shape[i])) for i, each in enumerate(ranges) if each != ALL]
    if isinstance(value, int | float):
        new = repeated_number(lowering, operation, lowering.at[x], chosen, float(value))
    elif not lowering.is_placed(value) or not meets(lowering, x, value, bool(elements)):
        return False
    else:
        new = aligned(lowering, operation, value, x)
        inner = lowering.item(value)
        if new is not None and elements and inner is not None:
            new = with_ones(lowering, operation, new, inner, elements)
    return new is not None and settle(lowering, operation, within(lowering, operation, lowering.at[x], chosen, new))


def number_in(lowering: Lowering, value: Any) -> Any:
    """The number that a constant of one element is; everything else as it is."""
    if not isinstance(value, Value) or value.shape or value.kind != CONSTANT or value in lowering.at:
        return value
    known = lowering.program.numbers(value)
    return known[0] if known else value


def meets(lowering: Lowering, x: Value, value: Value, single: bool) -> bool:
    """Whether samples of both meet. `single`: whether one element of an axis is chosen, which the value has not."""
    if single and lowering.is_batch_first(x) and lowering.is_batch_first(value):
        return True
    return lowering.are_together(x, value)


def repeated_number(
    lowering: Lowering, operation: Operation, whole: Step, bounds: Sequence[tuple[int, int, int, int]], number: float
) -> Step | None:
    """A number in every place between bounds."""
    shape = list(whole.volume.item_shape)
    for axis, begin, end, step in bounds:
        shape[axis] = len(range(begin, end, step))
    if abs(number) == inf or number != number or 0 in shape:
        return None
    made = then(lowering, operation, layer("constant", values=Numbers((number,)), size=tuple(shape)))
    return None if made is None else turned(lowering, operation, made, whole.volume.channels_last)


def with_ones(
    lowering: Lowering, operation: Operation, step: Step, before: Sequence[int], axes: Sequence[int]
) -> Step | None:
    """A step of this shape with new axes of length 1, at these places of a sample."""
    shape = list(before)
    for axis in sorted(axes):
        shape.insert(axis, 1)
    plan = reshaped(step.volume.item_shape, shape)
    return None if plan is None else moved(lowering, operation, step, plan, last=True)


@lowers("write_part", takes="input part")
def write_part(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """What an operation in place on a part of a tensor changed in the whole."""
    whole, part = given["input"], given["part"]
    maker = part.maker
    while maker is not None and maker.values:
        if maker.function == "__getitem__" and maker.arguments[0] is whole:
            return setitem(lowering, operation, {"input": whole, "index": maker.arguments[1], "value": part})
        maker = maker.values[0].maker if maker.makes[0].shape == part.shape else None
    return False


def within(
    lowering: Lowering, operation: Operation, whole: Step, bounds: list[tuple[int, int, int, int]], new: Step
) -> Step | None:
    """A step whose elements between bounds, along one axis or several, are those of another one."""
    if not bounds:
        last = whole.volume.channels_last
        same = new.volume.item_shape == whole.volume.item_shape
        return turned(lowering, operation, new, last) if same else None
    (axis, begin, end, stride), *inner = bounds
    if stride != 1 or begin >= end:
        return None
    size = whole.volume.item_shape[axis]
    middle = part(lowering, operation, whole, axis, begin, end)
    changed = middle and within(lowering, operation, middle, inner, new)
    around = [(0, begin), (end, size)]
    sides = [part(lowering, operation, whole, axis, *each) if each[0] < each[1] else None for each in around]
    parts = [each for each in (sides[0], changed, sides[1]) if each is not None]
    if changed is None or len(parts) == 1:
        return changed
    word = axis_word(whole.volume, axis)
    return then(lowering, operation, layer("concat", axis=None if word == CHANNELS else word), *parts)


def rows(lowering: Lowering, operation: Operation, x: Value, index: tuple[Any, ...]) -> bool:
    """The rows or columns of a table that integers name: rows are tokens, which `gather` chooses from."""
    named = [i for i, each in enumerate(index) if isinstance(each, Value)]
    whole = all(isinstance(each, Value) or each == slice(None) for each in index)
    if len(named) != 1 or not whole or len(x.shape) not in (1, 2):
        return False
    by, axis = index[named[0]], lowering.axis(x, named[0])
    if not lowering.is_shared(x) and not lowering.is_shared(by):
        return False
    if not lowering.is_placed(by) or not lowering.volume(by).is_ids or axis is None:
        return False
    step, shape = lowering.at[x], lowering.at[x].volume.item_shape
    if len(shape) == 1:
        step = moved(lowering, operation, step, reshaped(shape, (*shape, 1)), last=True)
    elif axis == 1:
        step = moved(lowering, operation, step, permuted(shape, (1, 0)), last=True)
    else:
        step = turned(lowering, operation, step, last=True)
    found = then(lowering, operation, layer("gather", by=Reference("")), step, lowering.at[by])
    if found is None:
        return False
    made = found.volume.item_shape
    if len(shape) == 1:
        found = moved(lowering, operation, found, reshaped(made, made[:-1]), last=True)
    elif axis == 1:
        found = moved(lowering, operation, found, permuted(made, (len(made) - 1, *range(len(made) - 1))), last=True)
    return settle(lowering, operation, found)


@lowers("gather", takes="input dim index")
def gathered(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The numbers of a row that integers of each sample name, where all samples have the same row."""
    x, by = given["input"], given["index"]
    if not lowering.is_placed(x, by) or len(x.shape) != 2 or len(by.shape) != 2 or given["dim"] not in (1, -1):
        return False
    row, ids = lowering.at[as_numbers(lowering, operation, x)], as_integers(lowering, operation, by)
    if not row.volume.shared or not lowering.is_batch_first(by) or not ids.volume.is_ids:
        return False
    shape = row.volume.item_shape
    if len(shape) != 1:
        return False
    tokens = moved(lowering, operation, row, reshaped(shape, (*shape, 1)), last=True)
    found = then(lowering, operation, layer("gather", by=Reference("")), tokens, ids)
    if found is None:
        return False
    made = found.volume.item_shape
    return settle(lowering, operation, moved(lowering, operation, found, reshaped(made, made[:-1]), last=True))


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
    return of_every_axis(given, rank)


@lowers("roll", takes="input shifts dims")
def roll(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along one axis after the other."""
    x, shifts, axes = given["input"], given["shifts"], given.get("dims")
    if not lowering.is_placed(x) or axes in (None, ()):
        return False
    step: Step | None = lowering.at[x]
    pairs = zip(*(each if isinstance(each, tuple) else (each,) for each in (shifts, axes)), strict=True)
    for shift, axis in pairs:
        inner = lowering.axis(x, axis)
        if inner is None or step is None or not isinstance(shift, int):
            return False
        if shift:
            word = axis_word(step.volume, inner)
            step = then(lowering, operation, layer("roll", shift=shift, axis=word), step)
    return settle(lowering, operation, step)


@lowers("flip", "fliplr", "flipud", takes="input *dims")
def flip(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Along one axis after the other."""
    x: Value = given["input"]
    axes: Any = {"fliplr": (1,), "flipud": (0,)}.get(operation.function) or given["dims"]
    if not lowering.is_placed(x) or not axes:
        return False
    step: Step | None = lowering.at[x]
    for axis in axes if isinstance(axes, tuple) else (axes,):
        inner = lowering.axis(x, axis)
        if inner is None or step is None:
            return False
        step = then(lowering, operation, layer("flip", axis=axis_word(step.volume, inner)), step)
    return settle(lowering, operation, step)


@lowers("expand", "repeat", "tile", "expand_as", "broadcast_to", takes="input *sizes")
def expand(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Copies along each axis that is longer than before; new axes in front have no elements to copy yet."""
    x, y = given["input"], operation.makes[0]
    before, after = (lowering.item(x) if lowering.is_placed(x) else None), lowering.item(y)
    if before is None or after is None:
        return False
    count = lowering.item_in_batch(y)
    if lowering.is_batch_first(x) and count > 1 and y.shape == (count * x.shape[0], *x.shape[1:]):
        return copies(lowering, operation, x, count, slow=count)
    if not lowering.are_together(x, y):
        return False
    step: Step | None = aligned(lowering, operation, x, y)
    if step is None:
        return False
    before = step.volume.item_shape
    is_given = lowering.is_shared(x) and not lowering.is_shared(y) and y in lowering.program.outputs
    if before == after and (is_given or x in lowering.program.whole.values()):
        return for_each_sample(lowering, operation, given["sizes"], step)
    if len(after) != len(before):
        wider = (1,) * (len(after) - len(before)) + before
        plan = reshaped(before, wider) if len(after) > len(before) else None
        step = moved(lowering, operation, step, plan, last=True) if plan is not None else None
        before = wider
    for axis, (n, m) in enumerate(zip(before, after, strict=True)):
        if step is None or m % n:
            return False
        if m != n:
            made = layer("repeat", n=m // n, axis=axis_word(step.volume, axis))
            step = then(lowering, operation, made, step)
    return settle(lowering, operation, step)


@lowers("broadcast_tensors", takes="*tensors")
def broadcast_tensors(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Each one, repeated to the shape of all."""
    write = Writing(lowering, operation)
    for x, y in zip(given["tensors"], operation.makes, strict=True):
        write("expand", x, *y.shape, shape=y.shape, makes=y)
    return write.is_placed()


def for_each_sample(lowering: Lowering, operation: Operation, sizes: tuple[object, ...], step: Step) -> bool:
    """What all samples share, once for each sample of the value whose number of samples the code names."""
    axes = [
        each for each in map(axis_of, sizes) if each is not None and each.value.varies and each.value in lowering.at
    ]
    like = lowering.at[axes[0].value] if axes else lowering.at[lowering.program.inputs[0]]
    return lowering.place(operation, layer("expand", like=Reference("")), [step, like])


@lowers("repeat_interleave", takes="input repeats dim")
def repeat_interleave(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, count, axis = given["input"], given["repeats"], given.get("dim")
    if not lowering.is_placed(x) or axis is None or not isinstance(count, int):
        return False
    inner = lowering.axis(x, axis)
    if inner is None:
        return copies(lowering, operation, x, count, slow=1)
    made = layer("repeat", n=count, interleave=True, axis=axis_word(lowering.volume(x), inner))
    return lowering.place(operation, made, [x])


def copies(lowering: Lowering, operation: Operation, x: Value, count: int, slow: int) -> bool:
    """Copies of each sample, as parts of it. `slow`: how many of them run slower than the batch."""
    if count == 1:
        return lowering.same(operation.makes[0], x)
    if not lowering.is_batch_first(x):
        return False
    step = lowering.at[x]
    shape = step.volume.item_shape
    wide = moved(lowering, operation, step, reshaped(shape, (1, *shape)), last=True)
    made = then(lowering, operation, layer("repeat", n=count, axis=axis_word(wide.volume, 0)), wide)
    lowering.slow[operation.makes[0]] = slow
    return settle(lowering, operation, made)
