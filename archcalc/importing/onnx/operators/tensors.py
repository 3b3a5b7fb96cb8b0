"""Operators that move, cut, join and make tensors, and those of shapes."""

import math
from math import prod
from typing import Any

from archcalc.importing.onnx.file import MAX_VALUES, Node, Tensor
from archcalc.importing.onnx.following import Following, Found, Known, operator
from archcalc.importing.onnx.shapes import broadcast, reshaped, slow_after
from archcalc.importing.program import BATCH, CONSTANT, DERIVED, WEIGHT, Value


@operator("Constant")
def constant(state: Following, node: Node) -> Found:
    ((name, said),) = node.attributes.items()
    if isinstance(said, Tensor):
        if state.has_fixed_constants and said.values is not None and len(said.values) == 1:
            return Known(said.shape, said.values, said.dtype)
        return state.tensor(
            Tensor(node.makes[0], said.shape, said.dtype, said.values), buffer=state.has_fixed_constants
        )
    dtype = "float32" if "float" in name else "int64"
    if isinstance(said, tuple):
        return Known((len(said),), said, dtype)
    assert isinstance(said, int | float)
    return Known((), (said,), dtype)


@operator("ConstantOfShape")
def constant_of_shape(state: Following, node: Node) -> Found:
    """Models without their weights have such a node in place of each; others make a tensor of a computed size."""
    shape = state.ints(node, 0)
    assert shape is not None
    said = node.attributes.get("value")
    values, dtype = (said.values or (0,), said.dtype) if isinstance(said, Tensor) else ((0.0,), "float32")
    if prod(shape) <= MAX_VALUES and (dtype.startswith(("int", "bool")) or prod(shape) <= 1):
        return Known(shape, (values[0],) * prod(shape), dtype)
    if node.reads[0] in state.file.tensors and "float" in dtype and not state.has_fixed_constants:
        return state.keep(node.makes[0], shape, dtype)
    return Value(CONSTANT, shape, dtype)


@operator("Shape")
def shape_of(state: Following, node: Node) -> Found:
    x = state.read(node, 0)
    assert x is not None
    sizes = x.shape[node.attributes.get("start", 0) : node.attributes.get("end")]
    return Known((len(sizes),), sizes)


@operator("Size")
def size_of(state: Following, node: Node) -> Found:
    x = state.read(node, 0)
    assert x is not None
    return Known((), (prod(x.shape),))


@operator("Range")
def ranged(state: Following, node: Node) -> Found:
    begin, end, step = (each.values[0] for i in range(3) if isinstance(each := state.read(node, i), Known))
    count = max(0, math.ceil((end - begin) / step))
    if count > MAX_VALUES:
        return Value(CONSTANT, (count,), "int64")
    return Known((count,), tuple(begin + i * step for i in range(count)))


@operator("Reshape")
def reshape(state: Following, node: Node) -> Found:
    x = state.read(node, 0)
    target = state.ints(node, 1, "shape")
    assert x is not None
    assert target is not None
    if isinstance(x, Known):
        return Known(reshaped(x.shape, target, 0), x.values, x.dtype)
    keep_zeros = bool(node.attributes.get("allowzero", 0))
    if x.kind == WEIGHT and len(state.users.get(x.name, ())) == 1:  # stored in another shape
        return state.keep(x.name, reshaped(x.shape, target, 0, keep_zeros), x.dtype)
    slow = state.slow.get(x, 1)
    shape = reshaped(x.shape, target, state.batch if x.varies else 0, keep_zeros, slow)
    made = state.write("reshape", shape, x, shape)
    state.slow[made] = slow_after(x.shape, slow, shape)
    return made


@operator("Flatten")
def flatten(state: Following, node: Node) -> Found:
    x, axis = state.value(node, 0), node.attributes.get("axis", 1)
    axis %= len(x.shape) + 1
    shape = (prod(x.shape[:axis]), prod(x.shape[axis:]))
    return state.write("reshape", shape, x, shape)


@operator("Transpose")
def transpose(state: Following, node: Node) -> Found:
    x = state.read(node, 0)
    assert x is not None
    order = tuple(node.attributes.get("perm") or reversed(range(len(x.shape))))
    if sorted(order) != list(range(len(x.shape))):
        raise ValueError("no permutation")
    if isinstance(x, Known):
        return x.taken([x.shape[i] for i in order], [x.steps[i] for i in order])
    return state.write("permute", [x.shape[i] for i in order], x, order)


