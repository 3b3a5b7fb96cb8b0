"""The place where a name is defined: a block, a label, a parameter, an input."""

from collections.abc import Mapping
from typing import Any

from archcalc.core.location import Location
from archcalc.editor.feature import answers
from archcalc.editor.opened import Opened, uri_of
from archcalc.editor.positions import range_of


@answers("textDocument/definition", needs_network=True, definitionProvider=True)
def definition(opened: Opened, params: Mapping[str, Any], at: Location) -> dict[str, Any] | None:
    where = defined_at(opened, at)
    return {"uri": uri_of(where.source.name), "range": range_of(where)} if where else None


def defined_at(opened: Opened, at: Location) -> Location | None:
    """The definition of the name at a place, in this file or an imported one."""
    word = opened.word_at(at.line, at.column)
    if word is None:
        return None
    imported = opened.document.library.blocks.get(word.text) if opened.document else None
    if imported and imported.home != opened.source.name:
        return imported.name.where
    first, *rest = word.text.split(".")
    block = opened.block_at(at.line)
    place = opened.outline.found(rest[-1], block, "label") if rest else None
    place = place or opened.outline.found(first, block, "block", "label", "parameter", "input")
    return Location(opened.source, place.line, place.column, len(place.name)) if place else None
