"""The journal of a sweep: the results of its tasks as they end, so that an interrupted sweep can go on.

A line says which sweep it is. Each task adds one record: a line with its designs, the length and the checksum of its
result, and the result. A record that was cut off by the end of the process or of the disk is not read.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from archcalc.core.version import VERSION
from archcalc.record import field, record
from archcalc.spec.declaration import Document
from archcalc.sweeping.question import Question

FORMAT = 1


class JournalError(Exception):
    """A journal that cannot be used; the message says what to do."""


def fingerprint(question: Question) -> str:
    """Identifies a sweep: equal for two questions with the same answer."""
    parts: list[Any] = [VERSION, question.wanted, question.top, question.batch, question.dtype, repr(question.setup)]
    parts += [(name, texts_of(each), each.name) for name, each in question.documents.items()]
    parts += [[(name, repr(values)) for name, values in axis.columns.items()] for axis in question.space.axes]
    parts += [[each.text for each in question.where], [each.words for each in question.objectives]]
    parts += [
        [each.text for each in question.columns],
        question.histogram and question.histogram.text,
        list(question.options),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def texts_of(document: Document) -> list[str]:
    """The texts that a document was read from, its imports included."""
    found = {document.source.name: document.source.text}
    for library in document.libraries.values():
        places = [each.where for each in library.blocks.values()] + [each.name.where for each in library.params]
        found |= {where.source.name: where.source.text for where in places if not where.source.name.startswith("--")}
    return [found[name] for name in sorted(found)]


@record(frozen=False)
class Journal:
    """A journal that is open for writing. `why`: why it is written no more, if that is so."""

    path: Path
    question: Question
    why: str = ""
    done: list[tuple[int, int]] = field(default_factory=list)

    @property
    def head(self) -> dict[str, Any]:
        return {"archcalc sweep": FORMAT, "sweep": fingerprint(self.question), "designs": self.question.space.size}

    def start(self) -> None:
        """Creates the file. Raises JournalError where another one is there, or if it cannot be created."""
        if self.path.exists():
            raise JournalError(
                f"{self.path} is the journal of an interrupted sweep: --resume continues it; remove it to start again"
            )
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            partial.write_bytes(json.dumps(self.head).encode() + b"\n")
            partial.replace(self.path)
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be written: {error.strerror or error}") from None
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def resume(self) -> Iterator[bytes]:
        """The results of the tasks that have ended. Raises JournalError for a journal of another sweep."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            raise JournalError(f"there is no journal {self.path}: nothing was interrupted") from None
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be read: {error.strerror or error}") from None
        first, _, _ = data.partition(b"\n")
        if first != json.dumps(self.head).encode():
            raise JournalError(
                f"{self.path} belongs to another sweep: its spec, its options or the version of archcalc differ; "
                "repeat the command that was interrupted, or remove the file"
            )
        whole = len(first) + 1
        for begin, end, result, after in records(data, whole):
            self.done.append((begin, end))
            whole = after
            yield result
        self.cut(whole)

    def cut(self, whole: int) -> None:
        """Removes a record that was cut off."""
        try:
            os.truncate(self.path, whole)
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be written: {error.strerror or error}") from None

    def add(self, begin: int, end: int, result: bytes) -> None:
        """Adds a task. If the disk takes no more, the journal ends before it."""
        if self.why:
            return
        head = f"{begin} {end} {len(result)} {crc32(result):08x}\n".encode()
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("ab") as file:
                file.write(head + result + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self.done.append((begin, end))
        except OSError as error:
            self.why = error.strerror or str(error)
            with suppress(OSError):
                os.truncate(self.path, size)

    def remove(self) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def records(data: bytes, at: int) -> Iterator[tuple[int, int, bytes, int]]:
    """The whole records from a place on: the designs, the result, and the place after it."""
    while (line := data.find(b"\n", at)) > 0:
        try:
            begin, end, length = map(int, data[at:line].split()[:3])
            checksum = int(data[at:line].split()[3], 16)
        except (ValueError, IndexError):
            return
        result = data[line + 1 : line + 1 + length]
        at = line + 1 + length + 1
        if len(result) < length or data[at - 1 : at] != b"\n" or crc32(result) != checksum:
            return
        yield begin, end, result, at


def missing(done: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """The designs that no task has evaluated.

    >>> missing([(4, 8), (0, 2)], 10)
    [(2, 4), (8, 10)]
    """
    found, at = [], 0
    for begin, end in sorted(done):
        if begin > at:
            found.append((at, begin))
        at = max(at, end)
    return [*found, (at, size)] if at < size else found
