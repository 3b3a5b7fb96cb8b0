"""Locations in a spec, kept from the first byte read to the last diagnostic printed."""

from functools import cached_property

from archcalc.record import record, replace


@record(slots=False)
class Source:
    """A source text and its name: a path, `<stdin>` or `-e`."""

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def line(self, number: int) -> str:
        return self.lines[number] if number < len(self.lines) else ""


@record
class Location:
    """`length` characters from `line` and `column`. Both count from 0 and are printed from 1."""

    source: Source
    line: int = 0
    column: int = 0
    length: int = 1

    @property
    def text(self) -> str:
        """The text at this location, up to the end of its line."""
        return self.source.line(self.line)[self.column : self.column + self.length]

    def part(self, offset: int, length: int) -> "Location":
        """A part of this location, beginning `offset` characters in."""
        return replace(self, column=self.column + offset, length=length)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line + 1}:{self.column + 1}"
