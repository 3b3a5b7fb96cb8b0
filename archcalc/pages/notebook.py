"""A report in a notebook: HTML without scripts, which folds, keeps the notebook's theme, and is small."""

from collections.abc import Iterator, Sequence
from html import escape

from archcalc.core.render import printable
from archcalc.measure import MEASURES
from archcalc.pages.terminal import rounded
from archcalc.report.layout import field_text, shape_text
from archcalc.report.report import Line, Report, Value, amount, folded, sums

STYLE = (
    "<style>.archcalc{font:13px system-ui,sans-serif;max-width:820px;overflow-x:auto}"
    ".archcalc .g{display:grid;grid-template-columns:minmax(11em,1fr) 11em 5em 6em 6em 90px;gap:0 12px;padding:1px 4px;"
    "font-variant-numeric:tabular-nums;white-space:nowrap;align-items:center}"
    ".archcalc .g>*+*{text-align:right}.archcalc summary{cursor:pointer;list-style:none}"
    ".archcalc i{font-style:normal;opacity:.72}.archcalc .k{padding-left:1.1em}.archcalc .k .g{margin-right:0}"
    ".archcalc u{height:6px;border-radius:3px;text-decoration:none;"
    "background:linear-gradient(to right,#3a7bd0 var(--p,0%),rgba(128,128,128,.2) 0)}</style>"
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
    heading = "".join(f"<b>{each}</b>" for each in ("layer", "output", "field", "parameters", noun, ""))
    lines = report.lines if len(report.lines) <= MOST else folded(report.lines, 1)
    body = "".join(rows(report, lines, ""))
    return f"<div class='archcalc'>{STYLE}<div>{title}{head}</div><div class='g'>{heading}</div>{body}</div>"


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
    head = f"<span>{text(name)} <i>{text(line.kind)}</i></span><span>{size}</span><span>{field_text(line)}</span>"
    return f"{head}<span>{rounded_value(params)}</span><span>{rounded_value(counted)}</span>{bar}"


def rounded_value(value: Value) -> str:
    return rounded(value) if isinstance(value, int) else text(amount(value))


def text(given: str) -> str:
    shown = printable(given)
    return escape(shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}\u2026")
