"""Steps that only move elements: reshapes and permutations as one layer, under its shortest name."""

from collections.abc import Mapping

from archcalc.core.axes import CHANNELS, POSITIONS, Axis
from archcalc.core.volume import Volume
from archcalc.importing.lowering.arranging import Arranging, composed, pattern, permuted, reshaped
from archcalc.importing.lowering.lowering import Lowering, NotExact, common_path, layer, output_of
from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import Operation, Value
from archcalc.layer import AxisSizes, Layer, PatternOfAxes


def arrange(lowering: Lowering, operation: Operation, x: Value, plan: Arranging | None) -> bool:
    """Places what moves the elements of a value as `plan` says; None: a reshape that no single pattern describes.

    It becomes one step with the moves before it, if nothing else reads what is between.
    """
    y = operation.makes[0]
    shape, source = lowering.item(y), lowering.at[x]
    if shape is None or source.volume.is_ids:
        return False
    if plan is None:
        total = source.volume.numel
        source = moved(lowering, operation, source, reshaped(source.volume.item_shape, (total,)), last=True)
        plan = reshaped((total,), shape or (1,))
        assert plan is not None
    source, plan = unmoved(lowering, source, plan)
    earlier = before_it(lowering, operation, source)
    both = composed(lowering.arranged[earlier], plan) if earlier else None
    if earlier and both is not None:
        source, plan = earlier.sources[0], both
    if source.volume.item_shape != plan.shape(plan.taken):
        return False
    keeps = keeps_first(plan, source.volume)
    last = len(plan.made) == 1 or not lowering.wants_channels_first(y, default=keeps)
    if (plan.is_nothing and last == source.volume.channels_last) or (plan.is_nothing and len(plan.made) == 1):
        lowering.give(y, source)
    else:
        made = layer_of(plan, source.volume, last)
        if not lowering.place(operation, made, [source]):
            return False
        lowering.arranged[lowering.at[y]] = plan
    if both is not None and earlier is not None:
        forget(lowering, earlier)
    return True


def unmoved(lowering: Lowering, source: Step, plan: Arranging) -> tuple[Step, Arranging]:
    """A step before the move that waits, with that move in the plan."""
    inner = lowering.inner.get(source)
    both = None if inner is None else composed(lowering.arranged[source], plan)
    return (source, plan) if inner is None or both is None else (inner, both)


def keeps_first(plan: Arranging, x: Volume) -> bool:
    """Whether the features come first after a move, if nothing that follows says so: where they stay, or where they go
    before the positions of a map."""
    if not x.channels_last:
        return set(plan.made[0]) == set(plan.taken[0])
    *positions, features = plan.taken
    return len(positions) > 1 and plan.made == (features, *positions)


def before_it(lowering: Lowering, operation: Operation, source: Step) -> Step | None:
    """The step before, if it only moves elements, for this operation alone, in the same module."""
    if source not in lowering.arranged or source.module != operation.module or source in lowering.waiting:
        return None
    for value in lowering.seen_as.get(source, ()):
        if value in lowering.program.outputs:
            return None
        for reader in lowering.readers.get(value, ()):
            passes = all(lowering.at.get(made) is source for made in reader.makes)
            if reader is not operation and not passes:
                return None
    return source


def forget(lowering: Lowering, step: Step) -> None:
    for value in lowering.seen_as.pop(step, ()):
        lowering.at.pop(value, None)
    at = max(i for i, each in enumerate(lowering.steps) if each is step)
    del lowering.steps[at]


