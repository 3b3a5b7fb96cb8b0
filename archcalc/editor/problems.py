"""Diagnostics as the language server protocol sends them."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from archcalc.core.configuration import EMPTY, configuration_of
from archcalc.core.diagnostic import Diagnostic, Problems, SpecError
from archcalc.core.location import Location
from archcalc.editor.opened import Opened, uri_of
from archcalc.editor.positions import range_of
from archcalc.graph.builder import build
from archcalc.lint.linting import EVERY_RULE, Selection
from archcalc.lint.variants import once, outcome_of, variants_in
from archcalc.spec.document import read_document

SEVERITY = {"error": 1, "warning": 2, "info": 3}


def errors_in(opened: Opened) -> list[Diagnostic]:
    """The errors that keep a network from being built; remembers the network if there are none."""
    try:
        document = read_document(opened.source)
        graph = build(document, free=())
    except SpecError as error:
        return list(error.diagnostics)
    opened.document, opened.graph = document, graph
    return []


def all_in(opened: Opened) -> list[Diagnostic]:
    """Errors, unmet expectations, and the findings of rules: of the spec and of its variants, each once."""
    if not opened.is_current or opened.document is None:
        return errors_in(opened)
    problems = Problems()  # of the configuration
    selection = problems.attempt(selection_of, Path(opened.source.name)) or EVERY_RULE
    outcomes = [
        outcome_of(partial(read_document, opened.source, variant=each), each, selection)
        for each in variants_in(opened.source)
    ]
    return [*problems.found, *once(each for outcome in outcomes for each in outcome.found)]


def selection_of(file: Path) -> Selection:
    """The rules that the configuration of a file's folder selects."""
    found = configuration_of(str(file.parent)) if file.is_absolute() else EMPTY
    select, ignore = (found.values[name].value if name in found.values else () for name in ("select", "ignore"))
    return Selection(select or EVERY_RULE.select, ignore)


def published(opened: Opened, found: Iterable[Diagnostic]) -> dict[str, Any]:
    return {
        "uri": opened.uri,
        "version": opened.version,
        "diagnostics": [sent(each, opened) for each in found],
    }


def sent(each: Diagnostic, opened: Opened) -> dict[str, Any]:
    """One diagnostic. One of an imported file is shown at the first line, and names the place there."""
    lines = [each.message, *(f"note: {note}" for note in each.notes), *([f"help: {each.help}"] if each.help else [])]
    related = [(label.location, label.text) for label in each.labels]
    where = each.location
    if where is None or where.source.name != opened.source.name:
        related = [*([(where, each.message)] if where else []), *related]
        where = Location(opened.source, 0, 0, max(1, len(opened.source.line(0))))
    return {
        "range": range_of(where),
        "severity": SEVERITY[each.severity],
        "code": each.code,
        "source": "archcalc",
        "message": "\n".join(lines),
        "relatedInformation": [
            {"location": {"uri": uri_of(at.source.name), "range": range_of(at)}, "message": text}
            for at, text in related
        ],
    }
