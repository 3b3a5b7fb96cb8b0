"""Receptive fields by dye: NaN in one slab of the input, and which units of which layers it reaches.

Sources of the method: NaN is never lost in a sum, a product, a maximum or a norm, so that it reaches exactly the units
that read it. Interpolation alone multiplies by zeros; its zeros are taken out.
"""

import time
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from archcalc.core.field import Field
from archcalc.graph.graph import Input, Node
from archcalc.measures.receptive_field import Fields, carriers, carrying, fields_of, spatial_inputs
from archcalc.verification.field.borders import Attained, Sides, attained
from archcalc.verification.row import CPU, Row, counted
from archcalc.verification.trace import Running

SECONDS = 4.0
"""Time to spend on dye, about."""


@dataclass(frozen=True)
class Predicted:
    """What is compared with dye: fields in one input, and which of their borders can be reached."""

    seed: Input
    fields: Mapping[str, Fields]
    ways: Attained


@dataclass(frozen=True)
class Slab:
    """Where dye is put: one unit of one axis of the input, across the others."""

    axis: int
    unit: int


@dataclass
class Findings:
    """What dye has shown so far: layers that disagree, and (layer, axis, side) of the rims that were met."""

    differences: dict[str, str] = field(default_factory=dict)
    rims: set[tuple[str, int, int]] = field(default_factory=set)

    def add(self, other: "Findings") -> None:
        self.differences = {**other.differences, **self.differences}
        self.rims |= other.rims


def dye(running: Running, at: str) -> Iterator[Row]:
    """Dye in every input that has positions, one after the other: a row for each."""
    seeds = spatial_inputs(running.graph)
    if not seeds:
        yield Row("receptive fields, by dye", CPU, at, counted(0, "layer"), "no spatial input to dye", None)
        return
    running.module.float()  # fields are the same in every dtype, and NaN passes through fewer short cuts in this one
    for seed in seeds:
        of_input = f" of {seed.name}" if len(seeds) > 1 else ""
        yield dye_in(seed, running, f"receptive fields{of_input}, by dye", at, SECONDS / len(seeds))


def dye_in(seed: Input, running: Running, quantity: str, at: str, seconds: float) -> Row:
    """Dye at the rims of as many layers' fields as there is time for; every run looks at every unit of every layer."""
    fields = fields_of(running.graph, seed)
    predicted, findings = Predicted(seed, fields, attained(running.graph, seed, fields)), Findings()
    wanted = rims(predicted, seed.volume.spatial)
    ends = time.perf_counter() + seconds
    for slab in in_turns(wanted, seed.volume.rank):
        findings.add(look(running, predicted, slab))
        if time.perf_counter() > ends:
            break
    wrong = tuple(f"{name}: {what}" for name, what in findings.differences.items())
    layers, agreed = (counted(n, "layer") for n in (len(fields), len(fields) - len(wrong)))
    met = f"{len(findings.rims):,} of {sum(wanted.values()):,} rims"
    return Row(f"{quantity} ({met})", CPU, at, layers, agreed, not wrong, wrong)


def rims(predicted: Predicted, spatial: Sequence[int]) -> Counter[Slab]:
    """Where the field of some layer begins or ends, and for how many layers and sides."""
    found: Counter[Slab] = Counter()
    for name, axes in predicted.fields.items():
        for axis, (seen, ways) in enumerate(zip(axes, predicted.ways[name], strict=True)):
            found.update(
                Slab(axis, span[side]) for _, side, span in nearest(seen, ways) if 0 <= span[side] < spatial[axis]
            )
    return found


