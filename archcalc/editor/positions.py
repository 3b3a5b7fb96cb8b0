"""Places in a text as the language server protocol names them: lines, and UTF-16 units within a line."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from archcalc.core.location import Location

END = re.compile(r"\r\n|\n|\r")
"""The end of a line in the protocol; other characters, which may break a line elsewhere, are within it."""


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


def changed(text: str, changes: Iterable[Mapping[str, Any]]) -> str:
    """A text after changes, one after the other: each of a range, or of the whole text.

    >>> end = {"line": 1, "character": 1}
    >>> changed("ab\\ncd", [{"range": {"start": end, "end": end}, "text": "X"}])
    'ab\\ncXd'
    """
    for each in changes:
        if span := each.get("range"):
            begin, end = (offset_of(text, span[side]) for side in ("start", "end"))
            text = text[:begin] + each["text"] + text[max(begin, end) :]
        else:
            text = each["text"]
    return text


def offset_of(text: str, at: Mapping[str, int]) -> int:
    """The characters before a position. Lines end with a line feed, a carriage return, or both."""
    begin = 0
    for _ in range(at["line"]):
        found = END.search(text, begin)
        if found is None:
            return len(text)
        begin = found.end()
    end = END.search(text, begin)
    return begin + column_of(text[begin : end.start() if end else len(text)], at["character"])


def range_of(where: Location) -> dict[str, Any]:
    """A location as the protocol's range; its end is in its line."""
    line = where.source.line(where.line)
    end = min(where.column + where.length, max(len(line), where.column))
    return span(where.line, units(line, where.column), units(line, end))


def span(line: int, begin: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": begin}, "end": {"line": line, "character": end}}
