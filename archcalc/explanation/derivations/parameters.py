"""Parameters: every tensor that the layer owns, their totals, and their initial standard deviations."""

import re
from collections.abc import Iterator
from fractions import Fraction
from math import sqrt

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.core.diagnostic import enumerated
from archcalc.core.weight import Weight
from archcalc.explanation.derivation import Part, Step, Subject, derivation, remark, step
from archcalc.explanation.tracing import Derived
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.measure import MEASURES

TIMES = " \N{MULTIPLICATION SIGN} "

VARIANCES = {
    "Xavier": (1, "Glorot & Bengio 2010"),
    "ReLU": (2, "He et al. 2015, arXiv:1502.01852"),
}
"""u in the variance u / fan_in that preserves the scale of values from layer to layer, and its source."""


@derivation("Parameters", 30)
def parameters(subject: Subject) -> Iterator[Part]:
    node = subject.node
    if node.reruns:
        yield remark(f"none of its own: it runs {node.module} again, with the same weights")
        return
    if not node.weights:
        yield remark("none")
        return
    for i, weight in enumerate(node.weights):
        yield of_weight(subject, i, weight)
    yield from totals(node)
    yield from initial(subject)


def of_weight(subject: Subject, i: int, weight: Weight) -> Step:
    """`C_out × C_in × k × k = 6 × 1 × 5 × 5 = 150`."""
    dims = subject.trace.derive_each(lambda node: node.weights[i].shape)
    formula = TIMES.join(bracketed(dim.formula) or f"{dim.result:,}" for dim in dims)
    numbers = TIMES.join(f"{dim.result:,}" for dim in dims)
    symbols = {name: n for dim in dims for name, n in dim.symbols.items()}
    found = Derived(weight.numel, formula if symbols else "", numbers, symbols)
    return step(weight.name, found, unit=owned(weight))


def bracketed(formula: str) -> str:
    """A dimension among others; a sum gets brackets."""
    return f"({formula})" if re.search(r" [+-] (?![^(⌊]*[)⌋])", formula) else formula


def owned(weight: Weight) -> str:
    if weight.shared_with:
        return f"shared with {weight.shared_with}, counted there"
    if weight.buffer:
        return "buffer: stored, not learned"
    return "trainable" if weight.trainable else "frozen"


def totals(node: Node) -> Iterator[Step]:
    """Each count as the sum over its tensors."""
    own = [weight for weight in node.weights if not weight.shared_with]
    learned = [weight for weight in own if not weight.buffer]
    yield summed("params", learned, MEASURES["params"].of(node))
    if any(not weight.trainable for weight in learned):
        trainable = [weight for weight in learned if weight.trainable]
        yield summed("trainable", trainable, MEASURES["trainable_params"].of(node))
    if kept := [weight for weight in own if weight.buffer]:
        yield summed("buffers", kept, MEASURES["buffers"].of(node))


def summed(name: str, weights: list[Weight], total: int) -> Step:
    names, sizes = ([f"{weight.name}" for weight in weights], [f"{weight.numel:,}" for weight in weights])
    symbols = {weight.name: weight.numel for weight in weights}
    several = len(weights) > 1
    return Step(
        name=name,
        formula=" + ".join(names) if several else "",
        numbers=" + ".join(sizes) if several else "",
        result=total,
        symbols=symbols if several else {},
    )


def initial(subject: Subject) -> Iterator[Step]:
    """Fan-in and standard deviations of the weights that are multiplied by inputs and summed."""
    node = subject.node
    if node.layer.role is not Role.CONTRACTION:
        return
    products = Fraction(node.ops.mac, node.ops.sums)
    alike: dict[tuple[str, object], tuple[Derived, list[Weight]]] = {}
    for i, weight in enumerate(node.weights):
        if weight.trainable and len(weight.shape) > 1 and weight.name != "bias":
            found = subject.trace.derive(lambda each, i=i: each.weights[i].fan_in)  # type: ignore[misc]
            alike.setdefault((found.formula, found.result), (found, []))[1].append(weight)
    for found, (weight, *others) in alike.values():
        if products == weight.fan_in:
            names = enumerated(each.name for each in (weight, *others))
            yield step(
                "fan_in",
                found,
                note=f"inputs of one output element{f' of {names}' if others or len(alike) > 1 else ''}",
            )
            yield from deviations(weight)
        else:
            yield step("fan_in", found, note=f"as torch.nn.init counts it: {weight.name} without its first axis")
            mean = f"{float(products):,.4g} products on average"
            yield remark(f"a sum in this layer has {mean}, so fan_in gives no standard deviation")


def deviations(weight: Weight) -> Iterator[Step]:
    for name, (u, source) in VARIANCES.items():
        yield Step(
            name=f"std ({name})",
            formula=f"sqrt({u}/fan_in)",
            numbers=f"sqrt({u}/{weight.fan_in:,})",
            result=sqrt(u / weight.fan_in),
            source=source,
            symbols={"fan_in": weight.fan_in},
        )
