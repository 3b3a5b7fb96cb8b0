"""Places in a text as the language server protocol names them: lines, and UTF-16 units within a line."""

from typing import Any

from archcalc.core.location import Location


def units(line: str, column: int) -> int:
    """The UTF-16 units before a column.

    >>> units("a\\U0001f600b", 2)
    3
    """
    return column if line.isascii() else len(line[:column].encode("utf-16-le")) // 2


def column_of(line: str, units: int) -> int:
    """The column after so many UTF-16 units; the end of the line if it has fewer.

    >>> column_of("a\\U0001f600b", 3), column_of("ab", 99)
    (2, 2)
    """
    if line.isascii():
        return min(units, len(line))
    return len(line.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore"))


def range_of(where: Location) -> dict[str, Any]:
    """A location as the protocol's range; its end is in its line."""
    line = where.source.line(where.line)
    end = min(where.column + where.length, max(len(line), where.column))
    return span(where.line, units(line, where.column), units(line, end))


def span(line: int, begin: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": begin}, "end": {"line": line, "character": end}}
