"""Convolutions, pooling and norms."""

from math import prod
from typing import Any

from archcalc.importing.onnx.file import Node
from archcalc.importing.onnx.following import Following, Found, operator
from archcalc.importing.onnx.operators.elementwise import tidy
from archcalc.importing.onnx.shapes import slid
from archcalc.importing.program import Value


def per_axis(node: Node, name: str, rank: int, default: int = 1) -> tuple[int, ...]:
    found = tuple(node.attributes.get(name) or (default,) * rank)
    if len(found) != rank:
        raise ValueError(name)
    return found


def padding(node: Node, x: Value, kernel: tuple[int, ...], strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """What is added before and after each axis."""
    rank = len(kernel)
    rule = node.attributes.get("auto_pad", "NOTSET")
    if rule in ("SAME_UPPER", "SAME_LOWER"):
        found = []
        dilations = per_axis(node, "dilations", rank)
        for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True):
            more = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
            small, large = more // 2, more - more // 2
            found.append((small, large) if rule == "SAME_UPPER" else (large, small))
        return found
    pads = tuple(node.attributes.get("pads") or (0,) * (2 * rank)) if rule == "NOTSET" else (0,) * (2 * rank)
    return list(zip(pads[:rank], pads[rank:], strict=True))


def padded(state: Following, x: Value, pads: list[tuple[int, int]]) -> Value:
    """A value with zeros around it, by an operation of its own."""
    amounts = tuple(n for pair in reversed(pads) for n in pair)
    shape = (*x.shape[:2], *(n + a + b for n, (a, b) in zip(x.shape[2:], pads, strict=True)))
    return state.write("pad", shape, x, amounts, "constant", 0)


def one_each(state: Following, node: Node, i: int, count: int) -> Value | None:
    """An input that has one number for each of so many features; None if it is left out. Raises ValueError if not."""
    found = state.value(node, i) if state.read(node, i) is not None else None
    if found is not None and found.shape != (count,):
        raise ValueError("features that do not fit")
    return found


@operator("Conv")
def conv(state: Following, node: Node) -> Found:
    x, weight = state.value(node, 0), state.value(node, 1)
    bias = one_each(state, node, 2, weight.shape[0])
    rank = len(weight.shape) - 2
    kernel, strides, dilations = weight.shape[2:], per_axis(node, "strides", rank), per_axis(node, "dilations", rank)
    pads, groups = padding(node, x, kernel, strides), node.attributes.get("group", 1)
    if x.shape[1] != weight.shape[1] * groups or not 1 <= rank <= 3:
        raise ValueError("channels that do not fit")
    if any(a != b for a, b in pads):
        x, pads = padded(state, x, pads), [(0, 0)] * rank
    sizes = zip(x.shape[2:], kernel, strides, pads, dilations, strict=True)
    spatial = (slid(n, k, s, *p, d) for n, k, s, p, d in sizes)
    amounts = tuple(a for a, _ in pads)
    shape = (x.shape[0], weight.shape[0], *spatial)
    return state.write(f"conv{rank}d", shape, x, weight, bias, strides, amounts, dilations, groups)


@operator("ConvTranspose")
def conv_transpose(state: Following, node: Node) -> Found:
    x, weight, groups = state.value(node, 0), state.value(node, 1), node.attributes.get("group", 1)
    bias, rank = one_each(state, node, 2, weight.shape[1] * groups), len(weight.shape) - 2
    kernel, strides, dilations = weight.shape[2:], per_axis(node, "strides", rank), per_axis(node, "dilations", rank)
    pads, more = padding(node, x, kernel, strides), per_axis(node, "output_padding", rank, 0)
    if node.attributes.get("output_shape") or any(a != b for a, b in pads) or not 1 <= rank <= 3:
        raise ValueError("a form that torch does not have")
    sizes = zip(x.shape[2:], kernel, strides, pads, dilations, more, strict=True)
    spatial = ((n - 1) * s - a - b + d * (k - 1) + m + 1 for n, k, s, (a, b), d, m in sizes)
    amounts = tuple(a for a, _ in pads)
    shape = (x.shape[0], weight.shape[1] * groups, *spatial)
    name = f"conv_transpose{rank}d"
    return state.write(name, shape, x, weight, bias, strides, amounts, more, groups, dilations)


@operator("MaxPool", "AveragePool")
def pool(state: Following, node: Node) -> Found:
    x = state.value(node, 0)
    rank = len(x.shape) - 2
    kernel, strides = per_axis(node, "kernel_shape", rank), per_axis(node, "strides", rank)
    dilations, ceil = per_axis(node, "dilations", rank), bool(node.attributes.get("ceil_mode", 0))
    pads, counts = padding(node, x, kernel, strides), bool(node.attributes.get("count_include_pad", 0))
    sizes = zip(x.shape[2:], kernel, strides, pads, dilations, strict=True)
    shape = (*x.shape[:2], *(slid(n, k, s, *p, d, ceil) for n, k, s, p, d in sizes))
    given: dict[str, Any] = {"kernel_size": kernel, "stride": strides, "ceil_mode": ceil}
    if any(a != b for a, b in pads):
        if node.operator == "MaxPool" or not counts:  # zeros around it would be chosen, or counted
            return state.write(node.operator, shape, x)
        x, pads = padded(state, x, pads), [(0, 0)] * rank
    given["padding"] = tuple(a for a, _ in pads)
    if node.operator == "MaxPool":
        return state.write(f"max_pool{rank}d", shape, x, dilation=dilations, **given)
    if set(dilations) != {1}:
        return state.write("AveragePool", shape, x)
    return state.write(f"avg_pool{rank}d", shape, x, count_include_pad=counts, **given)


