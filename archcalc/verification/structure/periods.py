"""Compares closed forms with torch over two periods of sizes: every layer's numbers, and the refused sizes.

The effect of floors on a length is periodic; two periods in a row cover every remainder, and show the repetition.
All axes run through their periods at the same time, with different steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, cycle
from math import gcd, lcm

import torch
from torch import Tensor, nn

from archcalc.codegen import generate
from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import Dim, number_at, summed
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Role
from archcalc.measures.arithmetic import macs
from archcalc.record import record
from archcalc.spec.declaration import Document
from archcalc.sym.decide import Undecided
from archcalc.sym.expr import Expr, expression
from archcalc.sym.periods import period_of
from archcalc.verification.row import META, Row, compared
from archcalc.verification.structure.mac_counter import MacCounter, Operations
from archcalc.verification.trace import Running, torch_dtype

FAULTS = (RuntimeError, ValueError, TypeError, IndexError, ArithmeticError, AssertionError)
"""The exceptions of torch for a size that it does not accept."""

NO_CLOSED_FORM = "AC136"
"""What a network is refused with if a layer needs numbers."""

PACES = (1, 3, 5, 7, 9, 11, 13)
"""The steps of the axes, in order: odd, so that each covers every remainder of a period that is a power of 2."""

POINTWISE = {Role.ACTIVATION, Role.BATCH_NORM, Role.LOCAL_NORM, Role.MOVEMENT, Role.NORM, Role.SOFTMAX}
"""The roles of layers that take any size where their output has the size of their input."""

Values = Mapping[str, int]


@record(slots=False)
class Forms:
    """A network with free axes, and the module built for the spec's own size."""

    document: Document
    graph: Graph
    own: Graph
    running: Running

    @cached_property
    def depends(self) -> bool:
        """Whether weights, arguments or padding depend on the input's size, so that every size needs a new module."""
        stated = (value for node in self.graph for value in node.layer.stated().values())
        shapes = (weight.shape for node in self.graph for weight in node.weights)
        padding = (node.layer.pads(node.inputs[0]) for node in self.graph if hasattr(node.layer, "pads"))
        return any(isinstance(each, Expr) for value in chain(shapes, stated, padding) for each in nested(value))

    def module_at(self, values: Values) -> Running | None:
        """The module for a size; None if archcalc refuses to build it."""
        if not self.depends:
            return self.running
        sizes = {each.name: at(each.volume.item_shape, values) for each in self.graph.inputs}
        try:
            graph = build(self.document, batch=self.own.inputs[0].volume.batch, dtype=self.own.dtype, sizes=sizes)
        except SpecError:
            return None
        return without_pointwise(Running(generate(graph), graph, "meta"))


def nested(value: object) -> Iterator[object]:
    """What an argument consists of: a tuple's own values, however deep."""
    if isinstance(value, tuple):
        for each in value:
            yield from nested(each)
    else:
        yield value


def without_pointwise(running: Running) -> Running:
    """The module without pointwise layers (norms, activations): other sizes already check them, and they take most of
    the time on the meta device."""
    graph = running.graph
    keeps = {node.module for node in graph if (node.output,) == node.inputs and node.layer.role in POINTWISE}
    keeps -= {node.module for node in graph if node.reruns}
    for name, module in list(running.module.named_modules()):
        if name in keeps and not list(module.children()):
            parent, _, own = name.rpartition(".")
            setattr(running.module.get_submodule(parent), own, nn.Identity())
    return running


