"""The picture of a result: one point for each design, at its first two objectives. A point says which design it is."""

from collections.abc import Iterator, Sequence
from html import escape

from archcalc.record import record
from archcalc.sweeping.sweep import Sweep, cell

WIDTH, HEIGHT = 860, 540
HEADING = 28
"""The height of the line with the name of the network."""

LEFT, RIGHT, TOP, BOTTOM = 96, 28, 56, 64

MOST_POINTS = 20_000

STYLE = """
.text { font: 13px system-ui, sans-serif; fill: #1f2933 } .small { font-size: 11.5px; fill: #52606d }
.title { font-size: 16px; font-weight: 600 } .grid { stroke: #e4e7eb } .axis { stroke: #9aa5b1 }
.point { fill: #2b6cb0; fill-opacity: .75 } .point:hover, .point:focus { fill: #c05621; fill-opacity: 1; outline: none }
.paper { fill: #fff }
@media (prefers-color-scheme: dark) {
 .paper { fill: #15191e } .text { fill: #e4e7eb } .small { fill: #9aa5b1 } .grid { stroke: #2a3138 }
 .axis { stroke: #616e7c } .point { fill: #63b3ed } }
"""


class NoPicture(ValueError):
    """A result that has no picture; the message says why."""


@record
class Scale:
    """A range of numbers along `length` pixels from `begin` on; the picture's second axis runs upwards."""

    least: int
    most: int
    begin: float
    length: float

    def at(self, value: int) -> float:
        return self.begin + self.length * ((value - self.least) / max(1, self.most - self.least))

    def ticks(self) -> list[int]:
        """Round numbers within the range, about five."""
        span = max(1, self.most - self.least)
        step = 10 ** max(0, len(str(span)) - 1)
        step = next(
            (step // by for by in (1, 2, 5, 10) if step // by and span // (step // by) >= 4), max(1, step // 10)
        )
        first = -(-self.least // step) * step
        return list(range(first, self.most + 1, step)) or [self.least]


def scale(values: Sequence[int], begin: float, length: float) -> Scale:
    least, most = min(values), max(values)
    margin = max(1, (most - least) // 20)
    return Scale(least - margin if least >= margin or least < 0 else 0, most + margin, begin, length)


def write(sweep: Sweep, is_alone: bool = True) -> str:
    """The picture as SVG, with the name of the network if it is alone. Raises NoPicture if there are fewer than two
    objectives or no designs."""
    return "\n".join(drawing(sweep, is_alone)) + "\n"


def drawing(sweep: Sweep, is_alone: bool) -> Iterator[str]:
    across, up = axes_of(sweep)
    table = sweep.rows()[:MOST_POINTS]
    xs, ys = ([int(row[name]) for row in table] for name in (across, up))
    x = scale(xs, LEFT, WIDTH - LEFT - RIGHT)
    y = scale(ys, HEIGHT - BOTTOM, -(HEIGHT - TOP - BOTTOM))
    name = sweep.question.documents[""].name
    above = 0 if is_alone else HEADING
    box = f'viewBox="0 {above} {WIDTH} {HEIGHT - above}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" aria-label="{escape(name)}">'
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>'
    if is_alone:
        yield f'<text class="text title" x="{LEFT}" y="24">{escape(name)}</text>'
    said = f"{len(table):,} of {sweep.tally.designs:,} designs"
    said += "".join(f", {each.words}" for each in sweep.question.objectives)
    yield f'<text class="text small" x="{LEFT}" y="43">{escape(said)}</text>'
    yield from frame(x, y, across, up)
    for i, row in enumerate(table):
        title = escape(label(row, sweep, i))
        yield (
            f'<circle class="point" tabindex="0" cx="{x.at(xs[i]):.1f}" cy="{y.at(ys[i]):.1f}" r="4.5" '
            f'data-row="{i}"><title>{title}</title></circle>'
        )
    yield "</svg>"


def axes_of(sweep: Sweep) -> tuple[str, str]:
    """The objectives that the picture shows, across and upwards."""
    names = [each.parsed.text for each in sweep.question.objectives]
    if len(names) < 2:
        raise NoPicture("a picture shows two objectives: add --min or --max")
    if not len(sweep.designs):
        raise NoPicture("there is no design to draw")
    return names[0], names[1]


def frame(x: Scale, y: Scale, across: str, up: str) -> Iterator[str]:
    """The axes with their numbers."""
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    for tick in x.ticks():
        at = f"{x.at(tick):.1f}"
        yield f'<line class="grid" x1="{at}" y1="{TOP}" x2="{at}" y2="{floor}"/>'
        yield f'<text class="text small" x="{at}" y="{floor + 18}" text-anchor="middle">{short(tick)}</text>'
    for tick in y.ticks():
        at = f"{y.at(tick):.1f}"
        yield f'<line class="grid" x1="{LEFT}" y1="{at}" x2="{right}" y2="{at}"/>'
        yield f'<text class="text small" x="{LEFT - 8}" y="{float(at) + 4:.1f}" text-anchor="end">{short(tick)}</text>'
    yield f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{floor}H{right}"/>'
    middle = f"{(LEFT + right) / 2:.0f}"
    yield f'<text class="text" x="{middle}" y="{HEIGHT - 16}" text-anchor="middle">{escape(across)}</text>'
    turned = f"translate(20 {(TOP + floor) / 2:.0f}) rotate(-90)"
    yield f'<text class="text" transform="{turned}" text-anchor="middle">{escape(up)}</text>'


def short(number: int) -> str:
    """A number of an axis: `1.5G`, as far as this is exact.

    >>> short(1_500_000_000), short(-427), short(25_557_032)
    ('1.5G', '-427', '25,557,032')
    """
    for suffix, unit in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if abs(number) >= unit and number % (unit // 100) == 0:
            return f"{number / unit:g}{suffix}"
    return f"{number:,}"


def label(row: dict[str, object], sweep: Sweep, position: int) -> str:
    """The values of a design and the command that reports it."""
    return "\n".join(
        [*(f"{name} = {cell(value)}" for name, value in row.items()), sweep.command(int(sweep.designs[position]))]
    )
