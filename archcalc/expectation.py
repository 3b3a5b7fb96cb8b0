"""Expectations: what a spec says was published, held against what comes out."""

from collections.abc import Callable, Iterator, Mapping

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.binding import shown
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean
from archcalc.graph import Graph
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import receptive_fields
from archcalc.spec.declaration import Document, Expectation
from archcalc.spec.expression import Value


def failures(graph: Graph, document: Document) -> Iterator[Diagnostic]:
    """What the spec expects and does not get, each at the place of the expected number."""
    for expected in document.expect:
        try:
            yield from compared(expected, graph)
        except SpecError as error:
            yield from error.diagnostics


def compared(expected: Expectation, graph: Graph) -> Iterator[Diagnostic]:
    key = expected.key.text
    if key in MEASURES:
        yield from judged(expected, key, MEASURES[key].total(graph), graph)
    elif key == "output":
        yield from judged(expected, key, graph[graph.outputs[0]].output.item_shape, graph)
    elif key in BY_LAYER:
        yield from by_layer(expected, graph, BY_LAYER[key](graph))
    else:
        known = [*MEASURES, "output", *BY_LAYER]
        help = did_you_mean(key, known) or f"one of {', '.join(known)}"
        yield Diagnostic(code="AC301", message=f"nothing is called '{key}'", location=expected.key.where, help=help)


def shapes(graph: Graph) -> Mapping[str, Value]:
    return {name: volume.item_shape for name, volume in graph.volumes.items()}


def fields(graph: Graph) -> Mapping[str, Value]:
    """One number where the axes agree."""
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
"""Expectations that have one part for each layer."""


def by_layer(expected: Expectation, graph: Graph, found: Mapping[str, Value]) -> Iterator[Diagnostic]:
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
    assert expected.value is not None
    wanted = expected.value.evaluate(graph.params)
    if computed == wanted or within(expected, wanted, computed, graph):
        return
    yield Diagnostic(
        code="AC300",
        message=f"expected {what} {written(wanted)}, computed {written(computed)}",
        location=expected.value.where,
        notes=tuple(differences(wanted, computed, what, graph)),
    )


def within(expected: Expectation, wanted: Value, computed: Value, graph: Graph) -> bool:
    """Whether the difference is one that the expectation allows."""
    if not isinstance(wanted, int | float) or not isinstance(computed, int | float):
        return False
    if expected.absolute is not None:
        allowed = expected.absolute.evaluate(graph.params)
        return isinstance(allowed, int | float) and abs(computed - wanted) <= allowed
    return expected.tolerance is not None and abs(computed - wanted) <= expected.tolerance * abs(wanted)


def written(value: Value) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return shown(value)


def differences(wanted: Value, computed: Value, what: str, graph: Graph) -> Iterator[str]:
    """By how much, and the layers whose own count is just that much."""
    if isinstance(wanted, int) and isinstance(computed, int):
        difference = computed - wanted
        yield f"the difference is {difference:+,}"
        if what in MEASURES and difference:
            same = [node.name for node in graph if MEASURES[what].of(node) == abs(difference)]
            if same:
                yield f"which is just what {' and '.join(same[:3])} comes to"
