"""Copies that code makes to meet another value, element by element: they meet without them, because torch repeats."""

from archcalc.importing.lowering.batches import copied
from archcalc.importing.lowering.calls import broadcast
from archcalc.importing.program import Operation, Program, Value
from archcalc.record import replace

EXPAND = frozenset(("expand", "expand_as"))

OF_ELEMENTS = frozenset(
    ("add", "sub", "mul", "div", "maximum", "minimum", "__add__", "__sub__", "__mul__", "__truediv__")
)
"""Functions of two values that repeat what is shorter."""


def without_expansions(program: Program) -> Program:
    """The program, in which operations of elements read what is expanded for them."""
    changed: dict[Operation, Operation] = {}
    for each in program.operations:
        if (made := reading_less(each)) is not each:
            changed[each] = made
    if not changed:
        return program
    return replace(program, operations=tuple(changed.get(each, each) for each in program.operations))


def reading_less(operation: Operation) -> Operation:
    """An operation that reads values before they are expanded, if it makes the same; itself if there are none."""
    if operation.function not in OF_ELEMENTS or len(operation.values) != 2:
        return operation
    shapes = {each: each.shape for each in operation.values}
    given: dict[Value, Value] = {}
    for each in operation.values:
        before = expanded(each)
        if before is not None and broadcast(*(shapes | {each: before.shape}).values()) == operation.makes[0].shape:
            given[each], shapes[each] = before, before.shape
    return copied(operation, operation.function, given, operation.makes, {}) if given else operation


def expanded(value: Value) -> Value | None:
    """What a value is copies of, if both have as many axes."""
    maker = value.maker
    if maker is None or maker.function not in EXPAND or not isinstance(maker.arguments[0], Value):
        return None
    before = maker.arguments[0]
    return before if before.varies and len(before.shape) == len(value.shape) else None
