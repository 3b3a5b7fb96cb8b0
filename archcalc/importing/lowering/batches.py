"""Batches of one: learned or fixed values that code gave a first axis of length 1, so that they meet every sample.

To layers they are what each sample has. So the program is read as if that axis were as long as the batch, from where
it was added to where an operation needs it as it is.
"""

from typing import Any

from archcalc.importing.lowering.numbers import is_whole
from archcalc.importing.program import CONSTANT, Operation, Program, Value
from archcalc.record import replace

AS_BATCH, OF_BATCH = "as_batch", "of_batch"
"""The functions that give a value to every sample, and take it back from them."""


def with_whole_batches(program: Program) -> Program:
    """The program, in which batches of one that are computed from weights are whole ones."""
    if program.rerun is None:
        return program
    whole: dict[Value, Value] = {}
    origin: dict[Operation, Operation] = {}
    for each in program.operations:
        made = widened(program, each, whole)
        if made is not each:
            origin[made] = each
    if not whole:
        return program
    of = {each: made for made, each in origin.items()}
    one = {every: each for each, every in whole.items()}
    return replace(
        program,
        operations=tuple(of.get(each, each) for each in program.operations),
        calls=tuple(replace(each, given=tuple(whole.get(v, v) for v in each.given)) for each in program.calls),
        outputs=tuple(whole.get(each, each) for each in program.outputs),
        macs=lambda operation: program.macs(origin.get(operation, operation)),
        integers=lambda value: program.integers(one.get(value, value)),
        numbers=lambda value: program.numbers(one.get(value, value)),
        whole=whole,
    )


def widened(program: Program, operation: Operation, whole: dict[Value, Value]) -> Operation:
    """An operation on whole batches; itself if it reads no batch of one, or needs it as it is."""
    given = {each: whole[each] for each in operation.values if each in whole}
    if not given:
        return begun(program, operation, whole)
    if ends(operation, given):
        return copied(operation, OF_BATCH, given, operation.makes, whole)
    wide = [wide_shape(program, each) for each in operation.makes]
    if program.rerun is None or program.rerun(operation, given) != wide:
        return operation
    makes = tuple(
        each if each.shape == shape else filled(each, program.batch)
        for each, shape in zip(operation.makes, wide, strict=True)
    )
    return copied(operation, operation.function, given, makes, whole)


def ends(operation: Operation, given: dict[Value, Value]) -> bool:
    """Whether an operation removes the first axis of a batch of one."""
    x, *rest = (*operation.arguments, *operation.keywords.values(), None)
    return x in given and rest == [0, None] and operation.function in ("squeeze", "__getitem__", "select")


def begun(program: Program, operation: Operation, whole: dict[Value, Value]) -> Operation:
    """Where a first axis of length 1 is added to learned or fixed values."""
    x, *rest = (*operation.arguments, None)
    adds = {"__getitem__": [None, None], "unsqueeze": [0, None]}.get(operation.function) == rest
    if not adds or not isinstance(x, Value) or x.varies or len(operation.makes) != 1:
        return operation
    if x.kind == CONSTANT and is_whole(x):
        return operation  # numbers of places, which code reads
    made = operation.makes[0]
    if any(n and n % program.batch == 0 for n in made.shape) or made.shape != (1, *x.shape):
        return operation
    return copied(operation, AS_BATCH, {}, (filled(made, program.batch),), whole)


def copied(
    operation: Operation, function: str, given: dict[Value, Value], makes: tuple[Value, ...], whole: dict[Value, Value]
) -> Operation:
    """The operation with other values."""

    def other(tree: Any) -> Any:
        if isinstance(tree, Value):
            return given.get(tree, tree)
        return tuple(map(other, tree)) if isinstance(tree, tuple) else tree

    same = function == operation.function
    arguments = other(operation.arguments if same else operation.arguments[:1])
    keywords = {key: other(each) for key, each in operation.keywords.items() if same}
    made = Operation(function, arguments, keywords, makes, operation.module, operation.where)
    for before, after in zip(operation.makes, makes, strict=True):
        if before is not after:
            whole[before] = after
        after.maker = made
    return made


def wide_shape(program: Program, value: Value) -> tuple[int, ...]:
    return (program.batch, *value.shape[1:])


def filled(value: Value, batch: int) -> Value:
    return Value(value.kind, (batch, *value.shape[1:]), value.dtype)
