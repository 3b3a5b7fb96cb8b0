"""Cells that fit a width: formulas are broken between their terms, and columns that still do not fit are hidden."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from operator import le

from archcalc.record import record
from archcalc.report.layout import Column

GAP = 2

TERM = r" (?=[+-] )"
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
    least = [widest(c, [term for row in rows for term in re.split(TERM, row[i])], i) for i, c in enumerate(columns)]
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


def form_of(columns: Sequence[Column], widths: Sequence[int]) -> str:
    """What makes a line of cells: numbers right-aligned, words left-aligned."""
    sides = ("" if column.numeric else "-" for column in columns)
    gaps = ("" if column.numeric or i == 0 else " " * GAP for i, column in enumerate(columns))
    return "".join(f"{gap}%{side}{width - len(gap)}s" for gap, side, width in zip(gaps, sides, widths, strict=True))


def lines_of(form: str, cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """A row as lines: cells that are broken take several."""
    rooms = [width - GAP * (i > 0) for i, width in enumerate(widths)]
    if all(map(le, map(len, cells), rooms)):
        yield (form % (*cells,)).rstrip()
        return
    for parts in zip_longest(*(terms(cell, room) for cell, room in zip(cells, rooms, strict=True)), fillvalue=""):
        yield (form % parts).rstrip()


def terms(cell: str, width: int) -> Iterator[str]:
    """A cell in lines of this width, broken before the signs of terms."""
    line = ""
    for term in re.split(TERM, cell):
        if line and len(line) + 1 + len(term) > width:
            yield line
            line = term
        else:
            line = f"{line} {term}" if line else term
    yield line
