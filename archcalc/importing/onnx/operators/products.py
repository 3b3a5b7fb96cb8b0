"""Matrix products, reductions and recurrent layers."""

from collections.abc import Callable
from math import prod
from typing import Any

from archcalc.importing.onnx.file import Node
from archcalc.importing.onnx.following import Following, Found, Known, operator
from archcalc.importing.onnx.shapes import broadcast
from archcalc.importing.program import WEIGHT, Value


def turned(state: Following, weight: Value) -> Value:
    """A matrix that the file stores the other way round than torch does: as torch has it, under the same name."""
    kept = state.stored[weight.name]
    if not weight.maker and kept.shape == weight.shape:
        users = state.users.get(weight.name, [])
        if all(each.operator in ("MatMul", "Gemm") and not each.attributes.get("transB") for each in users):
            made = state.keep(weight.name, weight.shape[::-1], weight.dtype)
            state.at[f"{weight.name} turned"] = made
            return made
    return state.write("t", weight.shape[::-1], weight)


def in_rows(state: Following, weight: Value) -> Value:
    made = state.at.get(f"{weight.name} turned")
    return made if isinstance(made, Value) else turned(state, weight)


@operator("Gemm")
def gemm(state: Following, node: Node) -> Found:
    x, weight = state.value(node, 0), state.value(node, 1)
    bias, given = state.read(node, 2), node.attributes
    if given.get("transA") or given.get("alpha", 1.0) != 1 or given.get("beta", 1.0) != 1:
        raise ValueError("a product with factors")
    out = weight.shape[0] if given.get("transB") else weight.shape[1]
    if x.shape[-1] != prod(weight.shape) // out or len(x.shape) != 2:
        raise ValueError("factors that do not fit")
    shape = (x.shape[0], out)
    if weight.kind != WEIGHT:
        return state.write("addmm", shape, x, weight, bias)
    rows = weight if given.get("transB") else in_rows(state, weight)
    if bias is not None and bias.shape not in ((out,), ()):
        raise ValueError("a bias that does not fit")
    return state.write("linear", shape, x, rows, None if bias is None else state.as_value(bias))


@operator("MatMul")
def matmul(state: Following, node: Node) -> Found:
    """With a weight, a linear map, together with the bias that follows it."""
    x, other = state.value(node, 0), state.value(node, 1)
    if x.shape[-1] != other.shape[-2 if len(other.shape) > 1 else 0]:
        raise ValueError("factors that do not fit")
    if other.kind == WEIGHT and len(other.shape) == 2 and x.varies:
        shape = (*x.shape[:-1], other.shape[1])
        after = state.only_user(node.makes[0])
        bias = bias_in(state, node, after, other.shape[1]) if after is not None else None
        made = state.write("linear", shape, x, in_rows(state, other), bias)
        if bias is not None and after is not None:
            state.done.add(id(after))
            state.at[after.makes[0]] = made
        return made
    if min(len(x.shape), len(other.shape)) < 2:
        raise ValueError("a vector")
    shape = (*broadcast(x.shape[:-2], other.shape[:-2]), x.shape[-2], other.shape[-1])
    return state.write("matmul", shape, x, other)


def bias_in(state: Following, node: Node, after: Node, size: int) -> Value | None:
    """The bias that the next node adds; None if it adds something else."""
    if after.operator != "Add" or after.domain:
        return None
    others = [i for i, name in enumerate(after.reads) if name != node.makes[0]]
    if len(others) != 1 or after.reads[others[0]] not in (state.file.tensors.keys() | state.at.keys()):
        return None
    found = state.read(after, others[0])
    return found if isinstance(found, Value) and found.kind == WEIGHT and found.shape == (size,) else None


@operator("Einsum")
def einsum(state: Following, node: Node) -> Found:
    equation = node.attributes["equation"].replace(" ", "")
    values = [state.value(node, i) for i in range(len(node.reads))]
    sides, _, out = equation.partition("->")
    sizes: dict[str, int] = {}
    for side, value in zip(sides.split(","), values, strict=True):
        sizes |= dict(zip(side, value.shape, strict=True))
    return state.write("einsum", [sizes[letter] for letter in out], equation, *values)


REDUCED = {
    "ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "amax", "ReduceMin": "amin", "ReduceProd": "prod",
    "ReduceL2": "norm", "ReduceL1": "ReduceL1", "ReduceLogSumExp": "logsumexp", "ReduceSumSquare": "ReduceSumSquare",
}  # fmt: skip


@operator(*REDUCED)
def reduced(state: Following, node: Node) -> Found:
    x, axes = state.read(node, 0), state.ints(node, 1, "axes")
    assert x is not None
    keeps = bool(node.attributes.get("keepdims", 1))
    if isinstance(x, Known):
        functions: dict[str, Callable[[Any], Any]] = {
            "ReduceProd": prod, "ReduceSum": sum, "ReduceMax": max, "ReduceMin": min,
        }  # fmt: skip
        return Known((1,) if keeps else (), (functions[node.operator](x.values),), x.dtype)
    rank = len(x.shape)
    over = {each % rank for each in axes} if axes else set(range(rank))
    shape = tuple(1 if i in over else n for i, n in enumerate(x.shape) if keeps or i not in over)
    return state.write(REDUCED[node.operator], shape, x, dim=tuple(sorted(over)), keepdim=keeps)


@operator("ArgMax", "ArgMin")
def chosen(state: Following, node: Node) -> Found:
    x, axis = state.value(node, 0), node.attributes.get("axis", 0)
    axis %= len(x.shape)
    keeps = node.attributes.get("keepdims", 1)
    shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape) if keeps or i != axis)
    return state.write(node.operator.lower(), shape, x, axis, dtype="int64")


@operator("LSTM", "GRU", "RNN")
def recurrent(state: Following, node: Node) -> list[Found]:
    """With its own order of gates and of axes, which no layer has."""
    x, weight = state.value(node, 0), state.value(node, 1)
    directions, size = weight.shape[0], node.attributes["hidden_size"]
    steps, batch = x.shape[:2]
    values = [state.as_value(each) for i in range(1, len(node.reads)) if (each := state.read(node, i)) is not None]
    last = (directions, batch, size)
    shapes = [(steps, directions, batch, size), last, last][: len(node.makes)]
    return list(state.write_all(node.operator, shapes, x, *values))
