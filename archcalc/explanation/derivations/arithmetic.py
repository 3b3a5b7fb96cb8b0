"""Arithmetic: the operations of the layer by kind, and its count in each convention."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.core.dim import Dim
from archcalc.core.ops import Ops
from archcalc.core.window import Window
from archcalc.explanation.derivation import Part, Step, Subject, derivation, remark, step
from archcalc.explanation.tracing import Derived, axes_of, derived, named, taps, written
from archcalc.explanation.written import tree_of
from archcalc.graph.graph import Node
from archcalc.measure import MEASURES
from archcalc.record import replace

KINDS = {
    "mac": ("MACs", "multiply-accumulates"),
    "sums": ("sums", "results; each saves one addition"),
    "bias": ("biases", "bias additions"),
    "add": ("adds", "additions and subtractions"),
    "mul": ("muls", "multiplications"),
    "div": ("divs", "divisions"),
    "root": ("roots", "square roots"),
    "exp": ("exps", "transcendental functions"),
    "power": ("powers", "powers"),
    "compare": ("compares", "comparisons"),
}
"""The name of each kind of arithmetic in formulas, and in words."""

CONVENTIONS = {
    "flops": ("FLOPs", "two per MAC"),
    "scalar": ("scalar ops", "one per operation"),
    "operations": ("operations", "the lectures' count"),
}
"""The measures shown besides MACs: their names, and what they count."""


@derivation("Arithmetic", 40)
def arithmetic(subject: Subject) -> Iterator[Part]:
    node = subject.node
    done = {kind: n for kind in KINDS if (n := getattr(node.ops, kind))}
    if not done:
        yield remark("none: the layer moves values and computes nothing")
    found = {kind: subject.trace.derive(lambda each, k=kind: getattr(each.ops, k)) for kind in done}  # type: ignore[misc]
    yield from reading(subject, {name for each in found.values() for name in each.symbols})
    for kind, made in found.items():
        name, words = KINDS[kind]
        yield step(name, made, note=words)
    for measure, (name, words) in CONVENTIONS.items():
        counted = derived(MEASURES[measure].of, node, [of_kinds(subject, done)])
        if counted.result:
            yield step(name, counted, note=words)


def of_kinds(subject: Subject, done: Mapping[str, Dim]) -> Node:
    """The node with a letter for each kind of arithmetic."""
    node = next(subject.trace.copies, subject.node)
    made = replace(node.application)
    vars(made)["ops"] = Ops(**{kind: named(KINDS[kind][0], n) for kind, n in done.items()})
    return replace(node, application=made)


def reading(subject: Subject, spoken: Collection[str]) -> Iterator[Step]:
    """What the windows read along each axis, if formulas refer to it."""
    node = subject.node
    if not any(name.startswith("taps_") for name in spoken):
        return
    x, beside = node.inputs[0], node.layer.neighbours(*node.inputs[:1])
    axes = zip(node.layer.windows(*node.inputs), axes_of(x), x.spatial, strict=True)
    for window, axis, n in (*axes, (beside, "C", x.channels)):
        if f"taps_{axis}" in spoken:
            yield of_taps(window, axis, n)


def of_taps(window: Any, axis: str, n: Dim) -> Step:
    """How many values the windows read along an axis: k at each position, except on padding."""
    positions, read, name = window.slide(n), taps(window, n), f"taps_{axis}"
    note = f"elements of {axis} read, summed over all windows"
    if not isinstance(window, Window):
        return step(name, Derived(read), note=note)
    k, all_of_them = named("k", window.kernel), named(f"{axis}'", positions)
    found = written(tree_of(k * all_of_them))
    if found.result == read:
        return step(name, found, note=note)
    outside = f"{found.result - read:,} of {found.numbers} = {found.result:,} taps lie outside the input"
    return step(name, Derived(read), note=f"{note}; {outside}")
