"""GGUF: counts, keys and values, then a name, a shape and a type for each tensor; the tensors.

Source: https://github.com/ggml-org/ggml, docs/gguf.md. Sizes are written the fastest axis first; they are read in the
order of torch, the slowest first.
"""

import mmap
import os
import struct

from archcalc.comparison.weights import Stored, Weights
from archcalc.importing.checkpoint import malformed
from archcalc.record import record
from archcalc.spec.document import readable

VERSIONS = (2, 3)

FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""The bytes of a value by its type."""
STRING, ARRAY = 8, 9

MAX_TENSORS, MAX_KEYS, MAX_STRINGS, MAX_NESTING, MAX_NAME, MAX_AXES = 200_000, 20_000, 2_000_000, 4, 1024, 8

TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
"""By number: the name, the values of a block, and its bytes."""


class Damaged(Exception):
    """The file is not as it says; the message gives the reason."""


def read(path: str) -> Weights:
    """The tensors of a file, in its order."""
    with readable(path) as file:
        if not os.fstat(file.fileno()).st_size:
            raise malformed(path, "it is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return Weights(path, tensors(Cursor(data, len(data))))
            except Damaged as damaged:
                raise malformed(path, str(damaged)) from None


@record(frozen=False)
class Cursor:
    """A place in the file. Nothing beyond its end is read. `strings`: the strings that may still be skipped."""

    data: mmap.mmap
    end: int
    at: int = 0
    strings: int = MAX_STRINGS

    def skip(self, count: int) -> int:
        """Goes on by a number of bytes; returns the place before."""
        start = self.at
        if count > self.end - start:
            raise Damaged("it ends within its header")
        self.at = start + count
        return start

    def number(self, size: int) -> int:
        start = self.skip(size)
        return int.from_bytes(self.data[start : start + size], "little")

    def text(self) -> str:
        length = self.number(8)
        if length > MAX_NAME:
            raise Damaged(f"a name has {length:,} bytes")
        start = self.skip(length)
        try:
            return self.data[start : start + length].decode()
        except UnicodeDecodeError:
            raise Damaged("a name is not UTF-8 text") from None

    def skip_value(self, kind: int, depth: int = 0) -> None:
        """Passes over a value of a type."""
        if kind in FIXED:
            self.skip(FIXED[kind])
        elif kind == STRING:
            self.skip_strings(1)
        elif kind == ARRAY and depth < MAX_NESTING:
            inner, count = self.number(4), self.number(8)
            if inner in FIXED:
                self.skip(count * FIXED[inner])
            elif inner == STRING:
                self.skip_strings(count)
            else:
                self.skip_arrays(inner, count, depth + 1)
        else:
            raise Damaged("its values are nested too deeply" if kind == ARRAY else f"a value has the type {kind:,}")

    def skip_arrays(self, kind: int, count: int, depth: int) -> None:
        self.allow(count)
        for _ in range(count):
            self.skip_value(kind, depth)

    def skip_strings(self, count: int) -> None:
        self.allow(count)
        at, end, data = self.at, self.end, self.data
        length_at = struct.Struct("<Q").unpack_from
        for _ in range(count):
            if end - at < 8:
                raise Damaged("it ends within its header")
            at += 8 + length_at(data, at)[0]
            if at > end:
                raise Damaged("it ends within its header")
        self.at = at

    def allow(self, count: int) -> None:
        """Counts values that are passed over one by one."""
        self.strings -= count
        if self.strings < 0:
            raise Damaged(f"it has more than {MAX_STRINGS:,} strings")


def tensors(cursor: Cursor) -> dict[str, Stored]:
    """What the header says of each tensor; all lie within the file."""
    start = cursor.skip(4)
    if cursor.data[start : start + 4] != b"GGUF":
        raise Damaged("it does not begin with GGUF")
    version = cursor.number(4)
    if version not in VERSIONS:
        raise Damaged(f"its version is {version:,}; archcalc reads {' and '.join(map(str, VERSIONS))}")
    count, keys = cursor.number(8), cursor.number(8)
    if count > MAX_TENSORS or keys > MAX_KEYS:
        raise Damaged(f"it has {count:,} tensors and {keys:,} keys")
    for _ in range(keys):
        cursor.text()
        cursor.skip_value(cursor.number(4))
    found: dict[str, Stored] = {}
    last = 0
    for _ in range(count):
        name, stored, ends = tensor(cursor)
        if name in found:
            raise Damaged(f"'{name[:80]}' is there twice")
        found[name], last = stored, max(last, ends)
    if last > cursor.end - cursor.at:
        raise Damaged("a tensor ends beyond the file")
    return found


def tensor(cursor: Cursor) -> tuple[str, Stored, int]:
    """A tensor's name, shape and type, and where it ends behind the header."""
    name, axes = cursor.text(), cursor.number(4)
    if axes > MAX_AXES:
        raise Damaged(f"'{name[:80]}' has {axes:,} axes")
    shape = tuple(cursor.number(8) for _ in range(axes))[::-1]
    kind, offset = cursor.number(4), cursor.number(8)
    word, block, size = TYPES.get(kind, (f"type {kind}", 1, 0))
    stored = Stored(shape, word)
    return name, stored, offset + -(-stored.numel // block) * size
