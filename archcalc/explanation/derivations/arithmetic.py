"""Arithmetic: what the layer computes by kind, and what each convention makes of it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.core.dim import Dim
from archcalc.core.ops import Ops
from archcalc.core.window import Window
from archcalc.explanation.derivation import Part, Step, Subject, derivation, said, step
from archcalc.explanation.tracing import Derived, axes_of, derived, named, taps, written
from archcalc.explanation.written import tree_of
from archcalc.graph.graph import Node
from archcalc.measure import MEASURES

KINDS = {
    "mac": ("MACs", "multiply-accumulates"),
    "sums": ("sums", "results of these: one addition fewer in each"),
    "bias": ("biases", "additions of a bias"),
    "add": ("adds", "additions and subtractions"),
    "mul": ("muls", "multiplications"),
    "div": ("divs", "divisions"),
    "root": ("roots", "square roots"),
    "exp": ("exps", "exponentials and their like"),
    "power": ("powers", "powers"),
    "compare": ("compares", "comparisons"),
}
"""What the kinds of arithmetic are called in formulas, and in words."""

CONVENTIONS = {
    "flops": ("FLOPs", "two for each MAC"),
    "scalar": ("scalar ops", "each counts one"),
    "operations": ("operations", "the lectures' count"),
}
"""The measures that are shown beside MACs: name, and what they count."""


@derivation("Arithmetic", 40)
def arithmetic(subject: Subject) -> Iterator[Part]:
    node = subject.node
    done = {kind: n for kind in KINDS if (n := getattr(node.ops, kind))}
    if not done:
        yield said("none: values are moved, nothing is computed")
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
    """The node where each kind of arithmetic is a letter."""
    made = replace(next(iter(subject.trace.copies), subject.node))
    vars(made)["ops"] = Ops(**{kind: named(KINDS[kind][0], n) for kind, n in done.items()})
    return made


def reading(subject: Subject, spoken: Collection[str]) -> Iterator[Step]:
    """What the windows read along each axis, where formulas speak of it."""
    node, x = subject.node, subject.node.inputs[0]
    if not any(name.startswith("taps_") for name in spoken):
        return
    beside = node.layer.neighbours(*node.inputs[:1])
    axes = zip(node.layer.windows(*node.inputs), axes_of(x), x.spatial, strict=True)
    for window, axis, n in (*axes, (beside, "C", x.channels)):
        if f"taps_{axis}" in spoken:
            yield of_taps(window, axis, n)


def of_taps(window: Any, axis: str, n: Dim) -> Step:
    """How many values the windows read along an axis: k at each place, but those on padding."""
    places, read, name = window.slide(n), taps(window, n), f"taps_{axis}"
    if not isinstance(window, Window):
        return step(name, Derived(read), note=f"units of {axis} that all windows read")
    k, all_of_them = named("k", window.kernel), named(f"{axis}'", places)
    found = written(tree_of(k * all_of_them))
    if found.result == read:
        return step(name, found, note=f"units of {axis} that all windows read")
    outside = f"{found.result - read:,} of {found.numbers} = {found.result:,} taps lie outside the input"
    return step(name, Derived(read), note=f"units of {axis} that all windows read; {outside}")
