"""Layers that slide over parts of a sample, which code folds into the batch: frames of a video, heads of attention.

Each is the same layer with one more position, the number of the part, along which nothing slides. Where there are three
positions already, the parts stand between those of the first one, and the layer steps over them. What it makes is moved
to where the code has it when something reads it there; the next such layer takes it as it is.
"""

from collections.abc import Mapping

from archcalc.importing.lowering.arranging import Arranging, reshaped
from archcalc.importing.lowering.lowering import Lowering
from archcalc.importing.lowering.moving import moved, settle, then, turned, unmoved
from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import MADE, ONE, Operation, Value
from archcalc.layer import Layer
from archcalc.record import record

MOST_POSITIONS = 3
"""The most positions that layers slide over."""


@record(eq=False)
class Seen:
    """A value as a layer takes it. `parts`: how many parts of a sample are in the axis of the batch; 0 if the batch is
    alone there. `among`: whether they stand between the first positions."""

    step: Step
    parts: int = 0
    among: bool = False

    def along(self, each: tuple[int, ...], part: int = 1) -> tuple[int, ...]:
        """Numbers for each position, with the one for the parts before them."""
        return (part, *each) if self.parts and not self.among else each

    def apart(self, each: tuple[int, ...], part: int) -> tuple[int, ...]:
        """Distances for each position; parts in between make them longer."""
        return (each[0] * self.parts, *each[1:]) if self.among else self.along(each, part)

    def takes(self, stride: tuple[int, ...]) -> bool:
        """Whether a layer with this stride goes from part to part."""
        return not self.among or stride[0] == 1


def over_positions(lowering: Lowering, operation: Operation, x: object) -> Seen | None:
    """A value whose features come before its positions; None where the batch is in no first axis."""
    if not isinstance(x, Value) or not lowering.is_placed(x):
        return None
    if lowering.is_batch_first(x):
        return Seen(turned(lowering, operation, x, last=False))
    step = lowering.at[x]
    shape = step.volume.item_shape
    if not is_folded(lowering, x) or step.volume.is_ids or len(shape) > MOST_POSITIONS + 2:
        return None
    among = len(shape) == MOST_POSITIONS + 2
    inner = lowering.inner.get(step) or moved(lowering, operation, step, parts_inside(shape), last=False)
    return Seen(inner, shape[0], among)


def is_folded(lowering: Lowering, x: Value) -> bool:
    """Whether the first axis holds the batch and the parts of each sample."""
    if lowering.is_shared(x) or lowering.is_batch_first(x) or len(x.shape) < 2:
        return False
    return batch_axis(x, lowering.program.batch) == (None if lowering.program.batch == ONE else 0)


def parts_inside(shape: tuple[int, ...]) -> Arranging:
    """Parts before features become features before parts, or parts between the first positions."""
    parts, features, *positions = ((i,) for i in range(len(shape)))
    if len(positions) == MOST_POSITIONS:
        return Arranging((parts, features, *positions), (features, positions[0] + parts, *positions[1:]), shape)
    return Arranging((parts, features, *positions), (features, parts, *positions), shape)


def place_over(
    lowering: Lowering,
    operation: Operation,
    layer: Layer,
    x: Value,
    seen: Seen,
    weights: Mapping[str, object] | None = None,
    makes: Value | None = None,
) -> bool:
    """Places a layer that takes the positions of a value."""
    if not seen.parts:
        return lowering.place(operation, layer, [seen.step], weights, makes)
    made = makes or operation.makes[0]
    shape = lowering.item(made)
    if shape is None or len(shape) < 2 or not is_folded(lowering, made):
        return False
    plan = parts_inside(shape)
    before = plan.shape(plan.made)
    value = Value(MADE, (lowering.program.batch, *before), made.dtype, maker=operation)
    if not lowering.place(operation, layer, [seen.step], weights, value):
        return False
    inner = lowering.at[value]
    back = moved(lowering, operation, inner, Arranging(plan.made, plan.taken, plan.sizes), last=False)
    lowering.inner[back] = inner
    lowering.give(made, back)
    if x in lowering.slow:
        lowering.slow[made] = lowering.slow[x]
    return True


def over_maps(lowering: Lowering, operation: Operation, layer: Layer, x: Value) -> bool:
    """Places a layer that does the same with the map of each feature, on parts of a sample that are folded into the
    batch: their features, one part after the other, are features."""
    if not is_folded(lowering, x) or len(x.shape) < 3:
        return False
    shape, made = lowering.volume(x).item_shape, lowering.item(operation.makes[0])
    whole = reshaped(shape, (shape[0] * shape[1], *shape[2:]))
    if whole is None or made is None:
        return False
    source, plan = unmoved(lowering, lowering.at[x], whole)
    y = then(lowering, operation, layer, moved(lowering, operation, source, plan, last=False))
    if y is None:
        return False
    if x in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[x]
    return settle(lowering, operation, moved(lowering, operation, y, reshaped(y.volume.item_shape, made), last=False))


def batches(lowering: Lowering, x: Value, axis: int, begin: int, end: int) -> tuple[int, int] | None:
    """Which parts of a sample the elements from `begin` to `end` of an axis are, where that axis holds one batch after
    the other: those of `torch.cat([a, b])`."""
    batch, count = lowering.program.batch, lowering.item_in_batch(x)
    if axis % len(x.shape) != batch_axis(x, batch) or count < 2 or lowering.slow.get(x, 1) != count:
        return None
    return (begin // batch, end // batch) if begin % batch == end % batch == 0 else None
