"""Checking a spec and its variants: each problem once, and which variant has it."""

from collections.abc import Callable, Collection, Iterable, Sequence

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Location, Source
from archcalc.lint.checking import judged
from archcalc.lint.linting import Selection, findings_of
from archcalc.record import record, replace
from archcalc.spec.declaration import Document
from archcalc.spec.document import variant_names


def variants_in(source: Source) -> tuple[str | None, ...]:
    """None, for the spec itself, and its variants."""
    try:
        return None, *variant_names(source)
    except SpecError:
        return (None,)  # the check of the spec itself reports the problems of the file


@record
class Outcome:
    """The problems of a network, and the locations in the spec of its layers; None if it could not be built."""

    found: Sequence[Diagnostic]
    locations: Collection[Location | None] | None = None


def outcome_of(read: Callable[[], Document], variant: str | None, selection: Selection) -> Outcome:
    """The problems of a spec and, if it can be built, the findings of rules."""

    def noted(each: Diagnostic) -> Diagnostic:
        return replace(each, notes=(*each.notes, f"in variant {variant}")) if variant else each

    try:
        document = read()
        graph, found = judged(document)
        if graph is None:
            return Outcome([*map(noted, found)])
        found = [*map(noted, found), *findings_of(document, graph, selection)]
        return Outcome(found, set({id(node.where): node.where for node in graph}.values()))  # copies share theirs
    except SpecError as error:
        return Outcome([*map(noted, error.diagnostics)])


def once(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Without duplicates: variants share most of a file, and so report the same problems."""
    found: dict[object, Diagnostic] = {}
    for each in diagnostics:
        what = () if each.severity == "warning" else (each.message,)
        found.setdefault((each.code, each.location, *what) if each.location else each, each)
    return list(found.values())
