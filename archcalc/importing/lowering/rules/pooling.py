"""Pooling."""

from math import prod
from typing import Any

from archcalc.core.axes import Axes
from archcalc.importing.lengths import all_lengths_of
from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.frames import Seen, over_positions, place_over
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import axis_word
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.convolutions import per_axis, short
from archcalc.importing.program import Operation, Value


def windows(lowering: Lowering, given: Arguments, seen: Seen) -> dict[str, Any] | None:
    """The window of a pooling layer; None where it would go from one part of a sample to another."""
    rank = len(given["input"].shape) - 2
    kernel = per_axis(given["kernel_size"], rank)
    stride = per_axis(given.get("stride") or kernel, rank)
    if not seen.takes(stride):
        return None
    return dict(
        kernel_size=short(seen.along(kernel)),
        stride=None if stride == kernel else short(seen.along(stride)),
        padding=short(seen.apart(per_axis(given.get("padding", 0), rank), 0)),
        ceil_mode=bool(given.get("ceil_mode", False)),
    )


def is_of_all(given: Arguments) -> bool:
    """Whether the window is as large as the map, whatever its size: `F.avg_pool2d(x, x.shape[2:])`."""
    x, kernel = given["input"], given["kernel_size"]
    window = kernel if isinstance(kernel, tuple) else (kernel,)
    if len(window) != len(x.shape) - 2 or all_lengths_of(window) is not x:
        return False
    others = ("padding", 0), ("dilation", 1), ("divisor_override", None)
    return all(set(per_axis(given.get(key) or usual, 1)) <= {usual} for key, usual in others)


@lowers(
    "max_pool1d", "max_pool2d", "max_pool3d",
    "max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices",
    takes="input kernel_size stride padding dilation ceil_mode return_indices",
)  # fmt: skip
def max_pool(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x = given["input"]
    if is_of_all(given):
        return adaptive_max_pool(lowering, operation, {**given, "output_size": 1})
    seen = over_positions(lowering, operation, x)
    window = None if seen is None else windows(lowering, given, seen)
    if window is None or seen is None or any(map(lowering.is_read, operation.makes[1:])):
        return False
    dilation = short(seen.apart(per_axis(given.get("dilation", 1), len(x.shape) - 2), 1))
    return place_over(lowering, operation, layer("maxpool", dilation=dilation, **window), x, seen)


@lowers("avg_pool1d", takes="input kernel_size stride padding ceil_mode count_include_pad")
@lowers(
    "avg_pool2d", "avg_pool3d",
    takes="input kernel_size stride padding ceil_mode count_include_pad divisor_override",
)  # fmt: skip
def avg_pool(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    if is_of_all(given):
        return adaptive_avg_pool(lowering, operation, {**given, "output_size": 1})
    seen = over_positions(lowering, operation, given["input"])
    window = None if seen is None or seen.among else windows(lowering, given, seen)
    if window is None or seen is None:
        return False
    if given.get("divisor_override"):
        return by_divisor(lowering, operation, given)
    counted = bool(given.get("count_include_pad", True))
    made = layer("avgpool", count_include_pad=counted, **window)
    return place_over(lowering, operation, made, given["input"], seen)


def by_divisor(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Sums over windows by another number than the size of a window: averages of whole windows, times both."""
    x, y, write = given["input"], operation.makes[0], Writing(lowering, operation)
    size = prod(per_axis(given["kernel_size"], len(x.shape) - 2))
    padded = any(per_axis(given.get("padding", 0), 1))
    if given.get("ceil_mode") or (padded and not given.get("count_include_pad", True)):
        return False
    window = given["kernel_size"], given.get("stride"), given.get("padding", 0)
    average = write(operation.function, x, *window, shape=y.shape)
    write("mul", average, size / given["divisor_override"], shape=y.shape, makes=y)
    return write.is_placed()


@lowers("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", takes="input output_size")
def adaptive_avg_pool(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return adaptive(lowering, operation, given, "avgpool")


@lowers(
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d_with_indices",
    takes="input output_size return_indices",
)  # fmt: skip
def adaptive_max_pool(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return not any(map(lowering.is_read, operation.makes[1:])) and adaptive(lowering, operation, given, "maxpool")


def adaptive(lowering: Lowering, operation: Operation, given: Arguments, kind: str) -> bool:
    """Global pooling where the output has one position, together with the flattening that follows it."""
    x = given["input"]
    seen = over_positions(lowering, operation, x)
    if seen is None or seen.among:
        return False
    size = per_axis(given["output_size"], len(x.shape) - 2)
    size = tuple(n if want is None else want for n, want in zip(x.shape[2:], size, strict=True))
    if set(size) != {1}:
        made = layer(f"adaptive_{kind}", output_size=short(seen.along(size, seen.parts)))
        return place_over(lowering, operation, made, x, seen)
    if seen.parts:
        axes = Axes(axis_word(seen.step.volume, at) for at in range(2, seen.step.volume.rank + 1))
        made = layer("reduce", op="mean" if kind == "avgpool" else "max", axes=axes, keep=True)
        return place_over(lowering, operation, made, x, seen)
    flat = flattened(lowering, operation.makes[0])
    if flat is not None and lowering.place(operation, layer(f"global_{kind}"), [seen.step], makes=flat.makes[0]):
        lowering.taken.add(flat)
        return True
    return lowering.place(operation, layer(f"global_{kind}", keepdim=True), [seen.step])


def flattened(lowering: Lowering, value: Value) -> Operation | None:
    """The only reader of a value, if it removes its axes of length 1."""
    reader = lowering.only_reader(value)
    if reader is None or reader.function not in ("flatten", "view", "reshape", "squeeze"):
        return None
    return reader if reader.makes[0].shape == value.shape[:2] else None
