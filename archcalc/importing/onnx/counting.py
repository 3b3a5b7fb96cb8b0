"""MACs of operations from their shapes, as torch counts them."""

from math import prod

from archcalc.importing.program import Operation, Value


def macs_of(operation: Operation) -> int:
    """The MACs of one operation, for the whole batch; 0 for what is no product."""
    name, made = operation.function, operation.makes[0]
    values = [each for each in operation.arguments if isinstance(each, Value)]
    if name.startswith("conv_transpose"):
        return prod(values[0].shape) * prod(values[1].shape[1:])
    if name.startswith("conv"):
        return prod(made.shape) * prod(values[1].shape[1:])
    if name in ("linear", "matmul", "addmm"):
        return prod(made.shape) * values[0].shape[-1]
    if name == "einsum":
        sides = operation.arguments[0].partition("->")[0].split(",")
        sizes = {
            letter: n
            for side, each in zip(sides, values, strict=True)
            for letter, n in zip(side, each.shape, strict=False)
        }
        summed = set(sizes) - set(operation.arguments[0].partition("->")[2])
        return prod(sizes.values()) if summed and len(values) == 2 else 0
    if name in ("LSTM", "GRU", "RNN"):
        return prod(values[0].shape[:2]) * sum(prod(each.shape) for each in values[1:3])
    return 0
