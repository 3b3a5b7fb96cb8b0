"""The table for terminals: aligned columns, block subtotals, totals, and the largest layers.

Numbers are never truncated. If the terminal is too narrow, formulas are broken between their terms, numbers are rounded
if the view allows it, whole columns are hidden, and lines below say so. Without a terminal the width is unlimited.
Colours only repeat what the text shows.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.core.render import BOLD, RESET, printable, wrapped
from archcalc.measure import MEASURES
from archcalc.record import record
from archcalc.report.grid import Grid, fitted, form_of, lines_of
from archcalc.report.largest import largest, without_numbers
from archcalc.report.layout import AT_MOST, NO_FIELD, Column, every_column, total_line
from archcalc.report.report import Line, Report, amount, by_type, folded, with_subtotals, writes

if TYPE_CHECKING:
    from archcalc.memory import text
else:
    text = Late("archcalc.memory.text")

AUTO, EXACT, SHORT = "auto", "exact", "short"
"""Numbers: rounded if that shows more columns, in full, rounded."""

COLORS = {"block": "\x1b[36m", "total": BOLD, "head": BOLD}

SCARCE = 6
"""Columns of this rank are hidden before numbers are rounded."""


@record(kw_only=True)
class View:
    """What to show of a report; `room`: the width in characters (None: no limit); `units`: auto, exact or short."""

    by: str = "layer"
    depth: int | None = None
    columns: tuple[str, ...] = ()
    sort: str = ""
    top: int | None = None
    room: int | None = None
    color: bool = False
    units: str = EXACT


@record
class Row:
    """A row of cells, and its kind: a layer, a block subtotal, or the total."""

    cells: tuple[str, ...]
    kind: str = "layer"


@record
class Body:
    """The columns of a view, its rows, and how they fit."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    grid: Grid

    @property
    def hidden(self) -> list[Column]:
        return [each for i, each in enumerate(self.columns) if i not in self.grid.kept]


@writes("table", ".txt")
def to_table(report: Report) -> str:
    return table(report, View())


def table(report: Report, view: View) -> str:
    """The whole text: a description of the network, the table, and a summary of the totals."""
    lines = lines_in(report, view)
    made, is_short = body_of(report, view, lines)
    below = [*closing(report, lines, is_short), *footer(made.hidden, is_short and view.units == AUTO, view.room)]
    texts = (part for line in (*heading(report), "") for part in wrapped(line, view.room, hanging=False))
    after = (part for line in ("", *below) for part in wrapped(line, view.room))
    return "\n".join([*texts, *drawn(made, view.color), *after]) + "\n"


def body_of(report: Report, view: View, lines: Sequence[Line]) -> tuple[Body, bool]:
    """The table, and whether its numbers are rounded."""
    exact = body_in(report, view, lines, False)
    if view.units == EXACT or (view.units == AUTO and all(each.rank >= SCARCE for each in exact.hidden)):
        return exact, False
    short = body_in(report, view, lines, True)
    is_better = view.units == SHORT or len(short.hidden) < len(exact.hidden)
    return (short, True) if is_better else (exact, False)


def body_in(report: Report, view: View, lines: Sequence[Line], short: bool) -> Body:
    available = every_column(report, short)
    columns = [available[name] for name in view.columns] or [c for c in available.values() if c.rank < 9]
    if view.columns and "layer" not in view.columns:
        columns.insert(0, available["layer"])
    known: dict[str, str] = {}
    rows = tuple(
        Row(tuple([known.setdefault(cell, cell) for cell in cells_of(line, kind, columns)]), kind)
        for line, kind in shown(report, view, lines)
    )
    return Body(tuple(columns), rows, fitted(columns, [row.cells for row in rows], view.room))


def cells_of(line: Line, kind: str, columns: Sequence[Column]) -> list[str]:
    """The cells of a row; subtotals are marked at their name."""
    cells = [column.cell(line) for column in columns]
    if kind == "block":
        return [f"= {cell}" if column.name == "layer" else cell for column, cell in zip(columns, cells, strict=True)]
    return cells


def lines_in(report: Report, view: View) -> Sequence[Line]:
    """The lines of a view: layers, blocks or types."""
    lines: Sequence[Line] = by_type(report.lines) if view.by == "type" else report.lines
    depth = view.depth if view.depth is not None else 1 if view.by == "block" else None
    return folded(lines, depth) if depth is not None and view.by != "type" else lines