def then(
    lowering: Lowering, operation: Operation, made: Layer, *sources: Step, weights: Mapping[str, Value] | None = None
) -> Step | None:
    """A step that waits for the one that reads it; None if the layer does not accept its inputs, or if one of its
    weights has an owner already."""
    volumes = [each.volume for each in sources]
    if not lowering.accepts(made, volumes):
        return None
    held = weights or {}
    if any(each.name in lowering.claimed for each in held.values()) or not lowering.holds(made, sources, held):
        return None
    step = Step(made, sources, output_of(made, volumes), operation.module, function=operation.function)
    step.where = operation.where
    step.weights = {name: each.name for name, each in held.items()}
    step.path = common_path(step.weights.values())
    step.frozen = lowering.is_frozen(step.weights.values())
    lowering.waiting.add(step)
    return step


def moved(lowering: Lowering, operation: Operation, source: Step, plan: Arranging | None, last: bool) -> Step:
    """A step that moves elements, and waits for the one that reads it. Raises NotExact if no layer does."""
    step = None if plan is None else movable(lowering, operation, source, plan, last)
    if step is None:
        raise NotExact
    return step


def movable(lowering: Lowering, operation: Operation, source: Step, plan: Arranging, last: bool) -> Step | None:
    """As `moved`; None if no layer moves such elements, whole numbers, or if they have other axes than the plan."""
    if source.volume.item_shape != plan.shape(plan.taken):
        return None
    step = then(lowering, operation, layer_of(plan, source.volume, last), source)
    if step is not None:
        lowering.arranged[step] = plan
    return step


def rearranged(
    lowering: Lowering, operation: Operation, source: Step, plan: Arranging | None
) -> tuple[Step, Step | None]:
    """A waiting step that moves the elements of another one, features last; the moves before it are part of it.

    Returns the step before, too, if nothing else needs it.
    """
    if plan is None:
        raise NotExact
    earlier = before_it(lowering, operation, source)
    both = composed(lowering.arranged[earlier], plan) if earlier else None
    if earlier is None or both is None:
        return moved(lowering, operation, source, plan, last=True), None
    origin = earlier.sources[0]
    if both.is_nothing:
        return turned(lowering, operation, origin, last=True), earlier
    return moved(lowering, operation, origin, both, last=True), earlier


def settle(lowering: Lowering, operation: Operation, step: Step | None, makes: Value | None = None) -> bool:
    """Gives a waiting step to the value that the operation makes, if it has its shape."""
    makes = makes or operation.makes[0]
    if step is None or step.volume.item_shape != (lowering.item(makes) or (1,)):
        return False
    if step in lowering.waiting:
        lowering.waiting.discard(step)
        lowering.append(step)
    lowering.give(makes, step)
    return True


def with_shape(lowering: Lowering, operation: Operation, step: Step, makes: Value) -> Step | None:
    """A step, with axes of length 1 added or removed as a value has them; None if it differs in more."""
    before, after = step.volume.item_shape, lowering.item(makes) or (1,)
    if before == after:
        return step
    plan = reshaped(before, after)
    if plan is None or [n for n in before if n != 1] != [n for n in after if n != 1]:
        return None
    keeps = not step.volume.channels_last and plan.taken[0] == plan.made[0]
    last = len(plan.made) == 1 or not lowering.wants_channels_first(makes, default=keeps)
    return movable(lowering, operation, step, plan, last)


def aligned(lowering: Lowering, operation: Operation, value: Value, like: Value) -> Step | None:
    """The step of a value; of one that all samples share, without the axis that stands where the batch of another value
    is. None if they do not meet."""
    step, batch = lowering.at[value], lowering.program.batch
    at = batch_axis(like, batch)
    if not lowering.is_shared(value) or at is None or like.shape[at] != batch:
        return step
    place = at - (len(like.shape) - len(value.shape))
    if place < 0 or not value.shape:
        return step
    left = value.shape[:place] + value.shape[place + 1 :]
    return without_ones(lowering, operation, step, value.shape, left) if value.shape[place] == 1 else None


