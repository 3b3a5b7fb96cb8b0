"""ONNX files written by hand, as onnx.proto says, to be read and damaged in tests."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

TYPES = {"float32": 1, "int64": 7, "bool": 9}

Shape = Sequence[int | str]


def varint(n: int) -> bytes:
    n &= (1 << 64) - 1
    found = bytearray()
    while n > 127:
        found.append(n & 127 | 128)
        n >>= 7
    return bytes([*found, n])


def number(key: int, n: int) -> bytes:
    return varint(key << 3) + varint(n)


def part(key: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return varint(key << 3 | 2) + varint(len(data)) + data


def tensor(name: str, shape: Sequence[int], values: Sequence[float] | None = None, dtype: str = "float32") -> bytes:
    """With its values, or with none: as a file whose weights lie elsewhere."""
    found = part(1, b"".join(map(varint, shape))) + number(2, TYPES[dtype]) + part(8, name)
    if values is not None:
        found += part(9, struct.pack(f"<{len(values)}{'f' if dtype == 'float32' else 'q'}", *values))
    return found


def attribute(name: str, value: Any) -> bytes:
    found = part(1, name)
    if isinstance(value, bool | int):
        return found + number(3, int(value)) + number(20, 2)
    if isinstance(value, float):
        return found + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, str):
        return found + part(4, value) + number(20, 3)
    if isinstance(value, bytes):
        return found + part(5, value) + number(20, 4)
    return found + part(8, b"".join(map(varint, value))) + number(20, 7)


def node(operator: str, reads: str, makes: str, domain: str = "", **attributes: Any) -> bytes:
    """`reads` and `makes` in words; `-` is an input that is left out."""
    found = b"".join(part(1, "" if each == "-" else each) for each in reads.split())
    found += b"".join(part(2, each) for each in makes.split()) + part(4, operator)
    found += b"".join(part(5, attribute(name, value)) for name, value in attributes.items())
    return found + (part(7, domain) if domain else b"")


def info(name: str, shape: Shape, dtype: str = "float32") -> bytes:
    axes = b"".join(part(1, number(1, n) if isinstance(n, int) else part(2, n)) for n in shape)
    return part(1, name) + part(2, part(1, number(1, TYPES[dtype]) + part(2, axes)))


def model(
    nodes: Sequence[bytes],
    inputs: Mapping[str, Shape],
    tensors: Sequence[bytes] = (),
    outputs: str = "y",
    known: Mapping[str, Shape] | None = None,
    opset: int = 20,
) -> bytes:
    """A file; `known`: shapes of values that it states."""
    graph = b"".join(part(1, each) for each in nodes) + part(2, "net") + b"".join(part(5, each) for each in tensors)
    graph += b"".join(part(11, info(name, shape)) for name, shape in inputs.items())
    graph += b"".join(part(12, part(1, name)) for name in outputs.split())
    graph += b"".join(part(13, info(name, shape)) for name, shape in (known or {}).items())
    return number(1, 8) + part(2, "tests") + part(7, graph) + part(8, part(1, "") + number(2, opset))