def shown(report: Report, view: View, lines: Sequence[Line]) -> Iterator[tuple[Line, str]]:
    """The lines of a view in its order, each with its kind."""
    if view.sort:
        lines = sorted(lines, key=lambda line: -(line.values[view.sort] or 0))
    if view.top is not None:
        lines = lines[: view.top]
    whole = not view.sort and view.top is None and view.by != "type"
    pairs = with_subtotals(lines) if whole else ((line, False) for line in lines)
    yield from ((line, "block" if is_sum else "layer") for line, is_sum in pairs)
    yield total_line(report), "total"


def heading(report: Report) -> list[str]:
    graph = report.graph
    title = printable(graph.name + (f"  ({graph.source})" if graph.source else ""))
    volumes = ", ".join(f"{each.name} {each.volume}" for each in graph.inputs)
    batch = graph.inputs[0].volume.batch
    return [title, f"{volumes}, batch {batch}, {report.dtype}"]


def drawn(made: Body, color: bool) -> Iterator[str]:
    """The lines of the table, with a rule below the heading and above the total."""
    form = form_of([made.columns[i] for i in made.grid.kept], made.grid.widths)
    rule = "-" * sum(made.grid.widths)
    for row in (Row(tuple(each.title for each in made.columns), "head"), *made.rows):
        if row.kind == "total":
            yield rule
        for line in lines_of(form, [row.cells[i] for i in made.grid.kept], made.grid.widths):
            yield f"{COLORS[row.kind]}{line}{RESET}" if color and row.kind in COLORS else line
        if row.kind == "head":
            yield rule


def closing(report: Report, lines: Sequence[Line], is_short: bool) -> list[str]:
    """The summary below the table: totals, and the largest of its lines."""
    names = () if report.graph.symbols else ("params", report.arithmetic, "output_bytes")
    alike = [without_numbers(line.name) for line in lines] if names else []
    shares = [f"most {MEASURES[name].noun}: {most}" for name in names if (most := largest(lines, alike, name))]
    totals = [exact_totals(report)] if is_short and not report.graph.symbols else []
    return [
        parameters(report),
        *totals,
        *shares,
        *cache(report),
        *report.graph.following,
        *report.conditions,
        *unknown_fields(report),
        *memory(report),
    ]


def exact_totals(report: Report) -> str:
    """The totals that the table rounds: `4,089,184,256 MACs, 150,239,136 bytes of output memory`."""
    arithmetic, output = (MEASURES[name] for name in (report.arithmetic, "output_bytes"))
    macs, memory = (amount(report.totals[each.name]) for each in (arithmetic, output))
    return f"{macs} {arithmetic.noun}, {memory} bytes of {output.noun}"


def unknown_fields(report: Report) -> list[str]:
    """Why some layers have no receptive field, or an upper bound of it, the first layer of each reason named."""
    first: dict[tuple[str, str], str] = {}
    for line in report.lines:
        for seen in line.seen:
            for sign, why in ((NO_FIELD, seen.why), (AT_MOST, seen.at_most)):
                if why:
                    first.setdefault((sign, why), line.name)
    return [f"receptive field {sign}: from {name} on, {why}" for (sign, why), name in first.items()]


def memory(report: Report) -> list[str]:
    """The memory figures, if requested."""
    found = report.footprint
    if found is None:
        return []
    return ["", *text.figures(found), *(["", *text.timeline(found.timeline)] if found.timeline else [])]


def parameters(report: Report) -> str:
    """`25,557,032 parameters, all trainable, 53,120 buffer elements`."""
    totals = report.totals
    text = f"{amount(totals['params'])} parameters"
    text += (
        f" ({amount(totals['trainable_params'])} trainable)" if totals["params"] != totals["trainable_params"] else ""
    )
    if totals["active_params"] != totals["params"]:
        text += f", {amount(totals['active_params'])} active per token"
    return text + (f", {amount(totals['buffers'])} buffer elements" if totals["buffers"] != 0 else "")


def cache(report: Report) -> list[str]:
    """`KV cache: 36,864 bytes per token, 37,748,736 bytes in total`, if there is attention that can be cached."""
    per_token, whole = (report.totals[name] for name in ("kv_cache_bytes_per_token", "kv_cache_bytes"))
    return [] if whole == 0 else [f"KV cache: {amount(per_token)} bytes per token, {amount(whole)} bytes in total"]


def footer(left: Sequence[Column], is_rounded: bool, room: int | None) -> list[str]:
    """Which columns are hidden, whether numbers are rounded to fit, and how to show them."""
    made = ["numbers are rounded to fit; --units exact shows them in full"] if is_rounded else []
    if left and room is not None:
        names = ", ".join(column.name for column in left)
        hidden = "columns hidden" if len(left) > 1 else "column hidden"
        made.append(f"{hidden}: {names}; widen the terminal or use --columns")
    return made
