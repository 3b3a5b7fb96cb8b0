"""The safe fixes of the findings in a range, as `archcalc check --fix` applies them."""

from collections.abc import Mapping
from typing import Any

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.location import Location
from archcalc.editor.feature import answers
from archcalc.editor.opened import Opened
from archcalc.editor.positions import range_of
from archcalc.editor.problems import all_in, sent


@answers("textDocument/codeAction", needs_network=True, codeActionProvider={"codeActionKinds": ["quickfix"]})
def quick_fixes(opened: Opened, params: Mapping[str, Any], at: Location) -> list[dict[str, Any]]:
    first, last = params["range"]["start"]["line"], params["range"]["end"]["line"]
    found = [each for each in all_in(opened) if each.edits and each.location and first <= each.location.line <= last]
    return [fix(each, opened) for each in found if all(e.where.source == opened.source for e in each.edits)]


def fix(each: Diagnostic, opened: Opened) -> dict[str, Any]:
    edits = [{"range": range_of(edit.where), "newText": edit.text} for edit in each.edits]
    return {
        "title": f"{each.code}: {each.help or each.message}",
        "kind": "quickfix",
        "diagnostics": [sent(each, opened)],
        "edit": {"changes": {opened.uri: edits}},
    }
