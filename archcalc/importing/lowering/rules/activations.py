"""Activations, softmax and dropout."""

from typing import Any

from archcalc.core.axes import CHANNELS
from archcalc.core.diagnostic import Diagnostic
from archcalc.importing.lowering.frames import over_positions, place_over
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import axis_word, turned
from archcalc.importing.lowering.rule import Arguments, Place, lowers
from archcalc.importing.program import Operation
from archcalc.layer import layer_named

PLAIN = (
    "relu", "relu6", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "selu", "mish", "logsigmoid", "softsign",
)  # fmt: skip
"""Functions with the name of their layer, and no argument that changes numbers."""

WITH_ARGUMENTS = {
    "gelu": "approximate",
    "elu": "alpha",
    "celu": "alpha",
    "leaky_relu": "negative_slope",
}
"""Functions with the name of their layer, and the arguments that both have."""


def activation(name: str, words: str) -> Place:
    def place(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
        arguments: dict[str, Any] = {word: given.get(word) for word in words.split()}
        return lowering.place(operation, layer(name, **arguments), [given["input"]])

    return place


for function in PLAIN:
    lowers(function, f"{function}_", takes="input inplace")(activation(function, ""))
for function, words in WITH_ARGUMENTS.items():
    lowers(function, f"{function}_", takes=f"input {words} inplace")(activation(function, words))


@lowers("hardtanh", "hardtanh_", takes="input min_val max_val inplace")
def hardtanh(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """From 0 to 6 it is relu6, which torch computes by it."""
    bounds = {key: given.get(key) for key in ("min_val", "max_val")}
    made = layer("relu6") if tuple(bounds.values()) == (0, 6) else layer("hardtanh", **bounds)
    return lowering.place(operation, made, [given["input"]])


@lowers("softplus", takes="input beta threshold")
def softplus(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return lowering.place(operation, layer("softplus", beta=given.get("beta")), [given["input"]])


@lowers("prelu", takes="input weight")
def prelu(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, weight = given["input"], given["weight"]
    made = layer("prelu", num_parameters=weight.shape[0] if weight.shape else 1)
    if lowering.place(operation, made, [x], {"weight": weight}):
        return True
    seen = over_positions(lowering, operation, x)
    return seen is not None and place_over(lowering, operation, made, x, seen, {"weight": weight})


@lowers("softmax", "log_softmax", takes="input dim")
def softmax(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return over_features(lowering, operation, given, operation.function)


@lowers("glu", takes="input dim")
def glu(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return over_features(lowering, operation, {"dim": -1, **given}, "glu")


def over_features(lowering: Lowering, operation: Operation, given: Arguments, name: str) -> bool:
    """Along an axis of a sample: that of the features, or one that the layer names; if it names none, the features are
    the first or the last axis."""
    x, axis, kind = given["input"], given.get("dim"), layer_named(name)
    inner = lowering.axis(x, axis) if lowering.is_placed(x) and axis is not None else None
    if inner is None or kind is None:
        return False
    volume = lowering.volume(x)
    word = axis_word(volume, inner)
    if word != CHANNELS and "axis" in kind.known:
        return lowering.place(operation, layer(name, axis=word), [x])
    seen = turned(lowering, operation, x, last=inner == volume.rank)
    return inner in (0, volume.rank) and lowering.place(operation, layer(name), [seen])


@lowers("dropout", "dropout_", takes="input p training inplace")
def dropout(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return dropped(lowering, operation, given, "dropout", 0.5)


@lowers("drop_path", takes="input p")
def drop_path(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return dropped(lowering, operation, given, "drop_path", 0.0)


def dropped(lowering: Lowering, operation: Operation, given: Arguments, name: str, default: float) -> bool:
    """A rate of 0 does nothing."""
    x, rate = given["input"], given.get("p", default)
    if not rate:
        return lowering.is_placed(x) and lowering.same(operation.makes[0], x)
    return lowering.place(operation, layer(name, p=float(rate)), [x])


@lowers("alpha_dropout", takes="input p training inplace")
def alpha_dropout(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return dropped(lowering, operation, given, "alpha_dropout", 0.5)


@lowers("dropout1d", "dropout2d", "dropout3d", takes="input p training inplace")
def channel_dropout(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Torch drops along the first axis of a sample, whatever it holds."""
    return dropped(lowering, operation, given, "channel_dropout", 0.5) or left_out(lowering, operation, given)


@lowers("feature_alpha_dropout", takes="input p training inplace")
def left_out(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """It does nothing in evaluation; a finding says that training has it."""
    lowering.findings.append(
        Diagnostic(
            code="AC515",
            severity="warning",
            message=f"no layer drops in training what {operation.function} drops here: it is left out",
            location=operation.where,
            help="all totals of evaluation are exact; memory of training lacks what it makes",
        )
    )
    return lowering.is_placed(given["input"]) and lowering.same(operation.makes[0], given["input"])
