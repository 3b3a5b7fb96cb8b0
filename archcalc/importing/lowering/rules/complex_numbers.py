"""Pairs of features that are turned as complex numbers: rotary positions, as the first code of LLaMA has them."""

from collections.abc import Sequence

from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import CONSTANT, Operation, Value


@lowers("view_as_complex", takes="input")
def as_complex(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Pairs that are multiplied by complex numbers which all samples share, and become pairs again."""
    product = lowering.only_reader(operation.makes[0])
    back = None if product is None else lowering.only_reader(product.makes[0])
    if product is None or back is None or product.function not in ("mul", "__mul__") or back.function != "view_as_real":
        return False
    factors = [each for each in product.values if each is not operation.makes[0]]
    if len(factors) != 1 or factors[0].varies or not lowering.is_placed(given["input"]):
        return False
    if not lowering.tried(lambda: turned_pairs(lowering, operation, given["input"], factors[0], back.makes[0])):
        return False
    lowering.taken.update((product, back))
    return True


def turned_pairs(lowering: Lowering, operation: Operation, pairs: Value, factor: Value, y: Value) -> bool:
    """(a + b i) (c + d i) = (a c - b d) + (a d + b c) i, with real numbers."""
    real, imaginary = (part_of(lowering, operation, factor, which) for which in (0, 1))
    if real is None or imaginary is None:
        return False
    write, shape = Writing(lowering, operation), y.shape[:-1]
    first, second = (write("__getitem__", pairs, (Ellipsis, which), shape=shape) for which in (0, 1))
    rows = []
    for function, one, other in (("sub", real, imaginary), ("add", imaginary, real)):
        left, right = write("mul", first, one, shape=shape), write("mul", second, other, shape=shape)
        rows.append(write(function, left, right, shape=shape))
    write("stack", tuple(rows), -1, shape=y.shape, makes=y)
    return write.is_placed()


def part_of(lowering: Lowering, operation: Operation, factor: Value, which: int) -> Value | None:
    """The real or the imaginary parts of numbers that all samples share, as values that are fixed."""
    value = Value(CONSTANT, factor.shape, operation.values[0].dtype)
    lowering.readers[value] = [operation]
    if not lowering.place(operation, layer("fixed_values", size=factor.shape or (1,)), [], {}, value):
        return None
    lowering.at[value].numbers = lambda: every_second(lowering.program.numbers(factor), which)
    return value


def every_second(numbers: Sequence[float] | None, first: int) -> Sequence[float] | None:
    return None if numbers is None else numbers[first::2]
