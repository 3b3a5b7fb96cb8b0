"""JSON: the question in words, the counts, and the designs, each with the command that reports it."""

import json
from typing import Any

from archcalc.core.version import VERSION
from archcalc.sweeping.sweep import Sweep

SCHEMA = 1


def write(sweep: Sweep) -> str:
    return json.dumps(as_plain(sweep), indent=1, ensure_ascii=False) + "\n"


def as_plain(sweep: Sweep) -> dict[str, Any]:
    """The result in plain values; docs/json.md says what each key means."""
    question, tally = sweep.question, sweep.tally
    designs = sweep.designs.tolist()
    return {
        "schema": SCHEMA,
        "archcalc": VERSION,
        "name": question.documents[""].name,
        "spec": question.spec,
        "axes": [
            {name: values_in_words(values) for name, values in axis.columns.items()} for axis in question.space.axes
        ],
        "conditions": [each.text for each in question.where],
        "objectives": [each.words for each in question.objectives],
        "wanted": question.wanted,
        "designs": question.space.size,
        "evaluated": tally.designs,
        "whole": sweep.is_whole,
        "kept": tally.kept,
        "excluded": dict(tally.excluded),
        "invalid": dict(tally.invalid),
        "histogram": [{"from": first, "below": below, "count": count} for first, below, count in sweep.histogram],
        "rows": [
            {"design": design, **row, "command": sweep.command(design)}
            for design, row in zip(designs, sweep.rows(), strict=True)
        ],
    }


def values_in_words(values: Any) -> Any:
    """The values of an axis; of a range what it is made of."""
    if isinstance(values, range):
        return {"from": values[0], "to": values[-1], "step": values.step}
    return list(values)