@operator("Squeeze", "Unsqueeze")
def squeeze(state: Following, node: Node) -> Found:
    x, axes = state.read(node, 0), state.ints(node, 1, "axes")
    assert x is not None
    if node.operator == "Squeeze":
        gone = {each % len(x.shape) for each in axes} if axes else {i for i, n in enumerate(x.shape) if n == 1}
        if any(x.shape[i] != 1 for i in gone):
            raise ValueError("an axis longer than 1")
        shape = tuple(n for i, n in enumerate(x.shape) if i not in gone)
    else:
        assert axes is not None
        rank = len(x.shape) + len(axes)
        new = {each % rank for each in axes}
        if len(new) != len(axes):
            raise ValueError("an axis that is named twice")
        rest = iter(x.shape)
        shape = tuple(1 if i in new else next(rest) for i in range(rank))
    return Known(shape, x.values, x.dtype) if isinstance(x, Known) else state.write("reshape", shape, x, shape)


MOST_NUMBERS = 100_000
"""The numbers that one concatenation of sizes or constants may have: a few do for every network."""


@operator("Concat")
def concat(state: Following, node: Node) -> Found:
    reads = [state.read(node, i) for i in range(len(node.reads))]
    parts = [each for each in reads if each is not None]
    axis = node.attributes["axis"] % len(parts[0].shape)
    known = [each for each in parts if isinstance(each, Known)]
    if len(known) == len(parts):
        if sum(len(each.values) for each in known) > MOST_NUMBERS:
            raise ValueError(f"more than {MOST_NUMBERS:,} numbers of sizes and constants")
        return Known((sum(each.shape[0] for each in known),), sum((each.values for each in known), ()), known[0].dtype)
    values = [state.as_value(each) for each in parts]
    if any(each.varies for each in values):
        values = [with_batch(state, each) if axis != 0 else each for each in values]
    shape = list(values[0].shape)
    shape[axis] = sum(each.shape[axis] for each in values)
    if any((*each.shape[:axis], *each.shape[axis + 1 :]) != (*shape[:axis], *shape[axis + 1 :]) for each in values):
        raise ValueError("shapes that do not fit")
    return state.write("cat", shape, tuple(values), axis)


def with_batch(state: Following, value: Value) -> Value:
    """What all samples share, once for each of them: a class token that the file has for its batch size."""
    if value.varies or not value.shape or value.shape[0] != (state.batch or 1):
        return value
    source = value
    if value.kind == DERIVED and value.maker is not None and value.maker.function == "expand":
        source = value.maker.arguments[0]
    shape = (BATCH, *value.shape[1:])
    return state.write("expand", shape, source, shape)


@operator("Expand", "Tile")
def expand(state: Following, node: Node) -> Found:
    x, target = state.read(node, 0), state.ints(node, 1)
    assert x is not None
    assert target is not None
    if node.operator == "Tile":
        shape = tuple(n * m for n, m in zip(x.shape, target, strict=True))
    else:
        shape = broadcast(x.shape, target)
    if isinstance(x, Known):
        if len(x.values) == 1 and prod(shape) <= MAX_VALUES:
            return Known(shape, x.values * prod(shape), x.dtype)
        return Value(CONSTANT, shape, x.dtype)
    if shape == x.shape:
        return x
    return state.write("expand" if node.operator == "Expand" else "repeat", shape, x, shape)


