"""Receptive fields by dye: NaN in one slab of the input marks every element of every layer that depends on it.

The method works because sums, products, maxima and norms never lose NaN, so it reaches exactly the elements that read
it. The exception is interpolation, which multiplies by zeros; these zeros are removed.
"""

import time
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from archcalc.core.field import Field
from archcalc.graph.graph import Input, Node
from archcalc.measures.receptive_field import Fields, along_in, carriers, fields_of, spatial_inputs
from archcalc.record import field, record
from archcalc.verification.field.borders import Attained, Sides, attained
from archcalc.verification.field.narrow import narrowed
from archcalc.verification.row import CPU, Row, counted
from archcalc.verification.trace import Running, floating_dtype

SECONDS = 3.0
"""The approximate time limit for dye, in seconds: half of it where narrower inputs show the same in less time."""


@record
class Predicted:
    """What is compared with dye: fields in one input, and which of their borders can be reached."""

    seed: Input
    fields: Mapping[str, Fields]
    ways: Attained


@record
class Slab:
    """Where dye is put: one index on one axis of the input, across the other axes."""

    axis: int
    element: int


@record(frozen=False)
class Findings:
    """The results so far: the layers that disagree, and (layer, axis, side) of the field borders that were reached."""

    differences: dict[str, str] = field(default_factory=dict)
    borders: set[tuple[str, int, int]] = field(default_factory=set)

    def add(self, other: "Findings") -> None:
        self.differences = {**other.differences, **self.differences}
        self.borders |= other.borders


def dye(running: Running, at: str) -> Iterator[Row]:
    """Puts dye into each input that has positions: one row per input."""
    seeds = spatial_inputs(running.graph)
    if not seeds:
        yield Row("receptive fields, by dye", CPU, at, counted(0, "layer"), "no spatial input for dye", None)
        return
    running.module.float()  # fields do not depend on the dtype, and float32 kernels spread NaN least
    for seed in seeds:
        of_input = f" of {seed.name}" if len(seeds) > 1 else ""
        yield dye_in(seed, running, f"receptive fields{of_input}, by dye", at, SECONDS / len(seeds))
    running.module.to(floating_dtype(running.graph))  # restored: its memory is measured next


def dye_in(seed: Input, running: Running, quantity: str, at: str, seconds: float) -> Row:
    """Puts dye at field borders of as many layers as time allows; every run checks every element of every layer."""
    fields = fields_of(running.graph, seed)
    predicted, findings = Predicted(seed, fields, attained(running.graph, seed, fields)), Findings()
    wanted = borders(predicted, seed.volume.spatial)
    began = time.perf_counter()
    further: dict[int, tuple[Running, Predicted]] = {}  # by axis, after a first run with all of the input
    for slab in in_turns(wanted, seed.volume.rank):
        findings.add(look(*further.get(slab.axis, (running, predicted)), slab))
        if slab.axis not in further:
            further[slab.axis] = narrower(running, predicted, slab.axis)
        is_narrow = all(each is not running for each, _ in further.values())
        if time.perf_counter() > began + seconds / (2 if is_narrow else 1):
            break
    wrong = tuple(f"{name}: {what}" for name, what in findings.differences.items())
    layers, agreed = (counted(n, "layer") for n in (len(fields), len(fields) - len(wrong)))
    met = f"{len(findings.borders):,} of {sum(wanted.values()):,} field borders"
    return Row(f"{quantity} ({met})", CPU, at, layers, agreed, not wrong, wrong)


def narrower(running: Running, predicted: Predicted, axis: int) -> tuple[Running, Predicted]:
    """What shows the same along an axis, with as little as possible along the others."""
    found = narrowed(running, predicted.seed, dict(predicted.fields), axis)
    if found is None:
        return running, predicted
    ways = attained(found.running.graph, found.seed, found.fields)
    return found.running, Predicted(found.seed, found.fields, ways)


def borders(predicted: Predicted, spatial: Sequence[int]) -> Counter[Slab]:
    """The slabs where a layer's field begins or ends, each with the number of layers and sides."""
    found: Counter[Slab] = Counter()
    for name, axes in predicted.fields.items():
        for axis, (seen, ways) in enumerate(zip(axes, predicted.ways[name], strict=True)):
            found.update(
                Slab(axis, span[side]) for _, side, span in nearest(seen, ways) if 0 <= span[side] < spatial[axis]
            )
    return found


