"""Results in a notebook: HTML without scripts, which folds, keeps the notebook's theme, and is small."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from archcalc.comparison.rows import Rows
from archcalc.core.render import printable
from archcalc.measure import MEASURES
from archcalc.pages import pictures  # noqa: F401  every file in it registers itself
from archcalc.pages.picture import PICTURES
from archcalc.pages.terminal import rounded
from archcalc.report.formats.json import document_of
from archcalc.report.layout import field_text, shape_text
from archcalc.report.report import Line, Report, Value, amount, folded, report_of, sums

if TYPE_CHECKING:
    from archcalc.comparison.comparison import Comparison
    from archcalc.graph.graph import Graph
    from archcalc.verification.row import Row, VerificationReport  # its stage imports torch

STYLE = (
    "<style>.archcalc{font:13px system-ui,sans-serif;max-width:820px;overflow-x:auto}"
    ".archcalc .g{display:grid;grid-template-columns:minmax(11em,1fr) 11em 5em 6em 6em 90px;gap:0 12px;padding:1px 4px;"
    "font-variant-numeric:tabular-nums;white-space:nowrap;align-items:center}"
    ".archcalc .g>*+*{text-align:right}.archcalc summary{cursor:pointer;list-style:none}"
    ".archcalc .h{font-weight:700}.archcalc .h u{visibility:hidden}.archcalc .g span b{display:none}"
    ".archcalc i{font-style:normal;opacity:.72}.archcalc .k{padding-left:1.1em}.archcalc .k .g{margin-right:0}"
    ".archcalc u{height:6px;border-radius:3px;text-decoration:none;"
    "background:linear-gradient(to right,#3a7bd0 var(--p,0%),rgba(128,128,128,.2) 0)}"
    ".archcalc table{border-collapse:collapse;font:inherit;margin:6px 0}"
    ".archcalc td,.archcalc th{padding:1px 10px 1px 0;text-align:right;"
    "font-variant-numeric:tabular-nums;background:none}.archcalc .w{text-align:left}</style>"
)

MOST = 400
"""Layers up to which blocks can be opened; of a larger network only the outermost blocks are shown."""

LONGEST = 40

MARK = "\u25b8"
"""Stands before the name of a block that opens."""


def html_of(report: Report) -> str:
    """The table of a report: blocks that open, with a bar for the share of the arithmetic."""
    totals, name = report.totals, report.arithmetic
    noun = MEASURES[name].noun
    facts = [(rounded_value(totals["params"]), "parameters"), (rounded_value(totals[name]), noun)]
    if report.footprint:
        facts.append((f"{rounded(report.footprint.training.live)}B", "training peak"))
    title = f"<b style='font-size:15px'>{text(report.graph.name or 'Network')}</b>"
    head = "".join(f" &ensp;<b>{value}</b> {noun}" for value, noun in facts)
    titles = ("output", "field", "parameters", noun)
    heading = f"<span>layer</span>{''.join(map(cell, titles))}<u></u>"
    lines = report.lines if len(report.lines) <= MOST else folded(report.lines, 1)
    body = "".join(rows(report, lines, ""))
    return framed(f"<div>{title}{head}</div><div class='g h'>{heading}</div>{body}")


def svg_of(graph: "Graph") -> str | None:
    """The picture of a graph; None if its sizes are free."""
    return None if graph.symbols else PICTURES["svg"].write(document_of(report_of(graph)), "volumes", 1)


def html_of_text(lines: str) -> str:
    """Lines of text as they are."""
    return f"<pre>{escape(lines)}</pre>"


def rows(report: Report, lines: Sequence[Line], prefix: str) -> Iterator[str]:
    """The layers of a block, and its inner blocks, which fold."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.name[len(prefix) :].partition(".")[0], []).append(line)
    for name, group in groups.items():
        if len(group) == 1 and group[0].name == prefix + name:
            yield f"<div class='g'>{cells(report, name, group[0])}</div>"
            continue
        last = group[-1]
        whole = Line(name, f"{len(group)} layers", sums(group), last.output, last.seen)
        yield f"<details><summary class='g'>{cells(report, f'{MARK} {name}', whole)}</summary>"
        yield f"<div class='k'>{''.join(rows(report, group, f'{prefix}{name}.'))}</div></details>"


