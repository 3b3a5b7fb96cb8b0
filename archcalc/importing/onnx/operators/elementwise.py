"""Operators of each element: activations, arithmetic, comparisons."""

import math
import operator as python
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archcalc.importing.onnx.file import DTYPES, MAX_VALUES, Node
from archcalc.importing.onnx.following import Following, Found, Known, operator
from archcalc.importing.onnx.shapes import broadcast
from archcalc.importing.program import Value

PLAIN = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "HardSwish": "hardswish", "Softsign": "softsign",
    "Mish": "mish", "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Abs": "abs", "Neg": "neg", "Sin": "sin", "Cos": "cos",
    "Reciprocal": "reciprocal", "Erf": "erf", "Floor": "floor", "Ceil": "ceil", "Round": "round", "Sign": "sign",
    "Not": "logical_not", "Softplus": "softplus", "IsNaN": "isnan", "Swish": "silu",
}  # fmt: skip
"""The function of torch for operators without attributes."""

NUMBERS: Mapping[str, Callable[[Any], Any]] = {
    "Sqrt": math.sqrt, "Neg": python.neg, "Abs": abs, "Floor": math.floor, "Ceil": math.ceil, "Not": python.not_,
    "Reciprocal": lambda x: 1 / x, "Exp": math.exp, "Log": math.log,
}  # fmt: skip
"""What is computed of known numbers."""


@operator(*PLAIN)
def plain(state: Following, node: Node) -> Found:
    x = state.read(node, 0)
    if isinstance(x, Known) and node.operator in NUMBERS:
        return Known(x.shape, tuple(map(NUMBERS[node.operator], x.values)), x.dtype)
    value = state.value(node, 0)
    return state.write(PLAIN[node.operator], value.shape, value)


@operator("Gelu")
def gelu(state: Following, node: Node) -> Found:
    x = state.value(node, 0)
    return state.write("gelu", x.shape, x, approximate=node.attributes.get("approximate", "none"))


@operator("LeakyRelu")
def leaky_relu(state: Following, node: Node) -> Found:
    x = state.value(node, 0)
    return state.write("leaky_relu", x.shape, x, tidy(node.attributes.get("alpha", 0.01)))


@operator("Elu", "Celu")
def elu(state: Following, node: Node) -> Found:
    x = state.value(node, 0)
    return state.write(node.operator.lower(), x.shape, x, tidy(node.attributes.get("alpha", 1.0)))


@operator("Selu")
def selu(state: Following, node: Node) -> Found:
    x = state.value(node, 0)
    return state.write("selu", x.shape, x)


@operator("HardSigmoid")
def hard_sigmoid(state: Following, node: Node) -> Found:
    """Torch's has one slope; another one is kept as it is."""
    x, slope, shift = state.value(node, 0), node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    usual = abs(slope - 1 / 6) < 1e-6 and shift == 0.5
    return state.write("hardsigmoid" if usual else "HardSigmoid", x.shape, x)


@operator("PRelu")
def prelu(state: Following, node: Node) -> Found:
    """The slopes of channels are written with an axis of length 1 for each axis of a picture."""
    x, slope = state.value(node, 0), state.value(node, 1)
    if slope.name in state.stored and len(slope.shape) == len(x.shape) - 1 and set(slope.shape[1:]) <= {1}:
        slope = state.at[node.reads[1]] = state.keep(slope.name, slope.shape[:1], slope.dtype)
    return state.write("prelu", x.shape, x, slope)


@operator("Clip")
def clip(state: Following, node: Node) -> Found:
    x = state.value(node, 0)
    bounds = [node.attributes.get(key) for key in ("min", "max")]
    for i in (1, 2):
        found = state.read(node, i)
        if found is not None:
            assert isinstance(found, Known)
            bounds[i - 1] = found.number
    low, high = (None if each is None or abs(each) > 1e37 else float(each) for each in bounds)
    if (low, high) == (0.0, 6.0):
        return state.write("relu6", x.shape, x)
    return (
        state.write("relu", x.shape, x) if (low, high) == (0.0, None) else state.write("clamp", x.shape, x, low, high)
    )


TWO = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow", "Max": "maximum", "Min": "minimum",
    "Sum": "add", "Mean": "mean_of", "Equal": "eq", "Greater": "gt", "Less": "lt", "GreaterOrEqual": "ge",
    "LessOrEqual": "le", "And": "logical_and", "Or": "logical_or", "Mod": "fmod", "Xor": "logical_xor",
}  # fmt: skip

