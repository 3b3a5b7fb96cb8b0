"""HTML of a comparison: the page of two networks, with their layers side by side, made from the JSON of both."""

import json
from collections.abc import Mapping
from typing import Any

from archcalc.comparison.comparison import Comparison
from archcalc.comparison.formats.json import write as json_of
from archcalc.comparison.rows import Look, Rows
from archcalc.pages.page import Surroundings, compressed, page_of, part, source_of
from archcalc.report.formats.json import document_of

WHOLE = True
"""A page shows memory, findings and closed forms, too."""


def write(comparison: Comparison, look: Look) -> str:
    """The page of a comparison."""
    rows = Rows(comparison)
    summary = rows.same if comparison.is_empty else rows.summary
    data = aligned(json.loads(json_of(comparison, look)), summary, rows.names)
    element = f'<script type="text/plain" id="diff">{compressed(data)}</script>'
    around = Surroundings(
        script="\n" + part("difference.js"),
        style="\n" + part("difference.css"),
        top=source_of("difference.html") + element,
    )
    return page_of([document_of(comparison.before), document_of(comparison.after)], around)


SIDES = ("before", "after", "difference")


def aligned(document: Mapping[str, Any], summary: str, names: tuple[str, str]) -> dict[str, Any]:
    """What page_source/difference.js reads: the totals, their reasons, and every difference by the names of layers."""
    return {
        "names": names,
        "summary": summary,
        "totals": [[name, *(each[key] for key in SIDES)] for name, each in document["totals"].items()],
        "why": document["why"],
        "renamed": document["renamed"],
        "differences": [difference(each) for each in document["differences"]],
    }


def difference(each: Mapping[str, Any]) -> dict[str, Any]:
    known = {"kind", "name", "type", "changes", "before", "after"}
    return {
        "kind": each["kind"],
        "name": each["name"],
        "before": each["before"] and each["before"]["name"],
        "after": each["after"] and each["after"]["name"],
        "changes": [[change["what"], change["before"], change["after"]] for change in each["changes"]],
        "amounts": {key: value for key, value in each.items() if key not in known},
    }
