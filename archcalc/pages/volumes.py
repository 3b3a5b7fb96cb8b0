"""The style of papers: every item as its output, a box of its height, width and channels; tokens flat, vectors as bars.

A chain runs from left to right. What does not go on with a chain begins a row below. Skips are arcs above their row.
"""

from collections.abc import Sequence
from math import log2, sqrt

from archcalc.pages.outline import INPUT, Item
from archcalc.pages.picture import OTHER, Arrow, Face, Label, Picture, Shape, color_of, fitted, width_of
from archcalc.record import record

TALLEST, SLANT, GAP, MARGIN = 130.0, 0.32, 26.0, 24.0
NAME, SIZE = 10.0, 9.0
ROOM = 110.0
"""The longest label, in points."""


@record(frozen=False)
class Solid:
    """An item in its place: the front face from (x, y), the depth of the box, the row that it is in."""

    item: Item
    width: float
    height: float
    depth: float
    x: float = 0
    y: float = 0
    row: int = 0

    @property
    def slot(self) -> float:
        """The width that it takes with its labels."""
        labels = max(
            width_of(fitted(self.item.title, NAME, ROOM), NAME), width_of(fitted(self.item.size, SIZE, ROOM), SIZE)
        )
        return max(self.width + self.depth, labels) + 8

    @property
    def top(self) -> float:
        return self.y - 0.6 * self.depth

    @property
    def middle(self) -> float:
        return self.x + (self.width + self.depth) / 2


def volumes(name: str, items: Sequence[Item]) -> Picture:
    """The picture of an outline."""
    longest = max((each.positions[-1] for each in items if len(each.shape) > 2), default=1)
    positions = max((each.positions[0] for each in items if len(each.shape) == 2), default=1)
    solids = [solid(each, longest, positions) for each in items]
    place_rows(solids)
    place_across(solids)
    arcs = skips(solids)
    bottom = place_down(solids, arcs)
    shapes: list[Shape] = [*arrows(solids, arcs)]
    for each in solids:
        shapes += faces(each)
    for each in solids:
        shapes += labels(each, solids)
    title = Label(MARGIN, MARGIN, fitted(name, 13, 600), 13, "start", is_strong=True)
    right = max([each.x + each.slot for each in solids] + [title.box[2]]) + MARGIN
    return Picture(name, right, bottom + MARGIN, (*shapes, title))


def solid(item: Item, longest: int, positions: int) -> Solid:
    """The box of an item: its front is positions by channels, its depth the second axis of positions."""
    shape = item.shape
    if len(shape) > 2:
        *_, down, along = item.positions
        height = 10 + (TALLEST - 10) * sqrt(down / max(longest, down))
        across = 10 + (TALLEST - 10) * sqrt(along / longest)
        return Solid(item, 4 + 3.4 * log2(1 + item.channels), height, SLANT * across)
    if len(shape) == 2:
        return Solid(item, 4 + 3.4 * log2(1 + item.channels), 14 + 76 * sqrt(item.positions[0] / positions), 0)
    return Solid(item, 8, 12 + 8 * log2(1 + (shape[0] if shape else 1)), 0)


def place_rows(solids: Sequence[Solid]) -> None:
    """A row is a chain: an item is in the row of the first source that nothing follows yet, or begins a row."""
    ends: dict[int, int] = {}
    for number, each in enumerate(solids):
        tails = [source for source in each.item.sources if ends.get(solids[source].row) == source]
        near = [source for source in tails if solids[source].item.family != INPUT] or tails
        each.row = solids[max(near)].row if near else len(ends)
        ends[each.row] = number


def place_across(solids: Sequence[Solid]) -> None:
    ends: dict[int, float] = {}
    for each in solids:
        after = [solids[source].x + solids[source].slot for source in each.item.sources]
        left = max([MARGIN, ends.get(each.row, 0), *after], default=MARGIN) + (GAP if after else 0)
        each.x = left + (each.slot - each.width - each.depth) / 2
        ends[each.row] = left + each.slot