COMPUTED: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": python.add, "Sub": python.sub, "Mul": python.mul, "Max": max, "Min": min, "Equal": python.eq,
    "Greater": python.gt, "Less": python.lt, "GreaterOrEqual": python.ge, "LessOrEqual": python.le, "Mod": python.mod,
    "And": lambda a, b: a and b, "Or": lambda a, b: a or b,
}  # fmt: skip


@operator(*TWO)
def two(state: Following, node: Node) -> Found:
    """Of two values or more, from the left; of a value and a number."""
    reads = [state.read(node, i) for i in range(len(node.reads))]
    assert all(each is not None for each in reads)
    found = reads[0]
    assert found is not None
    for other in reads[1:]:
        assert other is not None
        found = pair(state, node.operator, found, other)
    return found


def pair(state: Following, name: str, x: Found, other: Found) -> Found:
    shape = broadcast(x.shape, other.shape)
    if isinstance(x, Known) and isinstance(other, Known) and math.prod(shape) <= MAX_VALUES:
        return computed(name, x, other)
    dtype = "bool" if TWO[name][:2] in ("eq", "gt", "lt", "ge", "le", "lo") else ""
    a, b = (each.number if isinstance(each, Known) and each.number is not None else each for each in (x, other))
    a, b = (state.as_value(each) if isinstance(each, Known) else each for each in (a, b))
    return state.write(TWO[name], shape, tidied(a), tidied(b), dtype=dtype)


def computed(name: str, x: Known, other: Known) -> Known:
    """Arithmetic of known numbers."""
    shape = broadcast(x.shape, other.shape)
    whole = x.dtype.startswith("int")
    function = (
        COMPUTED.get(name)
        or {
            "Div": python.floordiv if whole else python.truediv,
            "Pow": lambda a, b: a**b if abs(a) < 1e6 and abs(b) < 16 else math.inf,
        }[name]
    )
    a, b = (each.spread(shape).values for each in (x, other))
    return Known(shape, tuple(map(function, a, b)), x.dtype)


def tidied(value: "Value | float | Known") -> Any:
    return tidy(value) if isinstance(value, float) else value


def tidy(value: float) -> float:
    """A number of 32 bits as it was written: 0.01 and not 0.009999999776482582.

    >>> tidy(0.009999999776482582), tidy(0.5)
    (0.01, 0.5)
    """
    return float(f"{value:.7g}")


@operator("Where")
def where(state: Following, node: Node) -> Found:
    chosen, a, b = (state.read(node, i) for i in range(3))
    assert chosen is not None
    assert a is not None
    assert b is not None
    shape = broadcast(broadcast(chosen.shape, a.shape), b.shape)
    if isinstance(chosen, Known) and isinstance(a, Known) and isinstance(b, Known) and math.prod(shape) <= MAX_VALUES:
        return chosen_of(chosen, a, b, shape)
    x, y, z = (state.value(node, i) for i in range(3))
    return state.write("where", shape, x, y, z)


def chosen_of(chosen: Known, a: Known, b: Known, shape: Sequence[int]) -> Known:
    """Known numbers, each from one of two."""
    if len(chosen.values) == 1:
        return a if chosen.values[0] else b
    three = (each.spread(shape).values for each in (chosen, a, b))
    return Known(tuple(shape), tuple(x if yes else y for yes, x, y in zip(*three, strict=True)), a.dtype)


@operator("Identity", "Dropout")
def identity(state: Following, node: Node) -> Found:
    found = state.read(node, 0)
    assert found is not None
    return found


@operator("Cast", "CastLike")
def cast(state: Following, node: Node) -> Found:
    """A change between floating dtypes changes nothing that is counted."""
    x = state.read(node, 0)
    assert x is not None
    dtype = DTYPES.get(node.attributes.get("to", 1), "float32") if node.operator == "Cast" else x.dtype
    if isinstance(x, Known):
        kind: Callable[[Any], Any] = float if "float" in dtype else bool if dtype == "bool" else int
        return Known(x.shape, tuple(map(kind, x.values)), dtype)
    if ("float" in dtype) == ("float" in x.dtype):
        return x
    return state.write("to", x.shape, x, dtype=dtype)


@operator("Softmax", "LogSoftmax")
def softmax(state: Following, node: Node) -> Found:
    """Up to version 12, over all axes from `axis` on, which are one axis if it is the last."""
    x = state.value(node, 0)
    axis = node.attributes.get("axis", -1 if state.file.opset >= 13 else 1) % len(x.shape)
    if state.file.opset < 13 and axis != len(x.shape) - 1 and set(x.shape[axis + 1 :]) != {1}:
        return state.write("Softmax", x.shape, x)
    return state.write("softmax" if node.operator == "Softmax" else "log_softmax", x.shape, x, axis)
