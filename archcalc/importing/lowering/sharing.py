"""Values that all samples share: learned or fixed ones, and what is computed from them.

They are placed where an operation first needs one. Tables and masks that cost no MACs are fixed values, whatever they
were computed from; what depends on a weight is computed by layers, as other values are.
"""

from collections.abc import Iterator, Sequence

from archcalc.importing.lengths import Length, lengths_in
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import settle, with_shape, without_ones
from archcalc.importing.lowering.rule import lower
from archcalc.importing.program import BUFFER, CONSTANT, DERIVED, WEIGHT, Operation, Value, leaves
from archcalc.layer import Numbers

EACH_TIME = ((DERIVED, CONSTANT), (DERIVED, CONSTANT, BUFFER), (DERIVED, CONSTANT, BUFFER, WEIGHT))
"""The kinds of operands that are placed before an operation is: more and more of them, because a layer that has its
weights itself is better than one that reads them."""


def lowered_with_shared(lowering: Lowering, operation: Operation) -> bool:
    """Whether layers were placed for an operation, and for what it reads and all samples share."""
    if lower(lowering, operation):
        return True
    operands = [each for each in dict.fromkeys(operation.values) if not each.varies and each not in lowering.at]
    before = 0
    for kinds in EACH_TIME:
        needed = [each for each in operands if each.kind in kinds]
        if len(needed) > before and lowering.tried(lambda: with_operands(lowering, operation, needed)):  # noqa: B023
            return True
        before = len(needed)
    return False


def with_operands(lowering: Lowering, operation: Operation, needed: list[Value]) -> bool:
    return all(brought(lowering, operation, each) for each in needed) and lower(lowering, operation)


def brought(lowering: Lowering, operation: Operation, value: Value) -> bool:
    """Whether a value that all samples share has a step, after placing one for it if need be."""
    if value in lowering.at:
        return True
    if value.varies:
        return False
    if value in lowering.program.whole:
        return as_one(lowering, operation, value)
    if value.kind == WEIGHT:
        return lowering.place(operation, layer("learned", size=value.shape or (1,)), [], {"weight": value}, value)
    if follows_lengths(value) and lowering.tried(lambda: as_computed(lowering, value)):
        return True
    if value.kind != DERIVED and not any(map(lowering.program.macs, makers(value))):
        return fixed(lowering, operation, value)
    return as_computed(lowering, value)


def as_computed(lowering: Lowering, value: Value) -> bool:
    """Whether layers were placed for what a value is computed by."""
    maker = value.maker
    if maker is None:
        return False
    placed = lowered_with_shared(lowering, maker) or lowering.tried(lambda: as_sample(lowering, maker))
    return placed and value in lowering.at


def follows_lengths(value: Value) -> bool:
    """Whether a value is a part of a buffer, up to a length of what the code was given; or is made of such a part."""
    return any(
        isinstance(n, Length) and any(each.value.varies for each in lengths_in(n.formula))
        for maker in makers(value)
        if maker.function == "__getitem__"
        and isinstance(maker.arguments[0], Value)
        and maker.arguments[0].kind == BUFFER
        for n in leaves(maker.arguments[1])
    )


def as_one(lowering: Lowering, operation: Operation, value: Value) -> bool:
    """Places a batch of one with its first axis, where it is that."""
    every = lowering.program.whole[value]
    if not brought(lowering, operation, every):
        return False
    return settle(lowering, operation, with_shape(lowering, operation, lowering.at[every], value), value)


