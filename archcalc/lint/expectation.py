"""Expectations: compares the published numbers in a spec with the computed ones."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import TypeGuard

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.comparison.likely_culprits import likely_culprits
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean
from archcalc.graph.binding import shown
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import receptive_fields
from archcalc.spec.declaration import Document, Expectation
from archcalc.spec.expression import check_bytes
from archcalc.spec.value import Value
from archcalc.sym.decide import equal
from archcalc.sym.expr import Expr, expression, symbol


def failures(graph: Graph, document: Document) -> Iterator[Diagnostic]:
    """A diagnostic for every expectation that is not met, at the location of the expected number."""
    for expected in document.expect:
        try:
            yield from compared(expected, graph)
        except SpecError as error:
            yield from error.diagnostics


def compared(expected: Expectation, graph: Graph) -> Iterator[Diagnostic]:
    key = expected.key.text
    if key in MEASURES:
        if MEASURES[key].unit and expected.value is not None:
            check_bytes(expected.value)
        yield from judged(expected, key, MEASURES[key].total(graph), graph)
    elif key == "output":
        yield from judged(expected, key, graph[graph.outputs[0]].output.item_shape, graph)
    elif key in BY_LAYER:
        yield from by_layer(expected, graph, BY_LAYER[key](graph))
    else:
        known = [*MEASURES, "output", *BY_LAYER]
        help = did_you_mean(key, known) or f"use one of {', '.join(known)}"
        yield Diagnostic(code="AC301", message=f"unknown quantity '{key}'", location=expected.key.where, help=help)


def shapes(graph: Graph) -> Mapping[str, Value]:
    return {name: volume.item_shape for name, volume in graph.volumes.items()}


def fields(graph: Graph) -> Mapping[str, Value]:
    """One number if the axes agree."""
    found: dict[str, Value] = {}
    for name, axes in receptive_fields(graph).items():
        sizes = tuple(each.size for each in axes)
        found[name] = sizes[0] if len(set(sizes)) == 1 else sizes
    return found


BY_LAYER: Mapping[str, Callable[[Graph], Mapping[str, Value]]] = {
    "shapes": shapes,
    "outputs": shapes,
    "receptive_field": fields,
}
"""Expectations with one part per layer."""


def by_layer(expected: Expectation, graph: Graph, found: Mapping[str, Value]) -> Iterator[Diagnostic]:
    if expected.value is not None:
        yield of_wrong_kind(expected, f"{expected.key.text} needs a value per layer", "{conv1: ..., fc1: ...}")
    for part in expected.parts:
        name = part.key.text
        node = graph.scopes[name].output if name in graph.scopes else name
        if node in found:
            yield from judged(part, f"{expected.key.text} of {name}", found[node], graph)
        else:
            help = did_you_mean(name, [*found, *graph.scopes])
            message = f"no layer or block is called '{name}'"
            yield Diagnostic(code="AC302", message=message, location=part.key.where, help=help)


def judged(expected: Expectation, what: str, computed: Value, graph: Graph) -> Iterator[Diagnostic]:
    if expected.value is None:
        yield of_wrong_kind(expected, f"{what} needs one value, not a mapping", shown(computed))
        return
    wanted = expected.value.evaluate(graph.params)
    if computed == wanted or is_same_form(wanted, computed, graph) or within(expected, wanted, computed, graph):
        return
    yield Diagnostic(
        code="AC300",
        message=f"expected {what} {written(wanted)}, computed {written(computed)}",
        location=expected.value.where,
        notes=tuple(differences(expected, what, wanted, computed, graph)),
    )


def is_same_form(wanted: Value, computed: Value, graph: Graph) -> bool:
    """Whether an expected formula equals the computed one for all possible sizes."""
    if not isinstance(wanted, int | Expr) or not isinstance(computed, int | Expr):
        return False
    multiples = {name: each.step * symbol(name) for name, each in graph.symbols.items() if each.step > 1}
    return equal(expression(wanted).subs(**multiples), expression(computed).subs(**multiples)).holds


def of_wrong_kind(expected: Expectation, message: str, example: str) -> Diagnostic:
    help = f"write {expected.key.text}: {example}"
    return Diagnostic(code="AC016", message=message, location=expected.where, help=help)


def within(expected: Expectation, wanted: Value, computed: Value, graph: Graph) -> bool:
    """Whether the difference is within the tolerance of the expectation."""
    if not is_number(wanted) or not is_number(computed):
        return False
    difference = abs(Fraction(computed) - wanted)
    if expected.absolute is not None:
        allowed = expected.absolute.evaluate(graph.params)
        return is_number(allowed) and difference <= allowed
    return expected.tolerance is not None and difference <= Fraction(expected.tolerance) * abs(Fraction(wanted))


def written(value: Value) -> str:
    return f"{value:,}" if isinstance(value, int) else shown(value)


def is_number(value: Value) -> TypeGuard[int | Fraction]:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def differences(expected: Expectation, what: str, wanted: Value, computed: Value, graph: Graph) -> Iterator[str]:
    """The difference, the tolerance, and likely explanations."""
    if not is_number(wanted) or not is_number(computed):
        return
    difference = computed - wanted
    text = f"the difference is {'+' * (difference > 0)}{written(difference)}"
    if expected.tolerance is not None and wanted:
        text += f" ({float(100 * difference / wanted):+.3g} %, tolerance {100 * expected.tolerance:.3g} %)"
    if expected.absolute is not None:
        text += f" (tolerance {written(expected.absolute.evaluate(graph.params))})"
    yield text
    if what in MEASURES and isinstance(wanted, int) and isinstance(computed, int):
        yield from likely_culprits(graph, what, wanted, computed)
