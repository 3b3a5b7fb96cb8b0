"""Other sizes: interpolation, padding, pixel shuffle."""

from collections.abc import Mapping
from math import inf
from typing import Any

from archcalc.importing.lengths import all_lengths_of
from archcalc.importing.lowering.calls import call
from archcalc.importing.lowering.frames import over_maps, over_positions, place_over
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import axis_word, first, settle, then, turned
from archcalc.importing.lowering.rule import RULES, Arguments, lower, lowers
from archcalc.importing.lowering.rules.convolutions import per_axis, short
from archcalc.importing.lowering.rules.pooling import windows
from archcalc.importing.lowering.rules.slicing import part
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import Operation, Value
from archcalc.layer import Layer, Reference


@lowers("interpolate", "upsample", takes="input size scale_factor mode align_corners recompute_scale_factor antialias")
def interpolate(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """By an integer factor, or to a size."""
    if given.get("mode") == "area":
        averages = f"adaptive_avg_pool{len(given['input'].shape) - 2}d"
        size = operation.makes[0].shape[2:]
        return lower(lowering, call(operation, averages, given["input"], size, makes=operation.makes))
    x, made = given["input"], layer_for(operation, given)
    if made is None or not lowering.is_placed(x) or len(x.shape) < 3:
        return False
    if not lowering.is_batch_first(x):
        return of_frames(lowering, operation, made, x)
    seen = turned(lowering, operation, x, last=False)
    return to_map(lowering, operation, given, made, seen) or lowering.place(operation, made, [seen])


def layer_for(operation: Operation, given: Arguments) -> Layer | None:
    """The layer that resizes so to numbers; None if none does."""
    how = {name: given.get(name) or None for name in ("mode", "align_corners", "antialias")}
    if how["mode"] not in (None, "nearest", "linear", "bilinear", "trilinear", "bicubic"):
        return None
    factor = given.get("scale_factor")
    factors = () if factor is None else per_axis(factor, len(operation.makes[0].shape) - 2)
    is_simple = how["mode"] != "bicubic" and not how["align_corners"] and not how["antialias"]
    if factors and is_simple and all(float(each).is_integer() for each in factors):
        return layer("upsample", scale_factor=short(tuple(int(each) for each in factors)), mode=how["mode"])
    if factors and not given.get("recompute_scale_factor"):
        return layer("resize", scale_factor=float(factors[0]), **how) if len(set(factors)) == 1 else None
    return layer("resize", size=short(operation.makes[0].shape[2:]), **how)


def to_map(lowering: Lowering, operation: Operation, given: Arguments, made: Layer, seen: Step) -> bool:
    """To the size of a map that code names."""
    size = given.get("size")
    like = all_lengths_of(size) if isinstance(size, tuple) else None
    if like is None or made.name != "resize" or not lowering.is_placed(like):
        return False
    how = {name: each for name, each in made.stated().items() if name != "size"}
    map, made = lowering.at[like], layer("resize", like=Reference(""), **how)
    return not map.volume.channels_last and lowering.place(operation, made, [seen, map])


def of_frames(lowering: Lowering, operation: Operation, made: Layer, x: Value) -> bool:
    """Of frames that are folded into the batch: one more position that stays, or the maps of all frames."""
    number = made.stated().get("scale_factor")
    seen = over_positions(lowering, operation, x) if made.name == "upsample" and "mode" not in made.stated() else None
    if seen is None or seen.among or not seen.parts:
        return over_maps(lowering, operation, made, x)
    factors = short(seen.along(per_axis(number, len(x.shape) - 2)))
    return place_over(lowering, operation, layer("upsample", scale_factor=factors), x, seen)


@lowers("pad", takes="input pad mode value")
def pad(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Around positions, or along single axes; nothing where nothing is added, and less where an amount is negative."""
    x, amounts, mode = given["input"], given["pad"], given.get("mode", "constant")
    if not lowering.is_placed(x):
        return False
    if not any(amounts):
        return lowering.same(operation.makes[0], x)
    value = float(given.get("value") or 0.0)
    if value == -inf:
        return before_pooling(lowering, operation, x, amounts)
    number = {"value": value} if value else {}
    if abs(value) == inf:
        return False
    pairs = [tuple(amounts[i : i + 2]) for i in range(0, len(amounts), 2)]
    rank = lowering.volume(x).rank
    fits = lowering.is_batch_first(x) and len(x.shape) == rank + 2 and len(pairs) <= rank
    if fits and not lowering.volume(x).channels_last and all(n >= 0 for n in amounts):
        around: Any = tuple(reversed([*pairs, *[(0, 0)] * (rank - len(pairs))]))
        if len(set(around)) == 1 and around[0][0] == around[0][1]:
            around = around[0][0]
        return lowering.place(operation, layer("pad", pad=around, mode=mode, **number), [x])
    if fits and not lowering.volume(x).channels_last and mode == "constant" and all(n <= 0 for n in amounts):
        gone = [tuple(-n for n in pair) for pair in (*pairs, *[(0, 0)] * (rank - len(pairs)))]
        return lowering.place(operation, layer("crop", border=tuple(reversed(gone))), [x])
    return mode == "constant" and along_axes(lowering, operation, x, pairs, number)


def before_pooling(lowering: Lowering, operation: Operation, x: Value, amounts: tuple[int, ...]) -> bool:
    """Elements that are never the maximum, around what only a pooling layer reads: its padding."""
    pool = lowering.only_reader(operation.makes[0])
    if pool is None or not pool.function.startswith("max_pool") or len(amounts) != 2 * len(x.shape) - 4:
        return False
    given = RULES[pool.function].arguments(pool)
    seen = over_positions(lowering, operation, x)
    window = None if seen is None or seen.parts else windows(lowering, {**given, "input": x}, seen)
    if window is None or window["padding"] != 0 or window["ceil_mode"] or given.get("return_indices"):
        return False
    pairs = [tuple(amounts[i : i + 2]) for i in range(len(amounts) - 2, -1, -2)]
    equal = all(begin == end == pairs[0][0] for begin, end in pairs)
    window["padding"] = pairs[0][0] if equal else tuple(pairs)
    dilation = short(per_axis(given.get("dilation", 1), len(pairs)))
    made = layer("maxpool", dilation=dilation, **window)
    if not lowering.place(pool, made, [turned(lowering, operation, x, last=False)]):
        return False
    lowering.taken.add(pool)
    return True


def along_axes(
    lowering: Lowering, operation: Operation, x: Value, pairs: list[tuple[int, ...]], number: Mapping[str, float]
) -> bool:
    """A number along one axis after the other, the last axis first."""
    step: Step | None = lowering.at[x]
    for i, (begin, end) in enumerate(pairs):
        inner = lowering.axis(x, -1 - i)
        if (begin, end) == (0, 0):
            continue
        if inner is None or step is None:
            return False
        size = step.volume.item_shape[inner]
        if min(begin, end) < 0:
            step = part(lowering, operation, step, inner, max(0, -begin), size - max(0, -end))
        if step is not None and max(begin, end) > 0:
            around = ((max(0, begin), max(0, end)),)
            made = layer("pad", pad=around, axis=axis_word(step.volume, inner), **number)
            step = then(lowering, operation, made, step)
    return settle(lowering, operation, step)


@lowers("pixel_shuffle", takes="input upscale_factor")
def pixel_shuffle(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    made = layer("pixel_shuffle", upscale_factor=given["upscale_factor"])
    return lowering.place(operation, made, [first(lowering, operation, given["input"])])


@lowers("pixel_unshuffle", takes="input downscale_factor")
def pixel_unshuffle(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    made = layer("pixel_unshuffle", downscale_factor=given["downscale_factor"])
    return lowering.place(operation, made, [first(lowering, operation, given["input"])])


@lowers("channel_shuffle", takes="input groups")
def channel_shuffle(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return lowering.place(
        operation, layer("channel_shuffle", groups=given["groups"]), [first(lowering, operation, given["input"])]
    )
