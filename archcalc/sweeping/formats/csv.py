"""CSV: a heading and a row for each design, numbers in full."""

import csv
import io

from archcalc.sweeping.sweep import Sweep


def write(sweep: Sweep) -> str:
    sweep.check_rows()
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    for i, table in enumerate(sweep.tables()):
        if i == 0:
            writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return made.getvalue()
