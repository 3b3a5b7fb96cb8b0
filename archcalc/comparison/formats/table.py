"""The table for terminals: totals, where their differences come from, and what differs."""

import textwrap
from collections.abc import Iterator, Sequence

from archcalc.comparison.comparison import Comparison
from archcalc.comparison.rows import Look, Rows
from archcalc.comparison.weight_rows import WeightRows
from archcalc.comparison.weights import WeightComparison
from archcalc.core.render import RESET, printable

GAP = 2
CHANGE = 60
"""The widest a column of words becomes before its cells are wrapped."""
NARROWEST = 16
LONGEST_NAME = 20
"""The longest name of a network that heads a column; the first line has it in any case."""

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
    """The totals; on a narrow terminal without percentages."""
    names = rows.names if max(map(len, rows.names)) <= LONGEST_NAME else ("before", "after")
    heading, cells = ("", *names, "Difference"), list(rows.totals)
    lines = grid(heading, cells, words=1)
    if room and max(map(len, lines)) > room:
        return grid(heading, [(*row[:-1], row[-1].partition(" ")[0]) for row in cells], words=1)
    return lines


def safe(line: str) -> str:
    """A line whose characters are safe for a terminal, apart from our own colours."""
    return line if line.startswith("\x1b[") else printable(line)


def wrapped(line: str, room: int | None) -> list[str]:
    return textwrap.wrap(line, room, subsequent_indent="  ") if room else [line]


def differences(rows: Rows, look: Look) -> Iterator[str]:
    """The rows of differences. If there is no room, the last columns of numbers are hidden."""
    titles, cells = list(rows.titles), list(rows.differences)
    hidden: list[str] = []
    while True:
        room = room_of_words(titles, cells, look.room)
        if look.room is None or room >= 2 * NARROWEST or len(titles) == WORDS + 1:
            break
        hidden.insert(0, titles.pop())
        cells = [row[:-1] for row in cells]
    width = max(NARROWEST, min(CHANGE, room // 2)) if look.room else CHANGE
    lines = grid(titles, [part for row in cells for part in folded(row, width)], words=WORDS)
    for line in lines:
        code = PAINT.get(line[:1]) if look.color else None
        yield f"{code}{line}{RESET}" if code else line
    if hidden:
        yield f"columns hidden: {', '.join(hidden)}; widen the terminal"


def room_of_words(titles: Sequence[str], cells: Sequence[Sequence[str]], room: int | None) -> int:
    """The characters that are left for the names and changes."""
    numbers = widths([titles, *cells])[WORDS:]
    return (room or 0) - 1 - sum(each + GAP for each in numbers) - 2 * GAP


def folded(row: Sequence[str], width: int) -> Iterator[Sequence[str]]:
    """A row whose words are at most so wide; what does not fit stands in rows below it."""
    sign, layer, change, *numbers = row
    names = textwrap.wrap(layer, width) or [""]
    changes = textwrap.wrap(change, width) or [""]
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
        cells = [part for row in rows.rows for part in folded(row, room)]
        lines += ["", *grid(("", "Weight", "Shape", "Elements"), cells, words=WORDS)]
    return "\n".join(map(printable, lines)) + "\n"
