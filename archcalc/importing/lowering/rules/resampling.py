"""Other sizes: interpolation, padding, pixel shuffle."""

from typing import Any

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import first, turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.convolutions import per_axis, short
from archcalc.importing.program import Operation


@lowers("interpolate", "upsample", takes="input size scale_factor mode align_corners recompute_scale_factor antialias")
def interpolate(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """By an integer factor, or to a size."""
    x, y = given["input"], operation.makes[0]
    if not lowering.is_placed(x) or not lowering.is_batch_first(x) or given.get("antialias"):
        return False
    seen = turned(lowering, operation, x, last=False)
    mode, corners = given.get("mode", "nearest"), bool(given.get("align_corners"))
    if mode not in ("nearest", "linear", "bilinear", "trilinear"):
        return False
    factor = given.get("scale_factor")
    factors = () if factor is None else per_axis(factor, len(x.shape) - 2)
    if factors and all(float(each).is_integer() for each in factors) and not corners:
        whole = short(tuple(int(each) for each in factors))
        return lowering.place(operation, layer("upsample", scale_factor=whole, mode=mode), [seen])
    size = short(y.shape[2:])
    if factors and not given.get("recompute_scale_factor"):
        return len(set(factors)) == 1 and lowering.place(
            operation, layer("resize", scale_factor=float(factors[0]), mode=mode, align_corners=corners), [seen]
        )
    return lowering.place(operation, layer("resize", size=size, mode=mode, align_corners=corners), [seen])


@lowers("pad", takes="input pad mode value")
def pad(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Around positions; nothing where nothing is added."""
    x, amounts, mode = given["input"], given["pad"], given.get("mode", "constant")
    if not lowering.is_placed(x):
        return False
    if not any(amounts):
        return lowering.same(operation.makes[0], x)
    if given.get("value") or not lowering.is_batch_first(x) or any(n < 0 for n in amounts):
        return False
    pairs = [tuple(amounts[i : i + 2]) for i in range(0, len(amounts), 2)]
    if len(pairs) > lowering.volume(x).rank:
        return False
    pairs += [(0, 0)] * (lowering.volume(x).rank - len(pairs))
    around: Any = tuple(reversed(pairs))
    if len(set(around)) == 1 and around[0][0] == around[0][1]:
        around = around[0][0]
    return lowering.place(operation, layer("pad", pad=around, mode=mode), [first(lowering, operation, x)])


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
