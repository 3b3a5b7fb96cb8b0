"""Checkpoints written by hand, as their formats say, to be damaged in tests."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8}
KINDS = {"F32": 0, "F16": 1, "BF16": 30, "I64": 27}

Tensors = Mapping[str, tuple[str, tuple[int, ...]]]
"""The dtype and the shape of each tensor."""


def size(dtype: str, shape: tuple[int, ...]) -> int:
    count = BYTES[dtype]
    for n in shape:
        count *= n
    return count


def safetensors(tensors: Tensors, **changes: Any) -> bytes:
    """A safetensors file whose tensors are zeros; `changes` replace parts of its header."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, shape) in tensors.items():
        end = at + size(dtype, shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header | changes).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


VALUES = (
    string("general.architecture") + struct.pack("<I", 8) + string("llama")
    + string("llama.block_count") + struct.pack("<II", 4, 2)
    + string("tokens") + struct.pack("<IIQ", 9, 8, 3) + string("a") + string("") + string("ccc")
    + string("scores") + struct.pack("<IIQ", 9, 6, 2) + bytes(8)
    + string("nested") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 1, 3) + bytes(3)
)  # fmt: skip
"""Keys of every kind: a string, a number, lists of strings, of numbers, of lists."""


def gguf(
    tensors: Tensors,
    *,
    version: int = 3,
    count: int | None = None,
    keys: int = 5,
    values: bytes = VALUES,
    more: bytes = b"",
) -> bytes:
    """A GGUF file whose tensors are zeros; `more` follows what it says of them."""
    infos, at = b"", 0
    for name, (dtype, shape) in tensors.items():
        sizes = b"".join(struct.pack("<Q", n) for n in reversed(shape))
        infos += string(name) + struct.pack("<I", len(shape)) + sizes + struct.pack("<IQ", KINDS[dtype], at)
        at += -(-size(dtype, shape) // 32) * 32
    found = len(tensors) if count is None else count
    head = b"GGUF" + struct.pack("<IQQ", version, found, keys) + values + infos + more
    return head + bytes(-len(head) % 32 + at)


def sharded(folder: Path, parts: Mapping[str, Tensors], **changes: str) -> Path:
    """A checkpoint in several files; `changes` replace entries of its index."""
    places: dict[str, str] = {}
    for file, tensors in parts.items():
        (folder / file).write_bytes(safetensors(tensors))
        places |= dict.fromkeys(tensors, file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places | changes}))
    return index