def as_sample(lowering: Lowering, operation: Operation) -> bool:
    """Places an operation on a batch of one, such as a convolution of a table, as one on a sample."""
    values = operation.values
    if not values or len(operation.makes) != 1:
        return False
    x, y = values[0], operation.makes[0]
    if not (lowering.is_shared(x) and lowering.is_shared(y) and x.shape[:1] == y.shape[:1] == (1,)):
        return False
    if not brought(lowering, operation, x):
        return False
    one, made = (replaced(lowering, each) for each in (x, y))
    lowering.give(one, without_ones(lowering, operation, lowering.at[x], x.shape, x.shape[1:]))
    arguments = tuple(one if each is x else each for each in operation.arguments)
    keywords = {key: one if each is x else each for key, each in operation.keywords.items()}
    same = Operation(operation.function, arguments, keywords, (made,), operation.module, operation.where)
    if not lowered_with_shared(lowering, same):
        return False
    return settle(lowering, operation, with_shape(lowering, operation, lowering.at[made], y), y)


def replaced(lowering: Lowering, value: Value) -> Value:
    """A value whose first axis is the batch."""
    found = Value(value.kind, (lowering.program.batch, *value.shape[1:]), value.dtype)
    lowering.readers[found] = lowering.readers.get(value, [])
    return found


def fixed(lowering: Lowering, operation: Operation, value: Value) -> bool:
    """Places fixed values: integers as they are, conditions as 0 and 1. Buffers keep their names."""
    shape = lowering.item(value)
    if shape is None:
        return False
    number = filled(value)
    if number is not None and 1 <= len(shape) <= MOST_AXES and value.dtype.startswith("float"):
        return lowering.place(operation, layer("constant", values=Numbers((number,)), size=shape), [], makes=value)
    made = layer("fixed_values", size=shape or (1,), dtype="int64" if value.dtype.startswith("int") else "float")
    stored = {"values": value} if value.kind == BUFFER else {}
    if not lowering.place(operation, made, [], stored, value):
        return False
    put_outside(lowering, value)
    if not stored and not value.dtype.startswith("complex"):
        lowering.at[value].numbers = lambda: first_known(lowering, value)
    return True


def put_outside(lowering: Lowering, value: Value) -> None:
    """Puts a fixed value that several modules read before the first of them, where the code has it, too."""
    modules = {each.module for each in lowering.readers.get(value, ())}
    if value.maker is None or len(modules) < 2:
        return
    step, home = lowering.at[value], value.maker.module
    inner = f"{home}." if home else ""
    name = step.module.removeprefix(inner).partition(".")[0]
    if not step.module.startswith(inner) or not name:
        return
    step.module = home
    begun = (i for i, each in enumerate(lowering.steps) if f"{each.module}.".startswith(f"{inner}{name}."))
    lowering.steps.remove(step)
    lowering.steps.insert(next(begun, len(lowering.steps)), step)


def first_known(lowering: Lowering, value: Value) -> Sequence[float] | None:
    """The numbers of a constant, or of what it is after functions that change nothing."""
    known = map(lowering.program.numbers, handed_on(value))
    return next((each for each in known if each is not None), None)


HANDS_ON = frozenset(("contiguous", "to", "clone", "detach", "type_as", "float"))
"""Functions that give what they were given, where its dtype stays."""


def handed_on(value: Value) -> Iterator[Value]:
    """A value, and those that it was before functions that change nothing."""
    yield value
    while value.maker is not None and value.maker.function in HANDS_ON:
        before = value.maker.values[0]
        if (before.shape, before.dtype) != (value.shape, value.dtype):
            return
        value = before
        yield value


MOST_AXES = 4
"""The most axes of a constant in a spec."""

FILLS = {"zeros": 0.0, "ones": 1.0, "empty": 0.0}
"""What functions with these names fill a tensor with; what nothing has filled may be zeros."""


def filled(value: Value) -> float | None:
    """The one number that code filled a tensor with; None if it is not known."""
    *_, origin = handed_on(value)
    word = "" if origin.maker is None else origin.maker.function.removeprefix("new_").removesuffix("_like")
    return FILLS.get(word)


def makers(value: Value) -> Iterator[Operation]:
    """The operations that a value is computed by."""
    seen: set[Operation] = set()
    waiting = [value.maker]
    while waiting:
        maker = waiting.pop()
        if maker is not None and maker not in seen:
            seen.add(maker)
            yield maker
            waiting += [each.maker for each in maker.values if not each.varies]
