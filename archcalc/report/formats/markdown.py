"""Markdown: a table in GitHub's dialect, with the totals in the last row."""

from archcalc.core.render import printable
from archcalc.report.layout import every_column, total_line
from archcalc.report.report import Report, writes


@writes("markdown", ".md", ".markdown", folds=True)
def to_markdown(report: Report) -> str:
    """The layers in order, then the total."""
    columns = [column for column in every_column(report).values() if column.rank < 9]
    rows = [[column.cell(line) for column in columns] for line in report.lines]
    total = [f"**{text}**" if text else "" for text in (column.cell(total_line(report)) for column in columns)]
    head = [
        printable(f"**{report.graph.name}**" + (f" ({report.graph.source})" if report.graph.source else "")),
        "",
        row([column.title for column in columns]),
        row(["---:" if column.numeric else "---" for column in columns]),
    ]
    return "\n".join([*head, *map(row, [*rows, total])]) + "\n"


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