def cells(report: Report, name: str, line: Line) -> str:
    params, counted = line.values["params"], line.values[report.arithmetic]
    whole = report.totals[report.arithmetic]
    share = 100 * counted / whole if isinstance(counted, int) and isinstance(whole, int) and whole else 0
    bar = f"<u style='--p:{share:.1f}%'></u>" if share else "<u></u>"
    size = text(shape_text(line).replace(" x ", " \u00d7 "))
    others = (size, field_text(line), rounded_value(params), rounded_value(counted))
    return f"<span>{text(name)} <i>{text(line.kind)}</i></span>{''.join(map(cell, others))}{bar}"


def cell(shown: str) -> str:
    """A cell, with a separator where the style is taken away: GitHub and notebooks that are not trusted do that."""
    return f"<span><b> \u00b7 </b>{shown}</span>"


def rounded_value(value: Value) -> str:
    return rounded(value) if isinstance(value, int) else text(amount(value))


def text(given: str) -> str:
    shown = printable(given)
    return escape(shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}\u2026")


# --- comparisons and verifications -----------------------------------------------------------------------------------

SHOWN = 40
"""Rows of a table; all are in `rows()`."""


def html_of_comparison(found: "Comparison") -> str:
    """The totals of both networks, where their differences come from, and what differs."""
    rows = Rows(found)
    before, after = map(text, rows.names)
    head = f"<b style='font-size:15px'>{before} \u2192 {after}</b> &ensp;{text_of(rows.summary)}"
    if found.is_empty:
        return framed(f"<div>{text_of(rows.same)}</div>")
    reasons = "".join(f"<div>{text_of(line)}</div>" for line in rows.why)
    whole = table(("", before, after, "difference"), rows.totals, words=1)
    changes = list(rows.differences)
    inner = table(rows.titles, changes[:SHOWN], words=3) + left_out(len(changes))
    title = f"{MARK} {len(changes)} kinds of differences"
    return framed(f"<div>{head}</div>{whole}{reasons}<details><summary>{title}</summary>{inner}</details>")


def html_of_verification(report: "VerificationReport") -> str:
    """The verdict, what disagrees, and all rows, folded."""
    certificate = report.certificate
    verdict = f"<b>{text_of(certificate.summary(report))}</b>"
    head = f"<b style='font-size:15px'>{text(report.name)}</b> &ensp;{verdict} &ensp;<i>{certificate.used(report)}</i>"
    wrong = [row for row in report.rows if row.agrees is False]
    shown = table(VERIFIED, map(cells_of_row, wrong), words=2) if wrong else ""
    every = table(VERIFIED, map(cells_of_row, report.rows[:SHOWN]), words=2) + left_out(len(report.rows))
    inner = f"<details><summary>{MARK} {len(report.rows)} rows</summary>{every}</details>"
    return framed(f"<div>{head}</div>{shown}{inner}")


VERIFIED = ("level", "quantity", "predicted", "measured", "")


def cells_of_row(row: "Row") -> Sequence[str]:
    word = {True: "agrees", False: "disagrees", None: "not compared"}[row.agrees]
    return (f"{row.level} {row.at}", row.quantity, *(f"{n:,}" if isinstance(n, int) else n for n in counts(row)), word)


def counts(row: "Row") -> tuple[int | str, int | str]:
    return row.predicted, row.measured


def table(titles: Sequence[str], cells: Iterable[Sequence[str]], *, words: int) -> str:
    """A table whose first columns are words."""

    def line(tag: str, row: Sequence[str]) -> str:
        kinds = (" class=w" if i < words else "" for i in range(len(row)))
        return "<tr>" + "".join(f"<{tag}{k}>{text_of(c)}</{tag}>" for k, c in zip(kinds, row, strict=True)) + "</tr>"

    return f"<table>{line('th', titles)}{''.join(line('td', row) for row in cells)}</table>"


def left_out(count: int) -> str:
    return f"<div><i>and {count - SHOWN:,} more rows</i></div>" if count > SHOWN else ""


def framed(inner: str) -> str:
    return f"<div class='archcalc'>{STYLE}{inner}</div>"


def text_of(given: str) -> str:
    """A line of text, with longer words than `text`."""
    shown = printable(given)
    return escape(shown if len(shown) <= LINE else f"{shown[: LINE - 1]}\u2026").replace("-&gt;", "\u2192")


LINE = 400
