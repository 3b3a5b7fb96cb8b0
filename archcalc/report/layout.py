"""Columns of a report as text: the content of cells, and which columns fit."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import Seen, widest
from archcalc.record import record
from archcalc.report.report import SAVED, Line, Report, amount, so_many_layers

if TYPE_CHECKING:
    from archcalc.report import units
else:
    units = Late("archcalc.report.units")


@record
class Column:
    """A column: its heading, its cells, and whether they are numbers. Columns of the highest `rank` hide first."""

    name: str
    title: str
    cell: Callable[[Line], str]
    rank: int
    numeric: bool = True


NO_FIELD = "?"
"""Stands for an unknown receptive field."""

AT_MOST = "≤"
"""Stands before one that may be larger than what an element depends on."""


def field_text(line: Line, says_input: bool = False) -> str:
    """The largest receptive field, with the name of its input if `says_input`; `?` if it is unknown."""
    if not line.seen:
        return ""
    seen = widest(line.seen)
    return size_text(seen) + (f" of {seen.input}" if says_input else "")


def size_text(seen: Seen) -> str:
    """One size if all axes agree; `all` if an element depends on the whole input; `≤` before a bound.

    >>> from archcalc.core.field import Field
    >>> size_text(Seen("x", (Field(((-1, 1),)), Field(((-1, 1),))))), size_text(Seen("x", (), "too large"))
    ('3', '?')
    """
    if not seen.fields:
        return NO_FIELD
    bound = f"{AT_MOST} " if seen.at_most else ""
    if all(each.whole for each in seen.fields):
        return f"{bound}all"
    sizes = [each.size for each in seen.fields]
    return bound + (str(sizes[0]) if len(set(sizes)) == 1 else "x".join(map(str, sizes)))


VALUES = attrgetter("values")

UNITS = {"byte": "B"}
"""The signs of the units of measures."""


def count_of(name: str, short: bool = False, unit: str = "") -> Callable[[Line], str]:
    """The cell of a measure: exact, or to three digits with a prefix."""

    def text(line: Line) -> str:
        value = line.values[name]
        return units.rounded(value, unit) if short and isinstance(value, int) else amount(value)

    return text


def shape_text(line: Line) -> str:
    """`64 x 112 x 112`, `6 x (H - 4) x (W - 4)`."""
    dims = map(str, line.output.item_shape) if line.output else ()
    return " x ".join(f"({dim})" if " " in dim else dim for dim in dims)


def once(of: Callable[[Line], object], text: Callable[[Line], str]) -> Callable[[Line], str]:
    """A text that follows from a part of a line, made once for all lines that share the part: copies of a layer do."""
    known: dict[int, tuple[object, str]] = {}  # the part as well: as long as it is there, no other has its id

    def cell(line: Line) -> str:
        part = of(line)
        if id(part) not in known:
            known[id(part)] = part, text(line)
        return known[id(part)][1]

    return cell


def every_column(report: Report, short: bool = False) -> dict[str, Column]:
    """All columns that `--columns` may name; those of rank 9 are shown only on request. `short`: rounded numbers."""
    field = partial(field_text, says_input=report.has_several_inputs)
    shown = {"params": 1, report.arithmetic: 2, "output_bytes": 5}
    columns = [
        Column("layer", "Layer", lambda line: line.name, 0, numeric=False),
        Column("type", "Type", lambda line: line.kind, 6, numeric=False),
        Column("output", "Output", once(attrgetter("output"), shape_text), 3, numeric=True),
        Column("receptive_field", "Field", once(attrgetter("seen"), field), 4),
        *(
            Column(name, m.title, once(VALUES, count_of(name, short, UNITS.get(m.unit, ""))), shown.get(name, 9))
            for name, m in MEASURES.items()
        ),
    ]
    order = ["layer", "type", "output", "receptive_field", "params", report.arithmetic, "output_bytes"]
    if report.footprint:
        columns.append(Column(SAVED, "Saved bytes", count_of(SAVED, short, "B"), 5))
    columns.sort(key=lambda column: order.index(column.name) if column.name in order else len(order))
    return {column.name: column for column in columns}


def total_line(report: Report) -> Line:
    return Line("total", so_many_layers(sum(line.layers for line in report.lines)), report.totals)
