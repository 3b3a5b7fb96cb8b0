"""The compact style: cards in ranks from top to bottom, each below all that it takes; skips pass beside.

Ranks are longest paths. The order within a rank is that of the mean place of what is above and below, as in Sugiyama,
Tagawa and Toda 1981, "Methods for visual understanding of hierarchical system structures".
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from archcalc.pages.outline import INPUT, Item
from archcalc.pages.picture import OTHER, Arrow, Card, Label, Picture, Point, Shape, color_of, fitted
from archcalc.record import field, record

WIDTH, HEIGHT, BETWEEN, BELOW, MARGIN = 190.0, 42.0, 22.0, 26.0, 24.0
NARROW = 14.0
"""The width of the place that a skip has in a rank."""


@record(frozen=False, eq=False)
class Box:
    """A card, or the place of a skip in a rank."""

    item: Item | None
    rank: int
    above: list["Box"] = field(default_factory=list)
    below: list["Box"] = field(default_factory=list)
    x: float = 0
    mean: float = 0

    @property
    def width(self) -> float:
        return WIDTH if self.item else NARROW

    @property
    def top(self) -> float:
        return MARGIN + 22 + self.rank * (HEIGHT + BELOW)


def layered(name: str, items: Sequence[Item]) -> Picture:
    """The picture of an outline."""
    boxes, chains = ranked(items)
    ranks: list[list[Box]] = [[] for _ in range(1 + max(each.rank for each in boxes))]
    for box in [*boxes, *(place for chain in chains for place in chain[1:-1])]:
        ranks[box.rank].append(box)
    for sweep in range(6):
        order(ranks, is_down=sweep % 2 == 0)
    for rank in ranks:
        spread(rank, lambda box: 0)
    for sweep in range(8):
        near: Callable[[Box], list[Box]] = upper if sweep % 2 == 0 else lower
        for rank in ranks if sweep % 2 == 0 else reversed(ranks):
            spread(rank, lambda box, near=near: median(box, near(box)))  # type: ignore[misc]
    left = min(box.x - box.width / 2 for rank in ranks for box in rank)
    for rank in ranks:
        for box in rank:
            box.x += MARGIN - left
    right = max(box.x + box.width / 2 for rank in ranks for box in rank)
    total = sum(each.macs for each in items) or 1
    shapes: list[Shape] = [Arrow(curve(chain)) for chain in chains]
    for box in boxes:
        shapes += card(box, total)
    title = Label(MARGIN, MARGIN, fitted(name, 13, 600), 13, "start", is_strong=True)
    bottom = max(box.top for box in boxes) + HEIGHT + MARGIN
    return Picture(name, max(right, title.box[2]) + MARGIN, bottom, (*shapes, title))


def upper(box: Box) -> list[Box]:
    return box.above


def lower(box: Box) -> list[Box]:
    return box.below


def ranked(items: Sequence[Item]) -> tuple[list[Box], list[list[Box]]]:
    """The cards with their ranks, and the chain of places that each connection passes."""
    boxes: list[Box] = []
    chains: list[list[Box]] = []
    for item in items:
        above = [boxes[source] for source in item.sources]
        boxes.append(Box(item, max((each.rank + 1 for each in above), default=0)))
        for each in above:
            places = [Box(None, rank) for rank in range(each.rank + 1, boxes[-1].rank)]
            chain = [each, *places, boxes[-1]]
            for first, second in pairwise(chain):
                first.below.append(second)
                second.above.append(first)
            chains.append(chain)
    return boxes, chains


def order(ranks: Sequence[list[Box]], *, is_down: bool) -> None:
    """Sorts each rank by the mean place of its neighbours, downwards or upwards."""
    place = {id(box): (i + 0.5) / len(rank) for rank in ranks for i, box in enumerate(rank)}
    for rank in ranks if is_down else reversed(ranks):
        if len(rank) < 2:
            continue
        for box in rank:
            near = box.above if is_down else box.below
            mean = sum(place[id(each)] for each in near) / len(near) if near else place[id(box)]
            box.mean = mean + (0 if box.item else 0.001)
        rank.sort(key=lambda box: box.mean)
        place |= {id(box): (i + 0.5) / len(rank) for i, box in enumerate(rank)}


def median(box: Box, near: Sequence[Box]) -> float:
    """Where a box would stand: among its neighbours, cards before places."""
    cards = [each for each in near if each.item]
    if not near or (not box.item and cards):
        return box.x
    xs = sorted(each.x for each in (cards or near))
    return (xs[(len(xs) - 1) // 2] + xs[len(xs) // 2]) / 2


def spread(rank: Sequence[Box], wanted: Callable[[Box], float]) -> None:
    """Places a rank as near as possible to what is wanted, in order and without overlap: isotonic regression."""
    groups: list[tuple[float, float, list[Box]]] = []
    offsets: dict[int, float] = {}
    offset = 0.0
    for i, box in enumerate(rank):
        offset += (rank[i - 1].width + box.width) / 2 + BETWEEN if i else 0
        offsets[id(box)] = offset
        weight = 2.0 if box.item else 0.5
        groups.append(((wanted(box) - offset) * weight, weight, [box]))
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, weight, boxes = groups.pop()
            groups[-1] = (groups[-1][0] + total, groups[-1][1] + weight, groups[-1][2] + boxes)
    for total, weight, boxes in groups:
        for box in boxes:
            box.x = total / weight + offsets[id(box)]


def curve(chain: Sequence[Box]) -> tuple[tuple[str, tuple[float, ...]], ...]:
    points: list[Point] = [(chain[0].x, chain[0].top + HEIGHT)]
    for place in chain[1:-1]:
        points += [(place.x, place.top), (place.x, place.top + HEIGHT)]
    points.append((chain[-1].x, chain[-1].top - 3))
    path: list[tuple[str, tuple[float, ...]]] = [("M", points[0])]
    for (x0, y0), (x, y) in pairwise(points):
        half = (y0 + y) / 2
        path.append(("L", (x, y)) if abs(x - x0) < 0.5 else ("C", (x0, half, x, half, x, y)))
    return tuple(path)


def card(box: Box, total: int) -> list[Shape]:
    """The card of an item: its name and kind, its size and its share of MACs."""
    item, x, y = box.item, box.x - WIDTH / 2, box.top
    assert item is not None
    color = OTHER if item.family == INPUT else color_of(item.family)
    kind = "" if item.kind and item.name.startswith(item.kind[:3]) else item.kind
    kind = fitted(kind, 9, 70)
    title = fitted(item.title, 10, WIDTH - 28 - 5.4 * len(kind))
    share = f"{100 * item.macs / total:.1f} %" if item.macs else ""
    size = fitted(item.size, 9, WIDTH - 28 - 5.4 * len(share))
    return [
        Card(x, y, WIDTH, HEIGHT, color),
        Label(x + 14, y + 17, title, 10, "start", is_strong=True),
        Label(x + WIDTH - 8, y + 17, kind, 9, "end", is_muted=True),
        Label(x + 14, y + 32, size, 9, "start", is_muted=True),
        Label(x + WIDTH - 8, y + 32, share, 9, "end", is_muted=True),
    ]