@operator("GlobalAveragePool", "GlobalMaxPool")
def global_pool(state: Following, node: Node) -> Found:
    x = state.value(node, 0)
    rank = len(x.shape) - 2
    name = "adaptive_avg_pool" if node.operator == "GlobalAveragePool" else "adaptive_max_pool"
    return state.write(f"{name}{rank}d", (*x.shape[:2], *(1,) * rank), x, 1)


def statistics(state: Following, value: Value) -> Value:
    """A stored value as statistics. Exporters store equal values once, so that it can be a weight elsewhere: before
    training, a variance is 1 as the scale is. It stays that weight then, and the statistics are a value beside it."""
    if value.name not in state.learned:
        return state.buffer(value)
    beside = f"{value.name} as statistics"
    if beside not in state.at:
        state.at[beside] = state.keep(beside, value.shape, value.dtype, buffer=True)
    return state.as_value(state.at[beside])


@operator("BatchNormalization")
def batch_norm(state: Following, node: Node) -> Found:
    x, weight, bias = (state.value(node, i) for i in range(3))
    mean, variance = (statistics(state, state.value(node, i)) for i in (3, 4))
    if {each.shape for each in (weight, bias, mean, variance)} != {(x.shape[1],)}:
        raise ValueError("channels that do not fit")
    eps = tidy(node.attributes.get("epsilon", 1e-5))
    return state.write("batch_norm", x.shape, x, mean, variance, weight, bias, False, 0.1, eps)


@operator("LayerNormalization")
def layer_norm(state: Following, node: Node) -> Found:
    x, weight = state.value(node, 0), state.value(node, 1)
    bias = state.value(node, 2) if state.read(node, 2) is not None else None
    over = x.shape[node.attributes.get("axis", -1) % len(x.shape) :]
    return state.write("layer_norm", x.shape, x, over, weight, bias, tidy(node.attributes.get("epsilon", 1e-5)))


@operator("InstanceNormalization")
def instance_norm(state: Following, node: Node) -> Found:
    x = state.value(node, 0)
    weight, bias = (one_each(state, node, i, x.shape[1]) for i in (1, 2))
    eps = tidy(node.attributes.get("epsilon", 1e-5))
    return state.write("instance_norm", x.shape, x, None, None, weight, bias, True, 0.1, eps)


@operator("GroupNormalization")
def group_norm(state: Following, node: Node) -> Found:
    x, weight, bias = (state.value(node, i) for i in range(3))
    eps = tidy(node.attributes.get("epsilon", 1e-5))
    return state.write("group_norm", x.shape, x, node.attributes["num_groups"], weight, bias, eps)


@operator("RMSNormalization")
def rms_norm(state: Following, node: Node) -> Found:
    x, weight = state.value(node, 0), state.value(node, 1)
    over = x.shape[node.attributes.get("axis", -1) % len(x.shape) :]
    return state.write("rms_norm", x.shape, x, over, weight, tidy(node.attributes.get("epsilon", 1e-5)))


@operator("LRN")
def lrn(state: Following, node: Node) -> Found:
    x, given = state.value(node, 0), node.attributes
    alpha, beta, bias = (tidy(given.get(key, usual)) for key, usual in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    return state.write("local_response_norm", x.shape, x, given["size"], alpha, beta, bias)


@operator("Resize", "Upsample")
def resize(state: Following, node: Node) -> Found:
    """By factors or to a size, of the axes behind the channels."""
    x, given = state.value(node, 0), node.attributes
    rank = len(x.shape) - 2
    mode = MODES[given.get("mode", "nearest")][rank - 1]
    smooth = bool(given.get("antialias", 0))
    corners = given.get("coordinate_transformation_mode", "half_pixel") == "align_corners"
    sizes = state.ints(node, 3) if len(node.reads) > 3 else None
    if sizes:
        spatial = tuple(sizes[-rank:])
        return state.write("interpolate", (*x.shape[:2], *spatial), x, spatial, None, mode, corners, None, smooth)
    scales = given.get("scales") or getattr(state.read(node, 2 if node.operator == "Resize" else 1), "values", ())
    factors = tuple(float(each) for each in tuple(scales or ())[-rank:])
    if len(factors) != rank or any(not 0 < each < 1e4 for each in factors) or prod(factors) > 1e6:
        raise ValueError("factors")
    spatial = tuple(int(n * each) for n, each in zip(x.shape[2:], factors, strict=True))
    return state.write("interpolate", (*x.shape[:2], *spatial), x, None, factors, mode, corners, None, smooth)


MODES = {
    "nearest": ("nearest",) * 3,
    "linear": ("linear", "bilinear", "trilinear"),
    "cubic": ("cubic", "bicubic", "cubic"),  # torch has a cubic on two axes alone
}
"""Torch's modes for one axis, two and three."""