@operator("Split")
def split(state: Following, node: Node) -> list[Found]:
    x, axis = state.value(node, 0), node.attributes.get("axis", 0) % len(state.value(node, 0).shape)
    sizes = state.ints(node, 1, "split")
    if sizes is None:
        each = -(-x.shape[axis] // len(node.makes))
        sizes = (*(each,) * (len(node.makes) - 1), x.shape[axis] - each * (len(node.makes) - 1))
    if sum(sizes) != x.shape[axis]:
        raise ValueError("parts that do not fit")
    shapes = [(*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in sizes]
    return list(state.write_all("split", shapes, x, sizes, axis))


@operator("Slice")
def slice_(state: Following, node: Node) -> Found:
    x = state.read(node, 0)
    begins, ends = state.ints(node, 1, "starts"), state.ints(node, 2, "ends")
    assert x is not None
    assert begins is not None
    assert ends is not None
    axes = state.ints(node, 3, "axes") or tuple(range(len(begins)))
    steps = state.ints(node, 4) or (1,) * len(begins)
    index: list[Any] = [slice(None)] * len(x.shape)
    for axis, begin, end, step in zip(axes, begins, ends, steps, strict=True):
        n = x.shape[axis % len(x.shape)]
        bounds = slice(begin, end, step).indices(n)
        whole = bounds == (0, n, 1)
        index[axis % len(x.shape)] = slice(None) if whole else slice(*bounds) if step > 0 else slice(begin, end, step)
    shape = tuple(len(range(*each.indices(n))) for each, n in zip(index, x.shape, strict=True))
    if isinstance(x, Known):
        ways = [range(*each.indices(n)) for each, n in zip(index, x.shape, strict=True)]
        first = sum(each.start * step for each, step in zip(ways, x.steps, strict=True))
        return x.taken(shape, [each.step * step for each, step in zip(ways, x.steps, strict=True)], first)
    return x if shape == x.shape and min(steps) > 0 else state.write("__getitem__", shape, x, tuple(index))


@operator("Gather")
def gather(state: Following, node: Node) -> Found:
    """Rows of a table by ids are an embedding; one known index is one element of an axis."""
    x, chosen, axis = state.read(node, 0), state.read(node, 1), node.attributes.get("axis", 0)
    assert x is not None
    assert chosen is not None
    axis %= len(x.shape)
    shape = (*x.shape[:axis], *chosen.shape, *x.shape[axis + 1 :])
    if isinstance(x, Known) and isinstance(chosen, Known):
        assert len(x.shape) == 1
        return Known(chosen.shape, tuple(x.values[int(i)] for i in chosen.values), x.dtype)
    value = state.as_value(x)
    if isinstance(chosen, Known) and is_all_in_order(state, value, chosen):
        shape = (BATCH, *chosen.shape[1:])
        return state.write("reshape", shape, value, shape)
    if isinstance(chosen, Known) and not chosen.shape:
        index = int(chosen.values[0])
        if not -x.shape[axis] <= index < x.shape[axis]:
            raise ValueError("an index beyond the end")
        return state.write("select", shape, value, axis, index)
    if value.kind == WEIGHT and axis == 0 and len(value.shape) == 2 and isinstance(chosen, Value) and chosen.varies:
        return state.write("embedding", shape, chosen, value)
    return state.write("index_select", shape, value, axis, state.as_value(chosen))


def is_all_in_order(state: Following, value: Value, chosen: Known) -> bool:
    """Whether the elements of one sample are chosen in their order: a reshape, written as a choice."""
    count = prod(chosen.shape)
    whole = value.shape == (count * BATCH,) and bool(chosen.shape) and state.batch == chosen.shape[0] == 1
    return whole and chosen.values == tuple(range(count))


@operator("ScatterND", "ScatterElements")
def scatter(state: Following, node: Node) -> Found:
    """Of the shape of its first input; no layer does it, but what is made of constants is one."""
    x, *others = (state.value(node, i) for i in range(3))
    return state.write(node.operator, x.shape, x, *others)


@operator("Pad")
def pad(state: Following, node: Node) -> Found:
    x, amounts = state.value(node, 0), state.ints(node, 1, "pads")
    assert amounts is not None
    rank = len(x.shape)
    axes = state.ints(node, 3) or tuple(range(rank))
    pairs = [(0, 0)] * rank
    for axis, begin, end in zip(axes, amounts[: len(axes)], amounts[len(axes) :], strict=True):
        pairs[axis % rank] = (begin, end)
    fill = state.read(node, 2)
    value = fill.number if isinstance(fill, Known) else node.attributes.get("value", 0.0)
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}[
        node.attributes.get("mode", "constant")
    ]
    shape = tuple(n + a + b for n, (a, b) in zip(x.shape, pairs, strict=True))
    inner = next((i for i, each in enumerate(pairs) if each != (0, 0)), rank)
    if inner == rank:
        return x
    return state.write("pad", shape, x, tuple(n for each in reversed(pairs[inner:]) for n in each), mode, value or 0)


@operator("DepthToSpace", "SpaceToDepth")
def depth(state: Following, node: Node) -> Found:
    x, r = state.value(node, 0), node.attributes["blocksize"]
    n, c, h, w = x.shape
    if node.operator == "SpaceToDepth":
        return state.write("SpaceToDepth", (n, c * r * r, h // r, w // r), x)
    shape = (n, c // (r * r), h * r, w * r)
    usual = node.attributes.get("mode", "DCR") == "CRD"
    return state.write("pixel_shuffle", shape, x, r) if usual else state.write("DepthToSpace", shape, x)
