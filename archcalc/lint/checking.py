"""Checking: all problems of a spec, including unmet expectations."""

from collections.abc import Sequence

from archcalc.closed_forms.feasibility import contradictions
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.graph.builder import build
from archcalc.graph.given import Network, document_given
from archcalc.graph.graph import Graph
from archcalc.lint.expectation import failures
from archcalc.spec.declaration import Document


def check(network: Network) -> tuple[str, ...]:
    """The messages of all problems of a spec, including unmet expectations; empty if there are none."""
    try:
        found = problems_of(document_given(network))
    except SpecError as error:
        found = error.diagnostics
    return tuple(each.message for each in found)


def problems_of(document: Document) -> Sequence[Diagnostic]:
    """The problems of a document that could be read."""
    return judged(document)[1]


def judged(document: Document) -> tuple[Graph | None, Sequence[Diagnostic]]:
    """The network of a document, if it can be built, and the problems. Free sizes stay free."""
    try:
        graph = build(document, free=())
    except SpecError as error:
        return None, error.diagnostics
    return graph, [*contradictions(graph), *failures(graph, document)]
