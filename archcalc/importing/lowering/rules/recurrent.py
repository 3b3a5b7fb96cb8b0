"""Recurrent layers that are one call."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation


@lowers("lstm", takes="input hx params has_biases num_layers dropout train bidirectional batch_first")
def lstm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return recurrent(lowering, operation, given, "lstm", 4)


@lowers("gru", takes="input hx params has_biases num_layers dropout train bidirectional batch_first")
def gru(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return recurrent(lowering, operation, given, "gru", 3)


@lowers("rnn_tanh", takes="input hx params has_biases num_layers dropout train bidirectional batch_first")
def rnn(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return recurrent(lowering, operation, given, "rnn", 1)


def recurrent(lowering: Lowering, operation: Operation, given: Arguments, name: str, gates: int) -> bool:
    """From a state of zeros, if nothing reads the last state."""
    x, params = given["input"], given["params"]
    state = given["hx"] if isinstance(given["hx"], tuple) else (given["hx"],)
    used = any(lowering.readers.get(each) or each in lowering.program.outputs for each in operation.makes[1:])
    if used or any(each.varies for each in state) or not lowering.is_placed(x):
        return False
    hidden, projected = params[0].shape[0] // gates, state[0].shape[-1]
    sizes = {"proj_size": projected} if projected != hidden else {}
    made = layer(
        name,
        hidden_size=hidden,
        num_layers=given["num_layers"],
        bias=given["has_biases"],
        dropout=float(given["dropout"]),
        bidirectional=given["bidirectional"],
        **sizes,
    )
    names = [each.name for each in made.weights(lowering.volume(x))]
    if len(names) != len(params):
        return False
    return lowering.place(operation, made, [x], dict(zip(names, params, strict=True)))
