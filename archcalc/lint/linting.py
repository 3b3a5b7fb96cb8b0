"""Linting: the findings of rules in a network, one per location in the spec, without suppressed ones."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache

from archcalc.closed_forms.feasibility import example
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.dim import number_at
from archcalc.core.location import Location
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.lint import rules  # noqa: F401  every file in it registers itself
from archcalc.lint.rule import RULES, Design, Finding
from archcalc.record import record
from archcalc.spec.declaration import Document
from archcalc.sym.decide import Undecided

NOQA = re.compile(r"#\s*noqa(?P<codes>:\s*[A-Za-z]+\d*(?:[\s,]+[A-Za-z]+\d+)*)?", re.IGNORECASE)
"""`# noqa` at the end of a line suppresses all rules there, `# noqa: AR101, AR203` only these."""


@record
class Selection:
    """Which rules to run: codes or prefixes, `AR1`. If both `select` and `ignore` match, the longer match decides."""

    select: tuple[str, ...] = ("AR",)
    ignore: tuple[str, ...] = ()

    def __contains__(self, code: str) -> bool:
        return longest(self.select, code) > longest(self.ignore, code)


EVERY_RULE = Selection()


def longest(prefixes: Collection[str], code: str) -> int:
    return max((len(each) for each in prefixes if code.startswith(each.upper())), default=0)


def findings_of(document: Document, graph: Graph, selection: Selection = EVERY_RULE) -> Sequence[Diagnostic]:
    """The findings of rules in the network of a document. Free sizes get example values.

    Empty if no example values are valid.
    """
    if graph.symbols:
        try:
            values = example(graph)
        except Undecided:
            return ()
        shapes = {each.name: tuple(number_at(n, values) for n in each.volume.item_shape) for each in graph.inputs}
        try:
            graph = build(document, sizes=shapes)
        except SpecError:
            return ()  # no size fits: `contradictions` reports that
    return tuple(found_in(graph, selection))


@cache
def selected(selection: Selection) -> Sequence[str]:
    """The codes of the selected rules, in order."""
    return [code for code in sorted(RULES) if code in selection]


def found_in(graph: Graph, selection: Selection) -> Iterator[Diagnostic]:
    design = Design(graph)
    for code in selected(selection):
        by_place: dict[Location | None, list[Finding]] = {}
        for finding in RULES[code]().findings(design):
            by_place.setdefault(finding.where, []).append(finding)
        yield from (
            diagnostic_of(code, found, graph) for place, found in by_place.items() if not suppressed(code, place)
        )


def diagnostic_of(code: str, found: Sequence[Finding], graph: Graph) -> Diagnostic:
    """One diagnostic for all layers from one location; with edits if every layer there has the weakness."""
    first, *others = found
    plural = "s" * (len(others) > 1)
    more = f"also {len(others):,} more layer{plural} from this line, up to {others[-1].node.name}" if others else ""
    return Diagnostic(
        code=code,
        severity="warning",
        message=first.message,
        location=first.where,
        notes=(*first.notes, more) if more else first.notes,
        help=first.help,
        edits=first.edits if first.edits and is_everywhere(found, graph) else (),
    )


def is_everywhere(found: Sequence[Finding], graph: Graph) -> bool:
    """Whether all nodes from one location have the weakness."""
    place = found[0].where
    return len({each.node.name for each in found}) == sum(1 for node in graph if node.where == place)


def suppressed(code: str, place: Location | None) -> bool:
    """Whether a comment on the line of a location, or at the top of the file, suppresses a rule."""
    if place is None:
        return False
    lines = place.source.lines
    head = [line for line in lines[: first_key(lines)] if line.lstrip().startswith("#")]
    return any(code in codes or not codes for line in (*head, place.source.line(place.line)) for codes in noqa(line))


def first_key(lines: Sequence[str]) -> int:
    """The number of the first line that is neither empty nor a comment."""
    return next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), len(lines))


def noqa(line: str) -> Iterator[Sequence[str]]:
    """The codes in each noqa comment; empty for all codes."""
    for found in NOQA.finditer(line):
        yield re.findall(r"[A-Z]+\d+", (found["codes"] or "").upper())
