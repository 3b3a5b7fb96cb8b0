"""What the axes of a value mean, by what reads it."""

from collections.abc import Mapping, Sequence
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
    "drop_path", "contiguous", "cat", "concat", "__add__", "__mul__", "__iadd__", "pad", "clone", "softplus", "mish",
    "chunk", "split", "roll",
))  # fmt: skip
"""Functions after which the axes mean what they meant before."""


def wants_channels_first(readers: Readers, value: Value, default: bool = False, depth: int = 16) -> bool:
    """Whether the first operation with an opinion that follows takes axis 1 for channels."""
    for operation in readers.get(value, ()):
        if operation.function.startswith(CHANNELS_FIRST):
            return True
        if operation.function.startswith(CHANNELS_LAST):
            return False
        if is_exchange(operation) and depth:
            return not wants_channels_first(readers, operation.makes[0], not default, depth - 1)
        if operation.function.rstrip("_") in KEEPS and depth:
            return wants_channels_first(readers, operation.makes[0], default, depth - 1)
    return default


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