def nearest(seen: Field, ways: Sides) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """For each side the unit nearest the middle that has a way to that rim of its field: unit, side, field."""
    for side, way in enumerate((ways.first, ways.last)):
        near = sorted((i for i, is_way in enumerate(way) if is_way), key=lambda i: abs(i - len(way) // 2))
        if near and (span := seen.at(near[0])):
            yield near[0], side, span


def in_turns(wanted: Counter[Slab], rank: int) -> Iterator[Slab]:
    """What is most layers' rim first, one axis after the other; the first unit of an axis that has none."""
    orders = [
        [slab for slab, _ in wanted.most_common() if slab.axis == axis] or [Slab(axis, 0)] for axis in range(rank)
    ]
    for turn in range(max(map(len, orders))):
        yield from (order[turn] for order in orders if turn < len(order))


def look(running: Running, predicted: Predicted, slab: Slab) -> Findings:
    """One run with dye in one slab of the input.

    Where it disagrees it is done again without the fast convolutions that transform tiles or fill their vectors up with
    zeros: NaN passes through these from units beyond the window, which are multiplied by zero and not read.
    """
    found = one_run(running, predicted, slab)
    if not found.differences:
        return found
    with plain_convolutions():
        return one_run(running, predicted, slab)


def one_run(running: Running, predicted: Predicted, slab: Slab) -> Findings:
    """The network run on dyed input, every layer's value looked at as it is made."""
    findings, seed = Findings(), predicted.seed
    inputs = [x.float() if x.is_floating_point() else x for x in running.inputs()]
    place = [each.name for each in running.graph.inputs].index(seed.name)
    along = slab.axis + (1 if seed.volume.channels_last else 2)
    if seed.volume.is_floating:
        inputs[place].select(along, slab.unit).fill_(float("nan"))
    dyed = {seed.name}

    def see(node: Node, value: Tensor) -> None:
        if seed.volume.is_ids and seed.name in node.sources:  # integers take no dye: what is looked up for them does
            value.select(along, slab.unit).fill_(float("nan"))
        reached = value.isnan()
        if reached.any():
            dyed.add(node.name)
        if node.name in predicted.fields and (wrong := misjudged(node, predicted, slab, reached, dyed, findings.rims)):
            findings.differences.setdefault(node.name, wrong)

    with without_zeros():
        running.run(inputs, see)
    return findings


def misjudged(
    node: Node, predicted: Predicted, slab: Slab, reached: Tensor, dyed: Collection[str], met: set[tuple[str, int, int]]
) -> str:
    """What is wrong with a layer's field, as far as this dye shows; empty where nothing is. Rims met go to `met`."""
    fields = predicted.fields[node.name]
    seen, along = fields[slab.axis], carrying(node.output, slab.axis, len(fields))
    if seen.whole or along is None:
        return misjudged_whole(node, slab, bool(reached.any()), dyed)
    along += 1 if node.output.channels_last else 2
    units = reached.any(dim=[d for d in range(reached.dim()) if d != along]).tolist()
    for i, is_dyed in enumerate(units):
        span = seen.at(i)
        if is_dyed and not (span and span[0] <= slab.unit <= span[1]):
            return f"unit {i} of axis {slab.axis} sees input unit {slab.unit}, predicted {span}"
    for i, side, span in nearest(seen, predicted.ways[node.name][slab.axis]):
        if span[side] == slab.unit:
            met.add((node.name, slab.axis, side))
            if not units[i]:
                return f"unit {i} of axis {slab.axis} does not see input unit {slab.unit}, predicted {span}"
    return ""


def misjudged_whole(node: Node, slab: Slab, reached: bool, dyed: Collection[str]) -> str:
    """Where every unit sees all: dye that is in a source comes through, and none comes from nowhere."""
    expected = any(source in dyed for source in carriers(node))
    gathers = any(window.whole for windows in node.layer.windows_of_inputs(*node.inputs) for window in windows)
    if reached != expected and (reached or gathers):
        return f"sees input unit {slab.unit} of axis {slab.axis}: {reached}, predicted {expected}"
    return ""


ROUNDING = 1e-9
"""Weights of interpolation in double precision that would be zero without rounding are smaller, all others larger."""


@contextmanager
def without_zeros() -> Iterator[None]:
    """Interpolation and masked attention pass NaN through weights of zero; a unit of weight zero is not read."""
    plain, attend = F.interpolate, F.scaled_dot_product_attention

    def interpolate(x: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        reached = plain(x.isnan().double(), *arguments, **keywords) > ROUNDING
        return plain(x.nan_to_num(0.0), *arguments, **keywords).masked_fill(reached, float("nan"))

    def attention(query: Tensor, key: Tensor, value: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        dyed = (key.isnan().any(-1, keepdim=True) | value.isnan()).to(value.dtype)
        query_dyed, query, key, value = query.isnan(), *(each.nan_to_num(0.0) for each in (query, key, value))
        reached = (attend(query, key, dyed, *arguments, **keywords) > 0) | query_dyed.any(-1, keepdim=True)
        return attend(query, key, value, *arguments, **keywords).masked_fill(reached, float("nan"))

    with patch.object(F, "interpolate", interpolate), patch.object(F, "scaled_dot_product_attention", attention):
        yield


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """Convolution by sums of products alone."""
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")  # of what setting the flags reminds us
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(torch.backends.nnpack.flags(enabled=False))
        yield
