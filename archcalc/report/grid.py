"""Cells that fit a width: formulas are broken between their terms, and columns that still do not fit are hidden."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from archcalc.record import record
from archcalc.report.layout import Column

GAP = 2

TERM = re.compile(r" (?=[+-] )")
"""The blank before the sign of a term."""


@record
class Grid:
    """The columns that are shown, by their numbers, and their widths with the gap before them."""

    kept: tuple[int, ...]
    widths: tuple[int, ...]


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int | None) -> Grid:
    """The columns that fit into `room` characters. Of the others the highest rank hides first, never the layer."""
    full = [widest(column, [row[i] for row in rows], i) for i, column in enumerate(columns)]
    everything = tuple(range(len(columns)))
    if room is None or sum(full) <= room:
        return Grid(everything, tuple(full))
    least = [widest(c, [term for row in rows for term in TERM.split(row[i])], i) for i, c in enumerate(columns)]
    kept = [*everything]
    while sum(least[i] for i in kept) > room and len(kept) > 1:
        kept.remove(max(kept, key=lambda i: (columns[i].rank, i)))
    widths = {i: least[i] for i in kept}
    for _ in range(room - sum(widths.values())):
        narrow = [i for i in kept if widths[i] < full[i]]
        if narrow:
            widths[min(narrow, key=lambda i: widths[i])] += 1
    return Grid(tuple(kept), tuple(widths.values()))


def widest(column: Column, cells: Sequence[str], number: int) -> int:
    return max(len(column.title), *map(len, cells)) + GAP * (number > 0)


def lines_of(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """A row as lines: cells that are broken take several."""
    rooms = [width - GAP * (i > 0) for i, width in enumerate(widths)]
    if all(len(cell) <= room for cell, room in zip(cells, rooms, strict=True)):
        yield aligned(columns, cells, widths)
        return
    broken = [[*terms(cell, room)] for cell, room in zip(cells, rooms, strict=True)]
    for parts in zip_longest(*broken, fillvalue=""):
        yield aligned(columns, parts, widths)


def terms(cell: str, width: int) -> Iterator[str]:
    """A cell in lines of this width, broken before the signs of terms."""
    line = ""
    for term in TERM.split(cell):
        if line and len(line) + 1 + len(term) > width:
            yield line
            line = term
        else:
            line = f"{line} {term}" if line else term
    yield line


def aligned(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    """Numbers right-aligned, words left-aligned."""
    parts = []
    for i, (column, cell, width) in enumerate(zip(columns, cells, widths, strict=True)):
        gap = " " * GAP if i else ""
        parts.append(cell.rjust(width) if column.numeric else gap + cell.ljust(width - len(gap)))
    return "".join(parts).rstrip()
