"""Recurrent layers that are one call."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import settle, then
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.slicing import part
from archcalc.importing.program import CONSTANT, Operation, Value


@lowers("lstm", takes="input hx params has_biases num_layers dropout train bidirectional batch_first")
def lstm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return recurrent(lowering, operation, given, "lstm", 4)


@lowers("gru", takes="input hx params has_biases num_layers dropout train bidirectional batch_first")
def gru(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return recurrent(lowering, operation, given, "gru", 3)


@lowers("rnn_tanh", takes="input hx params has_biases num_layers dropout train bidirectional batch_first")
def rnn(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return recurrent(lowering, operation, given, "rnn", 1)


ZEROS = ("zeros", "new_zeros", "zeros_like")

MOVES = ("to", "cuda", "cpu", "float", "double", "type_as", "contiguous", "requires_grad_", "detach", "squeeze")
"""Functions after which zeros are still zeros."""


def is_zero(value: Value) -> bool:
    """Whether a value is known to be zeros."""
    maker = value.maker
    if value.kind != CONSTANT or maker is None:
        return False
    return maker.function in ZEROS or (maker.function in MOVES and bool(maker.values) and is_zero(maker.values[0]))


def recurrent(lowering: Lowering, operation: Operation, given: Arguments, name: str, gates: int) -> bool:
    """From a state of zeros, if nothing reads the last state but for that of the last layer."""
    x, params = given["input"], given["params"]
    state = given["hx"] if isinstance(given["hx"], tuple) else (given["hx"],)
    if any(map(lowering.is_read, operation.makes[2:])) or not all(map(is_zero, state)) or not lowering.is_placed(x):
        return False
    ends = last_states(lowering, operation, given)
    if ends is None:
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
    if not lowering.place(operation, made, [x], dict(zip(names, params, strict=True))):
        return False
    return all(end(lowering, operation, reader, backward, projected) for reader, backward in ends)


def last_states(lowering: Lowering, operation: Operation, given: Arguments) -> list[tuple[Operation, bool]] | None:
    """The operations that read a last state, and whether it is the one of the direction back; None if one of them reads
    something else than the state of one direction of the last layer."""
    states = operation.makes[1]
    if states in lowering.program.outputs:
        return None
    ways = 2 if given["bidirectional"] else 1
    found = []
    for reader in lowering.readers.get(states, ()):
        index = reader.arguments[1] if reader.function == "__getitem__" and len(reader.arguments) > 1 else None
        first, *rest = index if isinstance(index, tuple) and index else (index,)
        if type(first) is not int or any(each not in (slice(None), Ellipsis) for each in rest):
            return None
        at = first % states.shape[0] - (states.shape[0] - ways)
        if at < 0:
            return None
        found.append((reader, at == 1))
    return found


def end(lowering: Lowering, operation: Operation, reader: Operation, backward: bool, features: int) -> bool:
    """The last state of a direction: the last element of the output, or the first one of the direction back."""
    y = operation.makes[0]
    step = lowering.at[y]
    length, channels = step.volume.item_shape[0], step.volume.item_shape[-1]
    taken = then(lowering, operation, layer("select", index=0 if backward else length - 1), step)
    if taken is None:
        return False
    if channels != features:
        begin = features if backward else 0
        taken = part(lowering, operation, taken, 0, begin, begin + features)
    lowering.taken.add(reader)
    return settle(lowering, reader, taken)