def without_ones(
    lowering: Lowering, operation: Operation, step: Step, before: tuple[int, ...], after: tuple[int, ...]
) -> Step:
    """A step with fewer axes of length 1, features last."""
    earlier = before_it(lowering, operation, step)
    plan = reshaped(before, after or (1,))
    if plan is None:
        raise NotExact
    if earlier is not None and (both := composed(lowering.arranged[earlier], plan)) is not None:
        forget(lowering, earlier)
        return moved(lowering, operation, earlier.sources[0], both, last=True)
    return moved(lowering, operation, step, plan, last=True)


def turned(lowering: Lowering, operation: Operation, value: Value | Step, last: bool) -> Step:
    """The step of a value, with the same axes, whose features are the last axis, or the first."""
    step = value if isinstance(value, Step) else lowering.at[value]
    volume = step.volume
    if volume.channels_last == last or not volume.rank or volume.is_ids:
        return step
    shape = volume.item_shape
    return moved(lowering, operation, step, permuted(shape, range(len(shape))), last)


def axis_word(volume: Volume, axis: int) -> Axis:
    """An axis of a sample as layers name it; by its number where axes have no meaning."""
    if volume.plain:
        return Axis(str(axis + 1))
    if axis == (volume.rank if volume.channels_last else 0):
        return CHANNELS
    names = POSITIONS.get(volume.rank)
    position = axis if volume.channels_last else axis - 1
    return Axis(names[position]) if names else Axis(str(axis + 1))


def word_along(lowering: Lowering, x: Value, axis: int) -> Axis | None:
    """What layers call an axis of a value with a step; None for that of the batch."""
    inner = lowering.axis(x, axis)
    return None if inner is None else axis_word(lowering.volume(x), inner)


def first(lowering: Lowering, operation: Operation, value: Value) -> Value | Step:
    """A value for a layer whose channels come first; one without a step stays what it is."""
    return turned(lowering, operation, value, last=False) if value in lowering.at else value


# --- names --------------------------------------------------------------------------------------------------------


def layer_of(plan: Arranging, x: Volume, last: bool) -> Layer:
    """The layer that moves elements so; its features come last, or first."""
    named = None if x.plain else of_map(plan, last) if not x.channels_last else of_tokens(plan, last)
    if named is not None:
        return named
    if not x.plain and len(plan.made) == 1 and plan.made[0] == tuple(i for group in plan.taken for i in group):
        return layer("flatten")
    text, sizes = pattern(plan, x)
    given = AxisSizes(sizes.items())
    short = layer("rearrange", pattern=PatternOfAxes(text), sizes=given)
    y = short.shape(x)
    if len(plan.made) == 1 or (y.channels_last == last and not y.plain):
        return short
    return layer("rearrange", pattern=PatternOfAxes(text), features="last" if last else "first", sizes=given)


def of_map(plan: Arranging, last: bool) -> Layer | None:
    """What is often done to a map, whose channels come first."""
    channels, *positions = plan.taken
    if any(len(group) != 1 for group in positions) or not positions:
        return None
    if last and plan.made == (tuple(i for (i,) in positions), channels) and len(channels) == 1:
        return layer("tokens")
    if last and plan.made == (*positions, channels) and len(channels) == 1:
        return layer("channels_last")
    if not last and len(channels) == 2 and plan.made == (channels[::-1], *positions):
        return layer("channel_shuffle", groups=plan.sizes[channels[0]])
    return None


def of_tokens(plan: Arranging, last: bool) -> Layer | None:
    """What is often done to features that come last."""
    *positions, features = plan.taken
    if len(features) != 1 or len(positions) < 1:
        return None
    if not last and plan.made == (features, *positions) and all(len(group) == 1 for group in positions):
        return layer("channels_first")
    if last and len(positions) == 1 and plan.made == (features, positions[0]) and len(positions[0]) == 1:
        return layer("transpose")
    if not last and len(positions) == 1 and len(positions[0]) == 2:
        height, width = positions[0]
        if plan.made == (features, (height,), (width,)):
            return layer("untokens", height=plan.sizes[height], width=plan.sizes[width])
    return None
