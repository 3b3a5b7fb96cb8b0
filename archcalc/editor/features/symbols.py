"""The outline of a spec: its sections, with the blocks and labels in them."""

from collections.abc import Mapping
from typing import Any

from archcalc.core.location import Location
from archcalc.editor.feature import answers
from archcalc.editor.opened import Opened
from archcalc.editor.outline import Place
from archcalc.editor.positions import span, units

KINDS = {"section": 3, "block": 12, "parameter": 14, "input": 13, "label": 13}
"""The protocol's numbers: a namespace, a function, a constant, a variable."""


@answers("textDocument/documentSymbol", documentSymbolProvider=True)
def symbols(opened: Opened, params: Mapping[str, Any], at: Location) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    parents: dict[str, list[dict[str, Any]]] = {"": found}
    for place in opened.outline.places:
        made = symbol(opened, place)
        if place.kind == "section":
            found.append(made)
            parents = {"": made["children"]}
        else:
            parents.get(place.block, parents[""]).append(made)
            if place.kind == "block":
                parents[place.name] = made["children"]
    return found


def symbol(opened: Opened, place: Place) -> dict[str, Any]:
    line = opened.source.line(place.line)
    begin = units(line, place.column)
    return {
        "name": place.name,
        "detail": place.detail,
        "kind": KINDS[place.kind],
        "range": span(place.line, 0, units(line, len(line))),
        "selectionRange": span(place.line, begin, begin + len(place.name)),
        "children": [],
    }
