"""The table for terminals: totals, where their differences come from, and what differs."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from archcalc.comparison.comparison import Comparison
from archcalc.comparison.rows import Look, Rows
from archcalc.comparison.weight_rows import WeightRows
from archcalc.comparison.weights import WeightComparison
from archcalc.core.render import RESET, printable
from archcalc.report.units import rounded

GAP = 2
CHANGE = 60
"""The widest a column of words becomes before its cells are wrapped."""
NARROWEST = 16
LONGEST_NAME = 20
"""The longest name of a network that heads a column; the first line has it in any case."""

UNCUT: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
"""Words are never cut."""

PAINT = {"+": "\x1b[32m", "-": "\x1b[31m", "~": "\x1b[33m"}
WORDS = 3
"""The columns before the numbers."""


def write(comparison: Comparison, look: Look) -> str:
    rows = Rows(comparison, look.every)
    if comparison.is_empty:
        return f"{printable(rows.same)}\n"
    lines = [
        *wrapped(" -> ".join(rows.names), look.room),
        *wrapped(rows.summary, look.room),
        "",
        *totals(rows, look.room),
        "",
        *(part for line in rows.why for part in wrapped(line, look.room)),
        "",
        *differences(rows, look),
    ]
    return "\n".join(map(safe, lines)) + "\n"


def totals(rows: Rows, room: int | None) -> list[str]:
    """The totals; on a narrow terminal without percentages, then with other headings, then with rounded numbers."""
    short = ("", "before", "after", "Difference")
    own = ("", *rows.names, "Difference") if max(map(len, rows.names)) <= LONGEST_NAME else short
    cells = list(rows.totals)
    bare = [(*row[:-1], row[-1].partition(" ")[0]) for row in cells]
    for heading, body in ((own, cells), (own, bare), (short, bare)):
        lines = grid(heading, body, words=1)
        if room is None or max(map(len, lines)) <= room:
            return lines
    rough = [(row[0], *map(shortened, row[1:])) for row in bare]
    return [*grid(short, rough, words=1), *wrapped("numbers are rounded to fit; widen the terminal", room)]


def shortened(cell: str) -> str:
    """A number of a cell with three digits; other cells stay."""
    digits = cell.lstrip("+-").replace(",", "")
    sign = cell[: len(cell) - len(cell.lstrip("+-"))]
    return sign + rounded(int(digits)) if digits.isdecimal() else cell


def safe(line: str) -> str:
    """A line whose characters are safe for a terminal, apart from our own colours."""
    return line if line.startswith("\x1b[") else printable(line)


def wrapped(line: str, room: int | None) -> list[str]:
    return textwrap.wrap(line, room, subsequent_indent="  ", **UNCUT) if room else [line]


def differences(rows: Rows, look: Look) -> Iterator[str]:
    """The rows of differences. If there is no room, the last columns of numbers are hidden."""
    titles, cells = list(rows.titles), list(rows.differences)
    longest = [max((len(word) for row in cells for word in row[i].split()), default=0) for i in (1, 2)]
    hidden: list[str] = []
    while True:
        room = room_of_words(titles, cells, look.room)
        if look.room is None or room >= max(2 * NARROWEST, sum(longest)) or len(titles) == WORDS + 1:
            break
        hidden.insert(0, titles.pop())
        cells = [row[:-1] for row in cells]
    names = max(longest[0], min(CHANGE, room // 2)) if look.room else CHANGE
    changes = max(longest[1], min(CHANGE, room - names)) if look.room else CHANGE
    lines = grid(titles, [part for row in cells for part in folded(row, names, changes)], words=WORDS)
    for line in lines:
        code = PAINT.get(line[:1]) if look.color else None
        yield f"{code}{line}{RESET}" if code else line
    if hidden:
        yield from wrapped(f"columns hidden: {', '.join(hidden)}; widen the terminal", look.room)


def room_of_words(titles: Sequence[str], cells: Sequence[Sequence[str]], room: int | None) -> int:
    """The characters that are left for the names and changes."""
    numbers = widths([titles, *cells])[WORDS:]
    return (room or 0) - 1 - sum(each + GAP for each in numbers) - 2 * GAP


def folded(row: Sequence[str], width: int, room: int) -> Iterator[Sequence[str]]:
    """A row whose name and change are at most so wide; what does not fit stands in rows below it."""
    sign, layer, change, *numbers = row
    names = textwrap.wrap(layer, width, **UNCUT) or [""]
    changes = textwrap.wrap(change, room, **UNCUT) or [""]
    for index in range(max(len(names), len(changes))):
        first = index == 0
        yield (
            sign if first else "",
            names[index] if index < len(names) else "",
            changes[index] if index < len(changes) else "",
            *(numbers if first else [""] * len(numbers)),
        )


def widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def grid(titles: Sequence[str], cells: Sequence[Sequence[str]], *, words: int) -> list[str]:
    """Aligned rows under a heading: the first columns are words, the others numbers."""
    wide = widths([titles, *cells])
    gap = " " * GAP
    made = []
    for row in [titles, *cells]:
        parts = [c.ljust(w) if i < words else c.rjust(w) for i, (c, w) in enumerate(zip(row, wide, strict=True))]
        made.append(gap.join(parts).rstrip())
    return [made[0], "-" * (sum(wide) + GAP * (len(wide) - 1)), *made[1:]]


def write_weights(comparison: WeightComparison, look: Look) -> str:
    """A comparison of weights: what differs, and a summary."""
    rows = WeightRows(comparison, look.every)
    lines = [rows.title, *wrapped(rows.summary, look.room), *rows.notes]
    if not comparison.is_empty:
        room = (look.room or 0) // 2 if look.room else CHANGE
        cells = [part for row in rows.rows for part in folded(row, room, room)]
        lines += ["", *grid(("", "Weight", "Shape", "Elements"), cells, words=WORDS)]
    return "\n".join(map(printable, lines)) + "\n"
