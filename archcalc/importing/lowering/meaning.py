"""What the axes of a value mean, by what reads it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from archcalc.core.diagnostic import problem
from archcalc.core.volume import INTEGERS, Volume, apart
from archcalc.importing.program import Operation, Value

Readers: TypeAlias = Mapping[Value, Sequence[Operation]]
"""The operations that read each value."""

CHANNELS_FIRST = (
    "conv", "max_pool", "avg_pool", "adaptive_", "batch_norm", "group_norm", "instance_norm", "interpolate", "upsample",
    "pixel_", "channel_shuffle", "local_response", "prelu",
)  # fmt: skip
"""Beginnings of functions that take axis 1 for channels."""

CHANNELS_LAST = ("linear", "layer_norm", "rms_norm", "multi_head", "scaled_dot", "lstm", "gru", "rnn", "softmax")
"""Beginnings of functions that take the last axis for features."""

KEEPS = frozenset((
    "add", "sub", "mul", "div", "relu", "gelu", "silu", "sigmoid", "tanh", "hardswish", "leaky_relu", "dropout",
    "drop_path", "contiguous", "cat", "concat", "__add__", "__sub__", "__mul__", "__truediv__", "__iadd__", "__imul__",
    "pad", "clone", "softplus", "mish", "chunk", "split", "roll", "expand", "masked_fill", "gt", "ge", "lt", "le", "eq",
    "ne", "__gt__", "__ge__", "__lt__", "__le__", "__eq__", "__ne__", "logical_not", "bitwise_not",
))  # fmt: skip
"""Functions after which the axes mean what they meant before."""

JOINS = frozenset(("add", "sub", "mul", "div", "__add__", "__sub__", "__mul__", "__truediv__", "__iadd__", "__imul__"))
"""Functions of two values whose axes mean the same."""


def wants_channels_first(readers: Readers, value: Value, default: bool = False) -> bool:
    """Whether the first operation with an opinion that follows takes axis 1 for channels; if none has one, whether a
    value that meets this one has its channels there."""
    found = wanted(readers, value)
    if found is None:
        found = next((has for each in met_by(readers, value) if (has := made(each)) is not None), None)
    return default if found is None else found


def wanted(readers: Readers, value: Value, depth: int = 16) -> bool | None:
    """What the operations that follow take for channels: axis 1, or the last one; None if none has an opinion."""
    for operation in readers.get(value, ()):
        found = opinion(operation, value)
        if found is None and depth and is_exchange(operation):
            after = wanted(readers, operation.makes[0], depth - 1)
            found = None if after is None else not after
        elif found is None and depth and keeps(operation):
            found = wanted(readers, operation.makes[0], depth - 1)
        if found is not None:
            return found
    return None


def opinion(operation: Operation, value: Value) -> bool | None:
    """Whether an operation takes axis 1 of a value for channels, or the last one; None if it does not say."""
    if operation.function in SOFTMAX:
        axis = softmax_axis(operation)
        return axis == 1 if axis in (1, len(value.shape) - 1) else None
    if operation.function == "scaled_dot_product_attention" and value not in operation.arguments[:3]:
        return True  # numbers for each pair of tokens, the heads before them
    if operation.function.startswith(CHANNELS_FIRST):
        return True
    return False if operation.function.startswith(CHANNELS_LAST) else None


SOFTMAX = ("softmax", "log_softmax")


def softmax_axis(operation: Operation) -> int | None:
    x, *rest = operation.arguments
    axis = operation.keywords.get("dim", rest[0] if rest else None)
    return axis % len(x.shape) if isinstance(axis, int) else None


def keeps(operation: Operation) -> bool:
    return operation.function.rstrip("_") in KEEPS or operation.function in KEEPS or operation.function in SOFTMAX


def met_by(readers: Readers, value: Value, depth: int = 16) -> Iterator[Value]:
    """The values with as many axes that meet this one, or what it becomes."""
    for operation in readers.get(value, ()):
        if operation.function in JOINS or operation.function.rstrip("_") in JOINS:
            yield from (each for each in operation.values if each is not value and len(each.shape) == len(value.shape))
        if keeps(operation) and depth:
            yield from met_by(readers, operation.makes[0], depth - 1)


def made(value: Value, depth: int = 16) -> bool | None:
    """Whether the operations that make a value have channels as axis 1, or as the last one; None if none says so."""
    maker = value.maker
    if maker is None or not maker.values:
        return None
    first = maker.values[0]
    found = opinion(maker, first)
    if found is not None or not depth or not (keeps(maker) or maker.function == "stack"):
        return found
    return made(first, depth - 1)


def is_exchange(operation: Operation) -> bool:
    """Whether it exchanges the two axes of a sequence."""
    x, *rest = operation.arguments
    if operation.function == "permute":
        order = rest[0] if len(rest) == 1 else tuple(rest)
        return order == (0, 2, 1)
    axes = {each % 3 for each in rest[:2] if type(each) is int}
    return operation.function in ("transpose", "movedim", "swapaxes") and axes == {1, 2} and len(x.shape) == 3


def volume_of_input(readers: Readers, value: Value, shape: tuple[int, ...] | None) -> Volume:
    """The volume of an input: integers are positions; one axis is features; of several, the channels come first.

    `shape`: of one sample. Raises SpecError if it is None.
    """
    if shape is None:
        raise problem("AC522", f"the input {value.name} has no batch axis of its own")
    if value.dtype in INTEGERS:
        return Volume(1, shape or (1,), channels_last=True, dtype=value.dtype)
    if not shape:
        return Volume(1)
    last = len(value.shape) > 2 and not wants_channels_first(readers, value, default=len(value.shape) != 3)
    return Volume(*apart(shape, last), channels_last=last)
