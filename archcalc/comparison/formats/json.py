"""JSON: the contract of docs/json.md."""

from typing import Any

from archcalc.comparison.comparison import Comparison, Difference
from archcalc.comparison.grouping import NOUNS
from archcalc.comparison.rows import Look, Rows
from archcalc.comparison.weights import Stored, WeightComparison
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


def write_weights(comparison: WeightComparison, look: Look) -> str:
    """One object: every weight that differs."""
    pairs = comparison.reshaped.items()
    return written(
        {
            "archcalc": VERSION,
            "schema": SCHEMA,
            "network": comparison.expected.name,
            "checkpoint": comparison.given.name,
            "equal": comparison.is_empty,
            "agree": comparison.agree,
            "prefix": comparison.prefix,
            "family": comparison.family,
            "missing": [named(name, stored(each)) for name, each in comparison.missing.items()],
            "extra": [named(name, stored(each)) for name, each in comparison.extra.items()],
            "reshaped": [named(name, {"network": stored(a), "checkpoint": stored(b)}) for name, (a, b) in pairs],
            "fitting": [list(pair) for pair in comparison.fitting.items()],
        }
    )


def named(name: str, rest: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **rest}


def stored(each: Stored) -> dict[str, Any]:
    return {"shape": list(each.shape), "dtype": each.dtype}