def over_periods(document: Document, own: Graph, running: Running, most: int) -> Iterator[Row]:
    """Rows for at most `most` sizes; none if the network has no spatial axis."""
    if not most or not any(each.volume.rank for each in own.inputs):
        return
    try:
        graph = with_free(document, batch=own.inputs[0].volume.batch, dtype=own.dtype)
    except SpecError as error:
        if any(each.code != NO_CLOSED_FORM for each in error.diagnostics):
            raise
        why = tuple(each.message for each in error.diagnostics)
        yield Row("closed forms", META, "other sizes", "none", "not compared", None, why)
        return
    axes = {name: each.own for name, each in graph.symbols.items() if each.own is not None}
    if not axes:
        return
    forms = Forms(document, graph, own, without_pointwise(running))
    sizes = list(sizes_over(axes, periods(graph, list(axes)), most))
    yield from compared_with_torch(forms, sizes, f"{len(sizes)} sizes, {shown(sizes[0])} to {shown(sizes[-1])}")


def periods(graph: Graph, names: Sequence[str]) -> dict[str, int]:
    """The period of each axis after which every layer's volume and MACs repeat; 1 if it cannot be determined."""
    found = dict.fromkeys(names, 1)
    wholes = {expression(n) for node in graph for n in (*node.output.item_shape, macs(node))}
    for whole in wholes:
        for name in names:
            try:
                found[name] = lcm(found[name], period_of(whole, name).length)
            except Undecided:
                continue
    return found


def sizes_over(axes: Values, repeat: Values, most: int) -> Iterator[Values]:
    """Two periods of every axis around its own length; evenly spaced ones if that is more than `most`."""
    longest = 2 * max(repeat.values())
    step = max(1, -(-longest // most))
    while gcd(step, longest) > 1 and step > 1:
        step += 1
    for i in range(min(longest, most)):
        yield {
            name: max(1, n - longest // 2) + (i * step * pace) % longest
            for (name, n), pace in zip(axes.items(), cycle(PACES), strict=False)
        }


def compared_with_torch(forms: Forms, sizes: Sequence[Values], where: str) -> Iterator[Row]:
    """Checks that torch accepts the sizes that meet the conditions; for accepted sizes, compares shapes and MACs."""
    said: dict[str, str] = {}
    happened: dict[str, str] = {}
    shapes: tuple[dict[str, object], dict[str, object]] = ({}, {})
    counts: tuple[dict[str, object], dict[str, object]] = ({}, {})
    total, known = summed(macs(node) for node in forms.graph), Operations()
    outputs = {node.output.shape for node in forms.graph}
    for values in sizes:
        size = shown(values)
        said[size] = "fits" if all(each.claim.at(**values) for each in forms.graph.conditions) else "does not fit"
        seen = run_at(forms, values, known)
        happened[size] = "does not fit" if seen is None else "fits"
        if seen is not None and said[size] == "fits":
            predicted = {shape: at(shape, values) for shape in outputs}
            shapes[0].update({f"{size} {node.name}": predicted[node.output.shape] for node in forms.graph})
            shapes[1].update({f"{size} {name}": each for name, each in seen[0].items()})
            counts[0][size], counts[1][size] = number_at(total, values), seen[1]
    yield compared("closed forms: which sizes fit", META, where, said, happened, "size")
    yield compared("closed forms: shapes", META, where, *shapes, "layer")
    yield compared("closed forms: MACs", META, where, *counts, "size")


def run_at(forms: Forms, values: Values, known: Operations) -> tuple[dict[str, tuple[int, ...]], int] | None:
    """The shape of every layer's value, and the MACs; None if torch, or the builder, refuses the size."""
    running = forms.module_at(values)
    if running is None:
        return None
    shapes: dict[str, tuple[int, ...]] = {}

    def see(node: Node, value: Tensor) -> None:
        shapes[node.name] = tuple(value.shape)

    counter = MacCounter(known)
    shapes_in = [(at(each.volume.shape, values), torch_dtype(each)) for each in forms.graph.inputs]
    samples = [torch.zeros(shape, dtype=dtype, device="meta") for shape, dtype in shapes_in]
    try:
        with counter:
            running.run(samples, see)
    except FAULTS:
        return None
    return shapes, counter.total


def at(dims: Sequence[Dim], values: Values) -> tuple[int, ...]:
    return tuple(number_at(n, values) for n in dims)


def shown(values: Values) -> str:
    return " x ".join(map(str, values.values()))
