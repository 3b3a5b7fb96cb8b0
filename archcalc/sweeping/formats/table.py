"""The table for terminals: one line for each design, and what became of the others. Numbers are never shortened."""

from collections.abc import Iterator

from archcalc.core.render import fitted
from archcalc.sweeping.question import COUNT
from archcalc.sweeping.sweep import Sweep, cell, summary

GAP = "  "

MOST_LINES = 1000
"""Lines of a table; a file takes any number."""

BAR = 40
"""The width of the longest bar of a histogram."""


def write(sweep: Sweep, room: int | None = None) -> str:
    """The whole text; `room`: the width in characters (None: no limit)."""
    sweep.check_rows()
    parts = [*heading(sweep), *designs(sweep, room), *histogram(sweep), *others(sweep)]
    return fitted("\n".join(parts) + "\n", room)


def heading(sweep: Sweep) -> Iterator[str]:
    yield sweep.question.documents[""].name
    yield summary(sweep)


def designs(sweep: Sweep, room: int | None) -> Iterator[str]:
    if sweep.question.wanted == COUNT or not len(sweep.designs):
        return
    columns: dict[str, list[str]] = {}
    for table in sweep.tables():
        for name, values in table.items():
            columns.setdefault(name, []).extend(map(cell, values))
        if len(next(iter(columns.values()))) >= MOST_LINES:
            break
    if set(columns.get("alike", ())) == {"1"}:
        del columns["alike"]
    shown, left_out = fitting(columns, room)
    yield ""
    yield from lines(shown)
    if len(sweep.designs) > MOST_LINES:
        yield f"and {len(sweep.designs) - MOST_LINES:,} more: write them to a file with -o designs.csv"
    if left_out:
        yield f"not shown: {', '.join(left_out)}"


def fitting(columns: dict[str, list[str]], room: int | None) -> tuple[dict[str, list[str]], list[str]]:
    """The columns that fit into `room` characters, and the names of the last ones, which do not."""
    shown: dict[str, list[str]] = {}
    left, used = [], 0
    for name, cells in columns.items():
        used += len(GAP) * bool(shown) + max(len(name), *map(len, cells[:MOST_LINES]))
        if room is None or used <= room or not shown:
            shown[name] = cells
        else:
            left.append(name)
    return shown, left


def lines(columns: dict[str, list[str]]) -> Iterator[str]:
    widths = [max(len(name), *map(len, cells[:MOST_LINES])) for name, cells in columns.items()]
    yield GAP.join(f"{name:>{width}}" for name, width in zip(columns, widths, strict=True))
    yield "-" * (sum(widths) + len(GAP) * (len(widths) - 1))
    for row in list(zip(*columns.values(), strict=True))[:MOST_LINES]:
        yield GAP.join(f"{each:>{width}}" for each, width in zip(row, widths, strict=True))


def histogram(sweep: Sweep) -> Iterator[str]:
    rows = sweep.histogram
    if not rows or sweep.question.histogram is None:
        return
    most = max(count for _, _, count in rows)
    width = len(f"{rows[-1][1]:,}")
    yield ""
    yield f"{sweep.question.histogram.text}, from the number on each line up to the next"
    for first, _, count in rows:
        yield f"{first:>{width},}  {count:>{len(f'{most:,}')},}  {'#' * max(1, count * BAR // most)}"


def others(sweep: Sweep) -> Iterator[str]:
    """The designs that are not in the result, by the reason."""
    tally = sweep.tally
    rows = [(f"{count:,}", f"excluded by {text}") for text, count in tally.excluded.items() if count]
    rows += [(f"{count:,}", f"not valid: {text}") for text, count in tally.invalid.most_common()]
    if rows:
        yield ""
        width = max(len(count) for count, _ in rows)
        yield from (f"{count:>{width}}  {text}" for count, text in rows)
