"""Markdown for pull requests: the totals and their reasons; the layers folded away."""

from collections.abc import Iterable

from archcalc.comparison.comparison import Comparison
from archcalc.comparison.rows import Look, Rows
from archcalc.comparison.weight_rows import WeightRows
from archcalc.comparison.weights import WeightComparison
from archcalc.core.render import printable
from archcalc.report.formats.markdown import row

FEW = 12
"""Rows that are shown at once; more are folded away."""


def write(comparison: Comparison, look: Look) -> str:
    rows = Rows(comparison, look.every)
    if comparison.is_empty:
        return f"{printable(rows.same)}\n"
    before, after = (printable(each) for each in rows.names)
    cells = list(rows.differences)
    body = [*table(rows.titles, cells, words=3)]
    many = len(cells) > FEW
    lines = [
        f"### {before} → {after}",
        "",
        *(f"- {printable(line)}" for line in rows.why or ["no total differs"]),
        "",
        *table(("", before, after, "Difference"), rows.totals, words=1),
        "",
        *([f"<details><summary>{rows.summary}</summary>", ""] if many else [rows.summary, ""]),
        *body,
        *(["", "</details>"] if many else []),
    ]
    return "\n".join(lines) + "\n"


def table(titles: tuple[str, ...], cells: Iterable[tuple[str, ...]], *, words: int) -> Iterable[str]:
    yield row(list(titles))
    yield row(["---"] * words + ["---:"] * (len(titles) - words))
    for each in cells:
        yield row([printable(cell).replace("->", "→") for cell in each])


def write_weights(comparison: WeightComparison, look: Look) -> str:
    """A comparison of weights."""
    rows = WeightRows(comparison, look.every)
    lines = [f"### {printable(rows.title).replace('->', '→')}", "", rows.summary, *rows.notes]
    if not comparison.is_empty:
        lines += ["", *table(("", "Weight", "Shape", "Elements"), rows.rows, words=3)]
    return "\n".join(lines) + "\n"
