"""The table for terminals: aligned columns, block subtotals, totals, and the largest layers.

Numbers are never truncated. If the terminal is too narrow, whole columns are hidden, and a line below names them.
Without a terminal the width is unlimited, and the table is written without rich, whose import would dominate the time.
"""

import textwrap
from collections.abc import Iterator, Sequence

from archcalc.core.render import printable
from archcalc.measure import MEASURES
from archcalc.memory.text import figures, timeline
from archcalc.record import record
from archcalc.report.layout import NO_FIELD, Column, every_column, fitting, total_line, width_of
from archcalc.report.report import Line, Report, amount, by_type, folded, with_subtotals, writes

GAP = 2


@record(kw_only=True)
class View:
    """What to show of a report; `room`: the width in characters (None: no limit); with or without rich's colours."""

    by: str = "layer"
    depth: int | None = None
    columns: tuple[str, ...] = ()
    sort: str = ""
    top: int | None = None
    room: int | None = None
    color: bool = False


@record
class Row:
    """A row of cells, and its kind: a layer, a block subtotal, or the total."""

    cells: tuple[str, ...]
    kind: str = "layer"


@writes("table", ".txt")
def to_table(report: Report) -> str:
    return table(report, View())


def table(report: Report, view: View) -> str:
    """The whole text: a description of the network, the table, and a summary of the totals."""
    available = every_column(report)
    columns = [available[name] for name in view.columns] or [c for c in available.values() if c.rank < 9]
    if view.columns and "layer" not in view.columns:
        columns.insert(0, available["layer"])
    rows = [Row(tuple(c.cell(line) for c in columns), kind) for line, kind in shown(report, view)]
    kept = fitting(columns, [row.cells for row in rows], view.room, GAP)
    chosen = [columns[i] for i in kept]
    slim = [Row(tuple(row.cells[i] for i in kept), row.kind) for row in rows]
    body = colored(chosen, slim) if view.color else plain(chosen, slim)
    left = [columns[i] for i in range(len(columns)) if i not in kept]
    return "\n".join([*heading(report, view.room), "", body, "", *closing(report), *footer(left, view.room)]) + "\n"


def shown(report: Report, view: View) -> Iterator[tuple[Line, str]]:
    """The lines of a view, each with its kind."""
    lines: Sequence[Line] = by_type(report.lines) if view.by == "type" else report.lines
    depth = view.depth if view.depth is not None else 1 if view.by == "block" else None
    if depth is not None and view.by != "type":
        lines = folded(lines, depth)
    if view.sort:
        lines = sorted(lines, key=lambda line: -(line.values[view.sort] or 0))
    if view.top is not None:
        lines = lines[: view.top]
    whole = not view.sort and view.top is None and view.by != "type"
    pairs = with_subtotals(lines) if whole else ((line, False) for line in lines)
    yield from ((line, "block" if is_sum else "layer") for line, is_sum in pairs)
    yield total_line(report), "total"


def heading(report: Report, room: int | None) -> list[str]:
    graph = report.graph
    title = printable(graph.name + (f"  ({graph.source})" if graph.source else ""))
    volumes = ", ".join(f"{each.name} {each.volume}" for each in graph.inputs)
    batch = graph.inputs[0].volume.batch
    lines = [title, f"{volumes}, batch {batch}, {report.dtype}"]
    return lines if room is None else [part for line in lines for part in textwrap.wrap(line, room)]


def plain(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Aligned text, with a rule below the heading and above the total."""
    widths = width_of(columns, [row.cells for row in rows], GAP)
    rule = "-" * sum(widths)
    lines = [aligned(columns, [c.title for c in columns], widths), rule]
    for row in rows:
        lines += [rule] * (row.kind == "total")
        sign = "= " if row.kind == "block" else ""
        cells = [sign + cell if c.name == "layer" else cell for c, cell in zip(columns, row.cells, strict=True)]
        lines.append(aligned(columns, cells, widths))
    return "\n".join(lines)


def aligned(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    """Numbers right-aligned, words left-aligned."""
    parts = []
    for i, (column, cell, width) in enumerate(zip(columns, cells, widths, strict=True)):
        gap = " " * GAP if i else ""
        parts.append(cell.rjust(width) if column.numeric else gap + cell.ljust(width - len(gap)))
    return "".join(parts).rstrip()


def colored(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """The same table, formatted by rich for a terminal."""
    from rich.console import Console  # lazy: 30 ms
    from rich.table import Table  # lazy: 10 ms

    made = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for column in columns:
        made.add_column(column.title, justify="right" if column.numeric else "left", no_wrap=True, header_style="bold")
    styles = {"layer": "", "block": "cyan", "total": "bold"}
    for row in rows:
        made.add_row(*row.cells, style=styles[row.kind])
    console = Console(force_terminal=True, no_color=False, width=10_000, highlight=False)
    with console.capture() as capture:
        console.print(made)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def closing(report: Report) -> list[str]:
    """The summary below the table: totals, and the largest layers."""
    shares = [
        f"most {MEASURES[name].noun}: {line.name} ({100 * share:.1f} %)"
        for name, (line, share) in report.leaders.items()
    ]
    return [parameters(report), *shares, *cache(report), *report.conditions, *unknown_fields(report), *memory(report)]


def unknown_fields(report: Report) -> list[str]:
    """Why some layers have no receptive field, the first layer of each reason named."""
    first: dict[str, str] = {}
    for line in report.lines:
        for seen in line.seen:
            if seen.why:
                first.setdefault(seen.why, line.name)
    return [f"receptive field {NO_FIELD}: from {name} on, {why}" for why, name in first.items()]


def memory(report: Report) -> list[str]:
    """The memory figures, if requested."""
    found = report.footprint
    if found is None:
        return []
    return ["", *figures(found), *(["", *timeline(found.timeline)] if found.timeline else [])]


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


def footer(left: Sequence[Column], room: int | None) -> list[str]:
    """Which columns are hidden, and how to show them."""
    if not left or room is None:
        return []
    names = ", ".join(column.name for column in left)
    hidden = "columns hidden" if len(left) > 1 else "column hidden"
    return textwrap.wrap(f"{hidden}: {names}; widen the terminal or use --columns", room, break_long_words=False)