def nearest(seen: Field, ways: Sides) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """For each side, the element nearest the middle that reaches that border of its field: element, side, field."""
    for side, way in enumerate((ways.first, ways.last)):
        near = sorted((i for i, is_way in enumerate(way) if is_way), key=lambda i: abs(i - len(way) // 2))
        if near and (span := seen.at(near[0])):
            yield near[0], side, span


def in_turns(wanted: Counter[Slab], rank: int) -> Iterator[Slab]:
    """The slabs that are borders of the most layers first, axes in turn; the first slab of an axis that has none."""
    orders = [
        [slab for slab, _ in wanted.most_common() if slab.axis == axis] or [Slab(axis, 0)] for axis in range(rank)
    ]
    for turn in range(max(map(len, orders))):
        slabs = [order[turn] for order in orders if turn < len(order)]
        yield from sorted(slabs, key=lambda slab: -wanted[slab])


def look(running: Running, predicted: Predicted, slab: Slab) -> Findings:
    """One run with dye in one slab of the input.

    If it disagrees, it is repeated without the fast convolutions that transform tiles or pad vectors with zeros: they
    spread NaN from elements outside the window, which they multiply by zero.
    """
    found = one_run(running, predicted, slab)
    if not found.differences:
        return found
    with plain_convolutions():
        return one_run(running, predicted, slab)


def one_run(running: Running, predicted: Predicted, slab: Slab) -> Findings:
    """Runs the network on dyed input and checks the value of every layer."""
    findings, seed = Findings(), predicted.seed
    inputs = [x.float() if x.is_floating_point() else x for x in running.inputs()]
    undyed = [x.clone() for x in inputs]
    place = [each.name for each in running.graph.inputs].index(seed.name)
    along = slab.axis + (1 if seed.volume.channels_last else 2)
    if seed.volume.is_floating:
        inputs[place].select(along, slab.element).fill_(float("nan"))
    dyed = {seed.name}

    def see(node: Node, value: Tensor) -> None:
        if seed.volume.is_ids and seed.name in node.sources:  # integers cannot be NaN: their embeddings get the dye
            value.select(along, slab.element).fill_(float("nan"))
        reached = elements_reached(value, axis_of(node, predicted, slab))
        if any(reached):
            dyed.add(node.name)
        if node.name in predicted.fields and (
            wrong := misjudged(node, predicted, slab, reached, dyed, findings.borders)
        ):
            findings.differences.setdefault(node.name, wrong)

    with without_zeros():
        running.run(inputs, see)
    if findings.differences:
        unclear = without_numbers(running, undyed)
        findings.differences = {name: what for name, what in findings.differences.items() if name not in unclear}
    return findings


def without_numbers(running: Running, inputs: list[Tensor]) -> set[str]:
    """The layers whose values have NaN without dye, 0 / 0 among them: they show nothing."""
    found: set[str] = set()

    def see(node: Node, value: Tensor) -> None:
        if any(elements_reached(value, None)):
            found.add(node.name)

    running.run(inputs, see)
    return found


def axis_of(node: Node, predicted: Predicted, slab: Slab) -> int | None:
    """The axis of a layer's value, as torch counts them, on which elements see different parts of the slab's axis; None
    if all see the same, or its field is not known."""
    fields = predicted.fields.get(node.name)
    if fields is None:
        return None
    along = along_in(node.output, slab.axis, fields[slab.axis])
    return None if along is None else along + (1 if node.output.channels_last else 2)


def elements_reached(value: Tensor, along: int | None) -> list[bool]:
    """Whether dye reached each element of an axis, or any element of the value. NaN is larger than every number, so
    that maxima find it in half the time of looking at each element."""
    if value.is_complex():
        value = value.real + value.imag
    if not value.is_floating_point() or not value.numel():
        return [False] * (1 if along is None else value.shape[along])
    if along is None:
        return [bool(value.amax().isnan())]
    inner = value.amax(list(range(along + 1, value.dim()))) if along + 1 < value.dim() else value
    found: list[bool] = inner.amax(list(range(along))).isnan().tolist()
    return found


def misjudged(
    node: Node,
    predicted: Predicted,
    slab: Slab,
    elements: Sequence[bool],
    dyed: Collection[str],
    met: set[tuple[str, int, int]],
) -> str:
    """The error in a layer's field that this dye shows; empty if none. `elements`: those that it reached. Borders that
    it reached are added to `met`."""
    if axis_of(node, predicted, slab) is None:
        return misjudged_whole(node, predicted, slab, any(elements), dyed)
    seen = predicted.fields[node.name][slab.axis]
    for i, is_dyed in enumerate(elements):
        span = seen.at(i)
        if is_dyed and not (span and span[0] <= slab.element <= span[1]):
            return f"element {i} of axis {slab.axis} depends on input element {slab.element}, predicted {span}"
    for i, side, span in nearest(seen, predicted.ways[node.name][slab.axis]):
        if span[side] == slab.element:
            met.add((node.name, slab.axis, side))
            if not elements[i]:
                return (
                    f"element {i} of axis {slab.axis} does not depend on input element {slab.element}, predicted {span}"
                )
    return ""


def misjudged_whole(node: Node, predicted: Predicted, slab: Slab, reached: bool, dyed: Collection[str]) -> str:
    """The same for a layer that depends on the whole axis: dye in a source must reach it, and only then."""
    expected = any(source in dyed for source in carriers(node))
    if not reached and not predicted.ways[node.name][slab.axis].alive:
        return ""
    gathers = any(window.whole for windows in node.layer.windows_of_inputs(*node.inputs) for window in windows)
    if reached != expected and (reached or gathers):
        return f"depends on input element {slab.element} of axis {slab.axis}: {reached}, predicted {expected}"
    return ""


ROUNDING = 1e-9
"""Weights of interpolation in double precision that would be zero without rounding are smaller, all others larger."""


@contextmanager
def without_zeros() -> Iterator[None]:
    """Removes zero weights: interpolation and masked attention pass NaN through them, but do not depend on it."""
    plain, attend = F.interpolate, F.scaled_dot_product_attention

    def interpolate(x: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        reached = plain(x.isnan().double(), *arguments, **keywords) > ROUNDING
        return plain(x.nan_to_num(0.0), *arguments, **keywords).masked_fill(reached, float("nan"))

    def attention(query: Tensor, key: Tensor, value: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        dyed = (key.isnan().any(-1, keepdim=True) | value.isnan()).to(value.dtype)
        query_dyed, query, key, value = query.isnan(), *(each.nan_to_num(0.0) for each in (query, key, value))
        reached = (attend(query, key, dyed, *arguments, **keywords) > 0) | query_dyed.any(-1, keepdim=True)
        return attend(query, key, value, *arguments, **keywords).masked_fill(reached, float("nan"))

    with ExitStack() as stack:
        stack.enter_context(patch.object(F, "interpolate", interpolate))
        stack.enter_context(patch.object(F, "scaled_dot_product_attention", attention))
        stack.enter_context(without_shares_of_zero())
        stack.enter_context(through_choices())
        stack.enter_context(through_steps())
        stack.enter_context(without_mirrors())
        yield


@contextmanager
def without_shares_of_zero() -> Iterator[None]:
    """The same for attention that is spelled out, `scores.softmax(-1) @ values`."""
    softmax, product = Tensor.softmax, Tensor.__matmul__
    latest: list[Tensor] = []

    def noted(scores: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        latest[:] = [softmax(scores, *arguments, **keywords)]
        return latest[0]

    def multiplied(left: Tensor, right: Tensor) -> Tensor:
        if not any(left is each for each in latest):
            return product(left, right)
        dyed = product(left.nan_to_num(1.0), right.isnan().to(left.dtype)) > 0
        reached = dyed | left.isnan().any(-1, keepdim=True)
        return product(left.nan_to_num(0.0), right.nan_to_num(0.0)).masked_fill(reached, float("nan"))

    with patch.object(Tensor, "softmax", noted), patch.object(Tensor, "__matmul__", multiplied):
        yield


@contextmanager
def through_choices() -> Iterator[None]:
    """Comparisons lose NaN: what is chosen by one, `x.masked_fill(by > 0, ...)` or `torch.where(by > 0, x, y)`, depends
    on all that it chooses among and on what was compared. Masks that are computed from places are none of these."""
    greater, fill, choose = Tensor.__gt__, Tensor.masked_fill, torch.where
    latest: list[tuple[Tensor, Tensor]] = []

    def compared(x: Tensor, other: Any) -> Tensor:
        found = greater(x, other)
        latest[:] = [(found, x.isnan())] if x.is_floating_point() else []
        return found

    def dyed(made: Tensor, by: Tensor, among: Sequence[Tensor]) -> Tensor:
        for found, reached in latest:
            if by is found:
                for each in among:
                    reached = reached | each.isnan()
                return fill(made, reached, float("nan"))
        return made

    def filled(x: Tensor, by: Tensor, value: Any) -> Tensor:
        return dyed(fill(x, by, value), by, [x])

    def chosen(by: Tensor, *among: Any) -> Any:
        made: Any = choose(by, *among)
        return dyed(made, by, among) if len(among) == 2 and all(isinstance(x, Tensor) for x in among) else made

    with ExitStack() as stack:
        for owner, name, function in (
            (Tensor, "__gt__", compared),
            (Tensor, "masked_fill", filled),
            (torch, "where", chosen),
        ):
            stack.enter_context(patch.object(owner, name, function))
        yield


@contextmanager
def through_steps() -> Iterator[None]:
    """The same for steps, `(x > 0).type_as(x)`, and for signs."""
    fill, typed, signed = Tensor.masked_fill, Tensor.type_as, Tensor.sign

    def stepped(condition: Tensor, x: Tensor) -> Tensor:
        made = typed(condition, x)
        is_step = condition.dtype is torch.bool and condition.shape == x.shape and x.is_floating_point()
        return fill(made, x.isnan(), float("nan")) if is_step else made

    def sign(x: Tensor) -> Tensor:
        return fill(signed(x), x.isnan(), float("nan"))

    with patch.object(Tensor, "type_as", stepped), patch.object(Tensor, "sign", sign):
        yield


@contextmanager
def without_mirrors() -> Iterator[None]:
    """Padding counts as padding, also where it repeats values of the input."""
    plain = F.pad

    def padded(x: Tensor, amounts: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
        if mode == "constant":
            return plain(x, amounts, mode, value)
        dyed = plain(x.isnan().to(x.dtype), amounts) > 0
        return plain(x.nan_to_num(0.0), amounts, mode).masked_fill(dyed, float("nan"))

    with patch.object(F, "pad", padded):
        yield


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """Disables fast convolution algorithms."""
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")  # about setting these flags
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(torch.backends.nnpack.flags(enabled=False))
        yield
