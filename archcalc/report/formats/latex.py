r"""LaTeX: a table for booktabs and siunitx, to be read with `\input`."""

from collections.abc import Sequence

from archcalc.core.render import printable
from archcalc.report.layout import Column, every_column, total_line
from archcalc.report.report import Report, writes
from archcalc.sym.latex import typeset

MOST_ROWS = 40
"""The rows of a table on one page; a longer one is a longtable, which breaks across pages."""


@writes("latex", ".tex", folds=True)
def to_latex(report: Report) -> str:
    """A table with a caption and a label: the layers in order, then the total."""
    columns = [column for column in every_column(report).values() if column.rank < 9]
    rows = [[column.cell(line) for column in columns] for line in report.lines]
    total = [column.cell(total_line(report)) for column in columns]
    numeric = [bool(rows) and all(is_count(row[i]) for row in rows) for i in range(len(columns))]
    kinds = [specification(column, numeric[i], widest([*rows, total], i)) for i, column in enumerate(columns)]
    head = [r"\toprule", row([f"{{{text(column.title)}}}" for column in columns]), r"\midrule"]
    body = [row(cells(each, numeric)) for each in rows]
    foot = [r"\midrule", row(cells(total, numeric)), r"\bottomrule"]
    begin, end = around(caption(report), "\n".join(kinds), is_long=len(rows) > MOST_ROWS)
    return "\n".join([*begin, *head, *([r"\endhead"] if len(rows) > MOST_ROWS else []), *body, *foot, *end]) + "\n"


def caption(report: Report) -> str:
    name = printable(" ".join(report.graph.name.split())) or "Network"
    inputs = ", ".join(f"{each.name} {each.volume}" for each in report.graph.inputs)
    return rf"\caption{{{text(name)}: {text(inputs)}.}}"


def around(caption: str, kinds: str, *, is_long: bool) -> tuple[list[str], list[str]]:
    """The lines before and after the rows."""
    if is_long:
        return (
            [r"% needs \usepackage{booktabs,longtable,siunitx}", rf"\begin{{longtable}}{{{kinds}}}", rf"{caption} \\"],
            [r"\end{longtable}"],
        )
    head = [r"% needs \usepackage{booktabs,siunitx}", r"\begin{table}", r"\centering", r"\small", caption]
    return [*head, rf"\begin{{tabular}}{{{kinds}}}"], [r"\end{tabular}", r"\end{table}"]


def is_count(cell: str) -> bool:
    return cell.replace(",", "").isdigit()


def widest(rows: Sequence[Sequence[str]], i: int) -> int:
    """The most digits in a column of counts."""
    return max(len(each[i].replace(",", "")) for each in rows)


def specification(column: Column, is_numeric: bool, digits: int) -> str:
    if is_numeric:
        return f"S[table-format={digits},group-separator={{,}},group-minimum-digits=4]"
    return "r" if column.numeric else "l"


def cells(texts: Sequence[str], numeric: Sequence[bool]) -> list[str]:
    """Counts as siunitx reads them, all else as text."""
    return [
        cell.replace(",", "") if is_number and is_count(cell) else text(cell)
        for cell, is_number in zip(texts, numeric, strict=True)
    ]


def text(cell: str) -> str:
    return typeset(cell).replace(" x ", r" $\times$ ")


def row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
