"""Places in a spec, kept from the first byte read to the last diagnostic printed."""

from dataclasses import dataclass, replace
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """A text that somebody wrote, and the name to call it by: a path, `<stdin>`, `-e`."""

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def line(self, number: int) -> str:
        return self.lines[number] if number < len(self.lines) else ""


@dataclass(frozen=True, slots=True)
class Location:
    """`length` characters from `line` and `column`, both counted from 0; printed from 1."""

    source: Source
    line: int = 0
    column: int = 0
    length: int = 1

    @property
    def text(self) -> str:
        """What stands there, of its first line."""
        return self.source.line(self.line)[self.column : self.column + self.length]

    def part(self, offset: int, length: int) -> "Location":
        """A part of this place, `offset` characters in."""
        return replace(self, column=self.column + offset, length=length)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line + 1}:{self.column + 1}"
