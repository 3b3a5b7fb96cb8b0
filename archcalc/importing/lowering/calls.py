"""One call as several: each is lowered by its own rule, with a value between them that the program does not have."""

from collections.abc import Sequence

from archcalc.importing.lowering.lowering import Lowering
from archcalc.importing.lowering.sharing import lowered_with_shared
from archcalc.importing.program import DERIVED, MADE, Operation, Value


def between(lowering: Lowering, operation: Operation, function: str, *arguments: object, shape: Sequence[int]) -> Value:
    """What a call would make, which the operation reads."""
    made = call(operation, function, *arguments)
    kind = MADE if any(each.varies for each in made.values) else DERIVED
    value = Value(kind, tuple(shape), operation.makes[0].dtype, maker=made)
    made.makes = (value,)
    lowering.readers[value] = [operation]
    return value


def call(operation: Operation, function: str, *arguments: object, makes: tuple[Value, ...] = ()) -> Operation:
    """A call at the place of another one."""
    return Operation(function, arguments, {}, makes, operation.module, operation.where)


def in_order(lowering: Lowering, *steps: Value, last: Operation) -> bool:
    """Whether layers were placed for all: the calls that make the values between, and the last one."""
    makers = [each.maker for each in steps if each.maker is not None]
    return lowering.tried(lambda: all(lowered_with_shared(lowering, each) for each in (*makers, last)))


def broadcast(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape to which torch repeats tensors.

    >>> broadcast((4, 1, 3), (2, 1))
    (4, 2, 3)
    """
    most = max(map(len, shapes))
    wide = [(1,) * (most - len(each)) + tuple(each) for each in shapes]
    return tuple(next((n for n in lengths if n != 1), 1) for lengths in zip(*wide, strict=True))


class Writing:
    """Writes calls down in the place of another one, to place layers for all of them or for none."""

    def __init__(self, lowering: Lowering, operation: Operation) -> None:
        self.lowering, self.operation = lowering, operation
        self.calls: list[Operation] = []

    def __call__(self, function: str, *arguments: object, shape: Sequence[int], makes: Value | None = None) -> Value:
        """What a call makes, of this shape."""
        made = call(self.operation, function, *arguments)
        kind = MADE if any(each.varies for each in made.values) else DERIVED
        value = makes or Value(kind, tuple(shape), self.operation.makes[0].dtype, maker=made)
        made.makes = (value,)
        self.lowering.readers.setdefault(value, [self.operation])
        self.calls.append(made)
        return value

    def parts(self, whole: Value, size: int, axis: int = -1) -> list[Value]:
        """Parts of an axis, all of one size."""
        axis %= len(whole.shape)
        shape = (*whole.shape[:axis], size, *whole.shape[axis + 1 :])
        before = (slice(None),) * axis
        bounds = (slice(i, i + size) for i in range(0, whole.shape[axis], size))
        return [self("__getitem__", whole, (*before, each), shape=shape) for each in bounds]

    def is_placed(self) -> bool:
        return self.lowering.tried(lambda: all(lowered_with_shared(self.lowering, each) for each in self.calls))
