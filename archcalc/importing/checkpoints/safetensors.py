"""Safetensors: eight bytes with the length of a header in JSON, the header, the tensors.

Source: https://github.com/huggingface/safetensors, README, section "Format".
"""

import os
from typing import Any

from archcalc.comparison.weights import Stored, Weights
from archcalc.importing.checkpoint import MAX_JSON, json_object, malformed
from archcalc.spec.document import readable

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip

MAX_AXES = 64


def read(path: str) -> Weights:
    """The tensors of a file, in the order of its header."""
    with readable(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        if len(start) < 8:
            raise malformed(path, "it is shorter than the eight bytes of its length")
        length = int.from_bytes(start, "little")
        if length > size - 8:
            raise malformed(path, f"its header has {length:,} bytes, and the file {size:,}")
        header = json_object(path, file.read(min(length, MAX_JSON + 1)))
    room = size - 8 - length
    tensors = {name: tensor(path, name, each, room) for name, each in header.items() if name != "__metadata__"}
    return Weights(path, tensors)


def tensor(path: str, name: str, each: Any, room: int) -> Stored:
    """A tensor, whose bytes lie within the file and are as many as its shape needs."""
    if not isinstance(each, dict) or not {"dtype", "shape", "data_offsets"} <= each.keys():
        raise malformed(path, f"'{name[:80]}' has no dtype, shape or data_offsets")
    shape, dtype, offsets = each["shape"], each["dtype"], each["data_offsets"]
    if not counts(shape) or len(shape) > MAX_AXES:
        raise malformed(path, f"'{name[:80]}' has a shape that is not a list of sizes")
    if not counts(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1] <= room:
        raise malformed(path, f"'{name[:80]}' lies outside of the file")
    found = Stored(tuple(shape), dtype if isinstance(dtype, str) else "")
    if found.dtype not in BITS:
        raise malformed(path, f"'{name[:80]}' has the unknown dtype '{str(dtype)[:20]}'")
    if found.numel * BITS[found.dtype] != 8 * (offsets[1] - offsets[0]):
        raise malformed(path, f"'{name[:80]}' has a shape that does not fit its bytes")
    return found


def counts(value: Any) -> bool:
    """Whether a value is a list of numbers from 0 to 2**63."""
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in value)
