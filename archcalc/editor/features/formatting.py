"""The text in its canonical layout."""

from collections.abc import Mapping
from typing import Any

from archcalc.core.location import Location
from archcalc.editor.feature import answers
from archcalc.editor.layout import laid_out
from archcalc.editor.opened import Opened


@answers("textDocument/formatting", documentFormattingProvider=True)
def formatting(opened: Opened, params: Mapping[str, Any], at: Location) -> list[dict[str, Any]]:
    made = laid_out(opened.source)
    if made == opened.source.text:
        return []
    end = {"line": len(opened.source.lines) + 1, "character": 0}
    return [{"range": {"start": {"line": 0, "character": 0}, "end": end}, "newText": made}]
