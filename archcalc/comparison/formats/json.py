"""JSON: the contract of docs/json.md."""

from typing import Any

from archcalc.comparison.comparison import Comparison, Difference
from archcalc.comparison.grouping import NOUNS
from archcalc.comparison.rows import Look, Rows
from archcalc.core.version import VERSION
from archcalc.report.formats.json import COUNTED, SCHEMA, layer, written
from archcalc.report.report import Line, Report

TOTALS = (*COUNTED, "param_bytes", *NOUNS)


def write(comparison: Comparison, look: Look) -> str:
    """One object: both networks, their totals, and every difference with the layers as a report has them."""
    rows = Rows(comparison)
    return written(
        {
            "archcalc": VERSION,
            "schema": SCHEMA,
            "before": network(comparison.before),
            "after": network(comparison.after),
            "equal": comparison.is_empty,
            "dtype": comparison.before.dtype,
            "convention": comparison.before.convention,
            "totals": {
                name: {"before": before, "after": after, "difference": after - before}
                for name, (before, after) in comparison.totals.items()
                if name in TOTALS
            },
            "why": list(rows.why),
            "alike": comparison.alike,
            "renamed": [list(pair) for pair in comparison.renamed],
            "differences": [difference(each, comparison) for each in comparison.differences],
        }
    )


def network(report: Report) -> dict[str, Any]:
    graph = report.graph
    inputs = [{"name": each.name, "shape": list(each.volume.item_shape)} for each in graph.inputs]
    return {"name": graph.name, "spec": graph.spec, "inputs": inputs}


def difference(each: Difference, comparison: Comparison) -> dict[str, Any]:
    return {
        "kind": each.kind.value,
        "name": each.name,
        "type": each.type,
        "changes": [{"what": c.what, "before": c.before, "after": c.after} for c in each.changes],
        **{name: each.amount(name) for name in comparison.measures},
        "before": one_layer(each.before, comparison.before),
        "after": one_layer(each.after, comparison.after),
    }


def one_layer(line: Line | None, report: Report) -> dict[str, Any] | None:
    return layer(line, report) if line else None
