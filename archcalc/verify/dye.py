"""Receptive fields by dye: NaN in one slab of the input, and which units of which layers it reaches.

Sources of the method: NaN is never lost in a sum, a product, a maximum or a norm, so that it reaches exactly the units
that read it. Interpolation alone multiplies by zeros; its zeros are taken out.
"""

import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from archcalc.core.field import Field
from archcalc.graph import Graph, Node
from archcalc.measures.receptive_field import Fields, carriers, receptive_fields, spatial_input
from archcalc.verify.row import CPU, Row, counted
from archcalc.verify.trace import Running

SECONDS = 4.0
"""Time to spend on dye, about."""


@dataclass
class Findings:
    """What dye has shown so far."""

    differences: dict[str, str] = field(default_factory=dict)
    rims: set[tuple[str, int, int]] = field(default_factory=set)

    def add(self, other: "Findings") -> None:
        self.differences = {**other.differences, **self.differences}
        self.rims |= other.rims


def dye(running: Running, at: str) -> Row:
    """Dye at the rims of as many layers' fields as there is time for; every run looks at every unit of every layer."""
    graph, quantity = running.graph, "receptive fields, by dye"
    seed, fields = spatial_input(graph), receptive_fields(graph)
    if seed is None or not seed.volume.dtype.startswith(("float", "bfloat")):
        return Row(quantity, CPU, at, counted(len(fields), "layer"), "no spatial input to dye", None)
    running.module.float()  # fields are the same in every dtype, and NaN passes through fewer short cuts in this one
    findings = Findings()
    wanted = [rims(graph, fields, axis, n) for axis, n in enumerate(seed.volume.spatial)]
    ends = time.perf_counter() + SECONDS
    for axis, unit in in_turns(wanted):
        findings.add(look(running, fields, axis, unit))
        if time.perf_counter() > ends:
            break
    wrong = tuple(f"{name}: {what}" for name, what in findings.differences.items())
    predicted, agreed = (counted(n, "layer") for n in (len(fields), len(fields) - len(wrong)))
    met = f"{len(findings.rims):,} of {sum(sum(each.values()) for each in wanted):,} rims"
    return Row(f"{quantity} ({met})", CPU, at, predicted, agreed, not wrong, wrong)


def rims(graph: Graph, fields: Mapping[str, Fields], axis: int, n: int) -> Counter[int]:
    """Input units of an axis at which the field of some layer's middle unit begins or ends, and of how many."""
    found: Counter[int] = Counter()
    for node in graph:
        if node.name in fields and node.output.rank > axis and (span := middle(node, fields[node.name][axis], axis)):
            found.update(unit for unit in set(span) if 0 <= unit < n)
    return found


def middle(node: Node, seen: Field, axis: int) -> tuple[int, int] | None:
    return None if seen.whole else seen.at(node.output.spatial[axis] // 2)


def in_turns(wanted: list[Counter[int]]) -> Iterator[tuple[int, int]]:
    """Axis and unit: what is most layers' rim first, one axis after the other; the first unit where there is none."""
    orders = [[unit for unit, _ in counts.most_common()] or [0] for counts in wanted]
    for turn in range(max(map(len, orders))):
        yield from ((axis, order[turn]) for axis, order in enumerate(orders) if turn < len(order))


def look(running: Running, fields: Mapping[str, Fields], axis: int, unit: int) -> Findings:
    """One run with dye in one slab of the input.

    Where it disagrees it is done again without the fast convolutions that transform tiles or fill their vectors up with
    zeros: NaN passes through these from units beyond the window, which are multiplied by zero and not read.
    """
    found = one_run(running, fields, axis, unit)
    if not found.differences:
        return found
    with plain_convolutions():
        return one_run(running, fields, axis, unit)


def one_run(running: Running, fields: Mapping[str, Fields], axis: int, unit: int) -> Findings:
    findings = Findings()
    seed = spatial_input(running.graph)
    assert seed is not None
    inputs = [x.float() if x.is_floating_point() else x for x in running.inputs()]
    place = [each.name for each in running.graph.inputs].index(seed.name)
    inputs[place].select(axis + (1 if seed.volume.channels_last else 2), unit).fill_(float("nan"))
    dyed = {seed.name}

    def see(node: Node, value: Tensor) -> None:
        reached = value.isnan()
        if reached.any():
            dyed.add(node.name)
        if node.name in fields and (wrong := misjudged(node, fields[node.name], axis, unit, reached, dyed, findings)):
            findings.differences.setdefault(node.name, wrong)

    with without_zeros():
        running.run(inputs, see)
    return findings


def misjudged(
    node: Node, seen: Fields, axis: int, unit: int, reached: Tensor, dyed: set[str], findings: Findings
) -> str:
    """What is wrong with a layer's field, as far as this dye shows; empty where nothing is."""
    whole = all(each.whole for each in seen)
    if whole or node.output.rank <= axis:
        expected = any(source in dyed for source in carriers(node))
        return "" if bool(reached.any()) == expected else f"dye at {unit} of axis {axis} should reach it: {expected}"
    if seen[axis].whole:
        return ""
    along = axis + (1 if node.output.channels_last else 2)
    others = [d for d in range(reached.dim()) if d != along]
    units = reached.any(dim=others).tolist()
    for i, is_dyed in enumerate(units):
        span = seen[axis].at(i)
        if is_dyed and not (span and span[0] <= unit <= span[1]):
            return f"unit {i} of axis {axis} sees input unit {unit}, predicted {span}"
    centre = len(units) // 2
    span = seen[axis].at(centre)
    if span and unit in span:
        findings.rims.update((node.name, axis, each) for each in span if each == unit)
        if not units[centre]:
            return f"unit {centre} of axis {axis} does not see input unit {unit}, predicted {span}"
    return ""


@contextmanager
def without_zeros() -> Iterator[None]:
    """Interpolation passes NaN through weights of zero; a unit of weight zero is not read."""
    plain = F.interpolate

    def interpolate(x: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        reached = plain(x.isnan().to(x.dtype), *arguments, **keywords) > 0
        return plain(x.nan_to_num(0.0), *arguments, **keywords).masked_fill(reached, float("nan"))

    with patch.object(F, "interpolate", interpolate):
        yield


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """Convolution by sums of products alone."""
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")  # of what setting the flags reminds us
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(torch.backends.nnpack.flags(enabled=False))
        yield
