"""Protobuf's wire format: the fields of a message, in bounded time.

Source: https://protobuf.dev/programming-guides/encoding.
"""

import struct
from collections.abc import Iterator
from typing import TypeAlias

Field: TypeAlias = tuple[int, int | memoryview]
"""The number of a field, and its value: a number, or the bytes of anything else."""

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
"""How a value is written."""

MAX_NAME = 4096
"""Bytes of a text that are read; longer ones are cut, as stack traces are."""


class Damaged(Exception):
    """The file is not as it says; the message gives the reason."""


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message in their order. Raises Damaged if it ends within one."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        kind = key & 7
        value: int | memoryview
        if kind == VARINT:
            value, at = varint(data, at)
            value -= (value >> 63) << 64
        else:
            size, at = varint(data, at) if kind == LENGTH else (SIZES.get(kind, -1), at)
            if not 0 <= size <= end - at:
                raise Damaged("it ends within a message" if size >= 0 else "it has a field of an unknown kind")
            value, at = data[at : at + size], at + size
        yield key >> 3, value


SIZES = {EIGHT_BYTES: 8, FOUR_BYTES: 4}


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of at most 64 bits, and the place behind it."""
    found = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise Damaged("it ends within a number")
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found & (1 << 64) - 1, at
    raise Damaged("a number has more than 64 bits")


def message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Damaged("a number stands where a message should")
    return value


def number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise Damaged("a message stands where a number should")
    return value


def text(value: int | memoryview) -> str:
    return bytes(message(value)[:MAX_NAME]).decode("utf-8", "replace")


def numbers(value: int | memoryview, most: int) -> list[int]:
    """One number, or several of at most `most` in a row."""
    if isinstance(value, int):
        return [value]
    found: list[int] = []
    at = 0
    while at < len(value) and len(found) < most:
        each, at = varint(value, at)
        found.append(each - ((each >> 63) << 64))
    return found


def floats(value: int | memoryview, most: int) -> list[float]:
    data = bytes(message(value)[: 4 * most])
    return list(struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4]))
