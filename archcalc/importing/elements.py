"""The elements of constants that code makes, where they are known."""

from collections.abc import Mapping

import torch
from torch import Tensor

from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.program import BATCH, Value

MOST_INTEGERS = 1 << 21
"""The most elements of a constant that are read."""


def integers(known: Mapping[Value, Tensor], value: Value) -> tuple[int, ...] | None:
    """The elements of a constant of integers, if they are known and few."""
    tensor = known.get(value)
    if tensor is None or tensor.is_floating_point() or tensor.is_complex() or tensor.numel() > MOST_INTEGERS:
        return None
    return tuple(map(int, tensor.reshape(-1).tolist()))


def numbers(known: Mapping[Value, Tensor], value: Value) -> tuple[float, ...] | None:
    """The elements of a constant, if they are known; those of one sample, if all samples have the same.

    A complex number is two: its real and its imaginary part.
    """
    tensor = known.get(value)
    if tensor is None:
        return None
    at = batch_axis(value, BATCH)
    if at is not None:
        tensor = tensor.reshape(*tensor.shape[:at], BATCH, -1, *tensor.shape[at + 1 :]).movedim(at, 0)
        if not bool((tensor == tensor[:1]).all()):
            return None
        tensor = tensor[0]
    parts = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return tuple(map(float, parts.reshape(-1).tolist()))
