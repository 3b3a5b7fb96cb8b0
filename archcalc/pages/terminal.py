"""The outline as text for a terminal: a lane for every skip, a bar per item, and memory as a sparkline."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archcalc.core.render import columns, printable
from archcalc.pages.outline import INPUT, Item, outline

EIGHTHS = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588"
LEVELS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
BAR = 16
SHORTEST = 4
"""Columns of the longest bar; shorter ones are left out."""
GAP = 2
MOST_LANES = 12
UNITS = ("", " K", " M", " G", " T", " P")


def rounded(count: int) -> str:
    """Three digits and a prefix.

    >>> rounded(25_557_032), rounded(64)
    ('25.6 M', '64')
    """
    number, unit = float(count), 0
    while number >= 999.5 and unit < len(UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:#.3g}".rstrip(".") + UNITS[unit] if unit else str(count)


def bar(part: float, longest: int = BAR) -> str:
    """A bar of eighths of characters; at least one eighth of what is not zero."""
    eighths = max(1, round(8 * longest * part)) if part > 0 else 0
    return EIGHTHS[8] * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def text(document: Mapping[str, Any], depth: int, room: int) -> str:
    """The picture, in lines of at most `room` columns. Where they are narrow, bars are shorter or left out, and blocks
    do not say how many layers they have."""
    items = outline(document, depth)
    most = max((each.macs for each in items), default=0) or 1
    total = sum(each.macs for each in items) or 1
    rows = list(zip(lanes(items), (cells(each, total) for each in items), items, strict=True))
    widths = [max(columns(row[i]) for _, row, _ in rows) for i in range(3)]
    left = max(columns(line) for (before, own), _, _ in rows for line in (*before, own))
    free = room - left - widths[1] - widths[2] - 3 * GAP
    widths[0] = max(max(columns(each.title) for each in items), min(widths[0], free))
    longest = min(BAR, free - widths[0] - GAP)
    made = [printable(document["name"] or "Network"), ""]
    for (before, line), (name, size, share), item in rows:
        made += before
        label = name if columns(name) <= widths[0] else item.title
        label += " " * (widths[0] - columns(label))
        drawn = bar(item.macs / most, longest) if longest >= SHORTEST else ""
        made.append(f"{line:{left}}  {label}  {size:>{widths[1]}}  {share:>{widths[2]}}  {drawn}".rstrip())
    return "\n".join([*made, *sparkline(document, room)]) + "\n"


def cells(item: Item, total: int) -> tuple[str, str, str]:
    """The name of an item, its size, and its MACs with their share."""
    layers = f"  ({item.layers} layers)" if item.is_block else ""
    share = f"{rounded(item.macs)} {100 * item.macs / total:4.1f} %" if item.macs else ""
    return f"{item.title}{layers}", item.size, share


def lanes(items: Sequence[Item]) -> Iterator[tuple[list[str], str]]:
    """For each item the lines before it, where a lane begins, and its own, where lanes end.

    The first lane is the chain; each other carries the output of one item to those that take it further down.
    """
    waiting = Counter(source for item in items for source in item.sources)
    open_lanes: list[int | None] = []
    for number, item in enumerate(items):
        before: list[str] = []
        last = number - 1
        if last >= 0 and waiting[last] > (last in item.sources) and len(open_lanes) < MOST_LANES:
            place = next((i for i, each in enumerate(open_lanes) if each is None), len(open_lanes))
            start = "\u251c" if last in item.sources else "\u2570"
            line = start + "".join(
                "\u2500\u253c" if each is not None else "\u2500\u2500" for each in open_lanes[:place]
            )
            rest = "".join(" \u2502" if each is not None else "  " for each in open_lanes[place + 1 :])
            before.append(f"{line}\u2500\u256e{rest}".rstrip())
            open_lanes[place : place + 1] = [last]
        ending = [i for i, each in enumerate(open_lanes) if each is not None and each in item.sources and each != last]
        for source in item.sources:
            waiting[source] -= 1
        yield before, node(item, open_lanes, ending, waiting)
        open_lanes = [None if each is None or waiting[each] <= 0 else each for each in open_lanes]
        while open_lanes and open_lanes[-1] is None:
            open_lanes.pop()


def node(item: Item, open_lanes: Sequence[int | None], ending: Sequence[int], waiting: Counter[int]) -> str:
    """The line of an item, joined to the lanes whose value it takes."""
    line = "\u25cb" if item.family == INPUT else "\u25cf"
    far = max(ending, default=-1)
    for i, each in enumerate(open_lanes):
        dash = "\u2500" if i <= far else " "
        if i in ending:
            is_done = each is not None and waiting[each] <= 0
            sign = ("\u256f" if i == far else "\u2534") if is_done else ("\u2524" if i == far else "\u253c")
        elif each is not None:
            sign = "\u253c" if i < far else "\u2502"
        else:
            sign = "\u2500" if i < far else " "
        line += dash + sign
    return line.rstrip()


def sparkline(document: Mapping[str, Any], room: int) -> list[str]:
    """Memory over a training step, the peak of each part of it; nothing if it was not predicted."""
    live = [each[2] for each in document.get("timeline", ())]
    if not live:
        return []
    count, most = min(len(live), max(8, room - 30)), max(live) or 1
    parts = [
        live[i * len(live) // count : max((i + 1) * len(live) // count, i * len(live) // count + 1)]
        for i in range(count)
    ]
    levels = "".join(LEVELS[min(7, 8 * max(part) // most)] for part in parts)
    return ["", f"memory  {levels}  peak {rounded(most)}B"]