def skips(solids: Sequence[Solid]) -> dict[tuple[int, int], int]:
    """The connections within a row that pass others, each with the level of its arc."""
    order: dict[int, list[int]] = {}
    for number, each in enumerate(solids):
        order.setdefault(each.row, []).append(number)
    at = {number: i for row in order.values() for i, number in enumerate(row)}
    found = [
        (source, number)
        for number, each in enumerate(solids)
        for source in each.item.sources
        if solids[source].row == each.row and at[number] - at[source] > 1
    ]
    levels: dict[tuple[int, int], int] = {}
    for source, number in sorted(found, key=lambda pair: pair[1] - pair[0]):
        taken = {
            level
            for (start, end), level in levels.items()
            if solids[start].row == solids[source].row and start < number and source < end
        }
        levels[source, number] = next(level for level in range(len(taken) + 1) if level not in taken)
    return levels


def place_down(solids: Sequence[Solid], arcs: dict[tuple[int, int], int]) -> float:
    """Each row below the one before, its boxes around one line; the bottom of all."""
    y = MARGIN + 18
    for row in range(1 + max(each.row for each in solids)):
        inside = [each for each in solids if each.row == row]
        levels = [level for (source, _), level in arcs.items() if solids[source].row == row]
        y += 16 + 11 * (max(levels) + 1 if levels else 0)
        half = max(each.height / 2 + 0.6 * each.depth for each in inside)
        for each in inside:
            each.y = y + half - each.height / 2 + 0.3 * each.depth
        y += 2 * half + 40
    return y


def faces(each: Solid) -> list[Face]:
    x, y, w, h, d, rise = each.x, each.y, each.width, each.height, each.depth, 0.6 * each.depth
    color = OTHER if each.item.family == INPUT else color_of(each.item.family)
    front = Face(((x, y), (x + w, y), (x + w, y + h), (x, y + h)), color, 0.75)
    if not d:
        return [front]
    above = Face(((x, y), (x + d, y - rise), (x + w + d, y - rise), (x + w, y)), color, 0.32)
    side = Face(((x + w, y), (x + w + d, y - rise), (x + w + d, y + h - rise), (x + w, y + h)), color, 0.5)
    return [above, side, front]


def labels(each: Solid, solids: Sequence[Solid]) -> list[Label]:
    """The name and the size, below the row."""
    base = max(other.y + other.height for other in solids if other.row == each.row) + 15
    title, size = fitted(each.item.title, NAME, ROOM), fitted(each.item.size, SIZE, ROOM)
    return [
        Label(each.middle, base, title, NAME, is_strong=True),
        Label(each.middle, base + 13, size, SIZE, is_muted=True),
    ]


def arrows(solids: Sequence[Solid], arcs: dict[tuple[int, int], int]) -> list[Arrow]:
    found = []
    for number, each in enumerate(solids):
        for source in each.item.sources:
            before = solids[source]
            if (source, number) in arcs:
                found.append(arc(before, each, solids, arcs[source, number]))
                continue
            start = (before.x + before.width + before.depth + 2, before.y + before.height / 2 - 0.3 * before.depth)
            end = (each.x - 3, each.y + each.height / 2 - 0.3 * each.depth)
            if before.row == each.row:
                found.append(Arrow((("M", start), ("L", end))))
            else:
                half = (start[0] + end[0]) / 2
                found.append(Arrow((("M", start), ("C", (half, start[1], half, end[1], *end)))))
    return found


def arc(before: Solid, each: Solid, solids: Sequence[Solid], level: int) -> Arrow:
    """A skip, over the tallest box of its row."""
    y = min(other.top for other in solids if other.row == each.row) - 9 - 11 * level
    x0, x1 = before.middle + before.depth / 4, each.middle + each.depth / 4
    bend = min(14.0, (x1 - x0) / 3)
    path = (
        ("M", (x0, before.top - 2)), ("C", (x0, y, x0, y, x0 + bend, y)), ("L", (x1 - bend, y)),
        ("C", (x1, y, x1, y, x1, each.top - 4)),
    )  # fmt: skip
    return Arrow(path, is_skip=True)
