"""CSV: one row per layer, unformatted numbers, shapes in the notation of specs."""

import csv
import io

from archcalc.measure import MEASURES
from archcalc.report.report import Line, Report, writes


@writes("csv", ".csv", single=True)
def to_csv(report: Report) -> str:
    """A header, then the layers in order; no totals, so that a sum over a column is correct."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "type", "output_shape", "receptive_field", *MEASURES])
    writer.writerows(row(line) for line in report.lines)
    return out.getvalue()


def row(line: Line) -> list[object]:
    field = "x".join(str(each.size) for each in line.fields or ())
    shape = "x".join(map(str, line.output.item_shape)) if line.output else ""
    return [line.name, line.kind, shape, field, *(line.values[name] for name in MEASURES)]
