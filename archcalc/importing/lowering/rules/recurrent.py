"""Recurrent layers that are one call, and their cells."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from archcalc.importing.lowering.arranging import reshaped
from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import moved, settle, then
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.slicing import part
from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import CONSTANT, MADE, Operation, Value
from archcalc.layer import Layer, Numbers, Reference


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
    """As what is read of it: the output, the last state of the last layer, all states, or the output and all states."""
    x, params = given["input"], given["params"]
    state = given["hx"] if isinstance(given["hx"], tuple) else (given["hx"],)
    if not lowering.is_placed(x):
        return False
    if goes_on(lowering, operation, params[1]):
        known = all(lowering.is_placed(each) or is_zero(each) for each in state)
        return known and lowering.tried(lambda: layer_by_layer(lowering, operation, given, state))
    ends = None if any(map(lowering.is_read, operation.makes[2:])) else last_states(lowering, operation, given)
    whole = ends is None and not lowering.is_read(operation.makes[0])
    begin = None if all(map(is_zero, state)) else first_state(lowering, operation, state)
    if begin is None and not all(map(is_zero, state)):
        return False
    rows = lowering.volume(x).rank > 1
    if rows and (ends != [] or begin is not None):
        return False
    hidden, projected = params[0].shape[0] // gates, state[0].shape[-1]
    sizes = {"proj_size": projected} if projected != hidden else {}
    returns = "state" if whole else "all" if ends is None else None
    state_given = None if begin is None else Reference("")
    said = {key: given[key] for key in ("num_layers", "bidirectional")} | {"bias": given["has_biases"]}
    dropout = float(given["dropout"])
    made = layer(
        name, hidden_size=hidden, dropout=dropout, state=state_given, returns=returns, rows=rows, **said, **sizes
    )
    names = [each.name for each in made.weights(lowering.volume(x))]
    if len(names) != len(params):
        return False
    inputs: list[Value | Step] = [x] if begin is None else [x, begin]
    weights = dict(zip(names, params, strict=True))
    if rows and not given["batch_first"]:
        return rows_in_columns(lowering, operation, made, x, weights)
    if whole:
        return all_states(lowering, operation, made, inputs, weights)
    if ends is None:
        return not sizes and output_and_states(lowering, operation, made, inputs, weights)
    placed = lowering.place(operation, made, inputs, weights)
    return placed and all(end(lowering, operation, *each, projected) for each in ends)


def rows_in_columns(
    lowering: Lowering, operation: Operation, made: Layer, x: Value, weights: Mapping[str, object]
) -> bool:
    """The rows of a map in which the steps of time come before the samples: turned, and turned back."""
    y, turn, back = operation.makes[0], Writing(lowering, operation), Writing(lowering, operation)
    turned = turn("transpose", x, 0, 1, shape=(x.shape[1], x.shape[0], x.shape[2]))
    states = Value(MADE, (y.shape[1], y.shape[0], y.shape[2]), y.dtype, maker=operation)
    back("transpose", states, 0, 1, shape=y.shape, makes=y)
    return turn.is_placed() and lowering.place(operation, made, [turned], weights, states) and back.is_placed()


def goes_on(lowering: Lowering, operation: Operation, weight: Value) -> bool:
    """Whether several calls have the weights of one, and some of them go on from a state: no layer has both."""
    calls = [each for each in lowering.readers.get(weight, ()) if each.function == operation.function]
    states = (each.arguments[1] for each in calls)
    each_state = (value for state in states for value in (state if isinstance(state, tuple) else (state,)))
    return len(calls) > 1 and not all(map(is_zero, each_state))


def all_states(
    lowering: Lowering,
    operation: Operation,
    made: Layer,
    inputs: Sequence[Value | Step],
    weights: Mapping[str, object],
) -> bool:
    """The last states of all layers and directions as one vector, and each kind of state as a part of it."""
    states = operation.makes[1:]
    sizes = [state.shape[0] * state.shape[2] for state in states]
    both = Value(MADE, (states[0].shape[1], sum(sizes)), states[0].dtype, maker=operation)
    if not lowering.place(operation, made, inputs, weights, both):
        return False
    begin = 0
    for state, size in zip(states, sizes, strict=True):
        one = part(lowering, operation, lowering.at[both], 0, begin, begin + size) if len(states) > 1 else None
        if not settled(lowering, operation, one or lowering.at[both], (size,), state):
            return False
        begin += size
    return True


def output_and_states(
    lowering: Lowering,
    operation: Operation,
    made: Layer,
    inputs: Sequence[Value | Step],
    weights: Mapping[str, object],
) -> bool:
    """The output, and the states that follow it as tokens: those of all layers of each kind, a layer's directions side
    by side."""
    y, *states = operation.makes
    batch, program = lowering.program.batch, lowering.item(y)
    if program is None or lowering.is_shared(y):
        return False
    length, features = program
    layers = states[0].shape[0] * states[0].shape[-1] // features
    both = Value(MADE, (batch, length + layers * len(states), features), y.dtype, maker=operation)
    if not lowering.place(operation, made, inputs, weights, both):
        return False
    joined = lowering.at[both]
    if lowering.is_read(y) and not settle(lowering, operation, ranged(lowering, operation, joined, 0, length), y):
        return False
    for i, state in enumerate(states):
        begin = length + i * layers
        one = ranged(lowering, operation, joined, begin, begin + layers)
        if one is None:
            return False
        if lowering.is_read(state) and not settled(lowering, operation, one, (layers, features), state):
            return False
    return True


def settled(lowering: Lowering, operation: Operation, one: Step, shape: tuple[int, ...], state: Value) -> bool:
    """Whether a step of a shape became a state: a row for each layer and direction."""
    plan = reshaped(shape, (state.shape[0], state.shape[-1]))
    return plan is not None and settle(lowering, operation, moved(lowering, operation, one, plan, last=True), state)


def ranged(lowering: Lowering, operation: Operation, joined: Step, begin: int, end: int) -> Step | None:
    """Tokens that are counted from the end, where lengths differ."""
    count = joined.volume.item_shape[0]
    said = slice(begin - count if begin else None, end - count if end < count else None)
    return part(lowering, operation, joined, 0, begin, end, said=said)


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


# --- first states -------------------------------------------------------------------------------------------------


def first_state(lowering: Lowering, operation: Operation, states: Sequence[Value]) -> Step | None:
    """One vector per sample: the states of all layers and directions, and then their cells. None if a state is not
    known."""
    parts = []
    for each in states:
        found = zeros(lowering, operation, each) if is_zero(each) else as_vector(lowering, operation, each)
        if found is None:
            return None
        parts.append(found)
    if len(parts) == 1:
        return parts[0]
    return whole_of(parts) or then(lowering, operation, layer("concat"), *parts)


def zeros(lowering: Lowering, operation: Operation, state: Value) -> Step | None:
    many = state.shape[-1] * (state.shape[0] if len(state.shape) == 3 else 1)
    return then(lowering, operation, layer("constant", values=Numbers((0.0,)), size=(many,)))


def as_vector(lowering: Lowering, operation: Operation, state: Value) -> Step | None:
    """A state of one layer, or of several, in which case the layers come before the batch."""
    at = len(state.shape) - 2
    if not lowering.is_placed(state) or (
        not lowering.is_shared(state) and batch_axis(state, lowering.program.batch) != at
    ):
        return None
    step = lowering.at[state]
    shape = step.volume.item_shape
    return (
        step if len(shape) == 1 else moved(lowering, operation, step, reshaped(shape, (step.volume.numel,)), last=True)
    )


def whole_of(parts: Sequence[Step]) -> Step | None:
    """The step of which both parts are the two halves, in their order."""
    first, second = parts
    if not first.kind == second.kind == "channels" or first.sources != second.sources:
        return None
    begin, end = first.volume.channels, first.sources[0].volume.channels
    straight = getattr(first.layer, "begin", 0) == 0 and getattr(second.layer, "begin", 0) == begin
    return first.sources[0] if straight and begin + second.volume.channels == end else None


# --- cells --------------------------------------------------------------------------------------------------------

CELLS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "gru_cell": ("gru", {}),
    "lstm_cell": ("lstm", {}),
    "rnn_tanh_cell": ("rnn", {}),
    "rnn_relu_cell": ("rnn", {"nonlinearity": "relu"}),
}
"""The recurrent layer of each cell, and its arguments."""

NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


@lowers(*CELLS, takes="input hx w_ih w_hh b_ih b_hh")
def cell(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """A recurrent layer over a single token."""
    name, more = CELLS[operation.function]
    x, states = given["input"], given["hx"] if isinstance(given["hx"], tuple) else (given["hx"],)
    weights = dict(zip(NAMES, (given.get(each) for each in ("w_ih", "w_hh", "b_ih", "b_hh")), strict=True))
    hidden = states[0].shape[-1]
    if not lowering.is_placed(x) or lowering.volume(x).rank:
        return False
    if len(lowering.readers.get(given["w_hh"], ())) > 1:
        return token_by_token(lowering, operation, given, states)
    begin = None if all(map(is_zero, states)) else first_state(lowering, operation, states)
    if begin is None and not all(map(is_zero, states)):
        return False
    both = len(operation.makes) > 1 and lowering.is_read(operation.makes[1])
    made = layer(
        name,
        hidden_size=hidden,
        bias=given.get("b_ih") is not None,
        returns="state" if both else "last",
        state=None if begin is None else Reference(""),
        **more,
    )
    size = lowering.volume(x).channels
    token = moved(lowering, operation, lowering.at[x], reshaped((size,), (1, size)), last=True)
    inputs = [token] if begin is None else [token, begin]
    if not both:
        return lowering.place(operation, made, inputs, weights)
    whole = Value(MADE, (operation.makes[0].shape[0], 2 * hidden), operation.makes[0].dtype, maker=operation)
    if not lowering.place(operation, made, inputs, weights, whole):
        return False
    ends = [part(lowering, operation, lowering.at[whole], 0, i * hidden, (i + 1) * hidden) for i in range(2)]
    return all(settle(lowering, operation, end, each) for end, each in zip(ends, operation.makes, strict=True))


def token_by_token(lowering: Lowering, operation: Operation, given: Arguments, states: Sequence[Value]) -> bool:
    """A cell that runs for one token after the other, as the maps and gates that it consists of."""
    known = [each if lowering.is_placed(each) else zero_of_sample(lowering, operation, each) for each in states]
    if any(each is None for each in known):
        return False
    write, params = Writing(lowering, operation), [given.get(each) for each in ("w_ih", "w_hh", "b_ih", "b_hh")]
    gates = GATES[operation.function.removesuffix("_cell")]
    gates(write, *mapped(write, given["input"], known, params), known, operation.makes)
    return write.is_placed()


def mapped(write: Writing, x: Value, states: Sequence[Any], params: Sequence[Any]) -> tuple[Value, Value]:
    """What the weights of a cell make of its input, and of h."""
    w_ih, w_hh, b_ih, b_hh = params
    shape = (*x.shape[:-1], w_ih.shape[0])
    return write("linear", x, w_ih, b_ih, shape=shape), write("linear", states[0], w_hh, b_hh, shape=shape)


Makes: TypeAlias = Sequence[Value | None]
"""The values that the new states of a cell are, if they are known."""


def gru_gates(write: Writing, own: Value, old: Value, states: Sequence[Any], makes: Makes) -> list[Value]:
    (h,) = states
    size, shape = h.shape[-1], h.shape
    mine, before = write.parts(own, size), write.parts(old, size)
    r, z = (
        write("sigmoid", write("add", *pair, shape=shape), shape=shape)
        for pair in list(zip(mine, before, strict=True))[:2]
    )
    kept = write("mul", r, before[2], shape=shape)
    n = write("tanh", write("add", mine[2], kept, shape=shape), shape=shape)
    rest = write("mul", z, write("sub", h, n, shape=shape), shape=shape)
    return [write("add", n, rest, shape=shape, makes=makes[0])]


def lstm_gates(write: Writing, own: Value, old: Value, states: Sequence[Any], makes: Makes) -> list[Value]:
    _, c = states
    shape = c.shape
    i, f, g, o = write.parts(write("add", own, old, shape=own.shape), c.shape[-1])
    i, f, o = (write("sigmoid", each, shape=shape) for each in (i, f, o))
    new = write("mul", i, write("tanh", g, shape=shape), shape=shape)
    cell = write("add", write("mul", f, c, shape=shape), new, shape=shape, makes=makes[1])
    return [write("mul", o, write("tanh", cell, shape=shape), shape=shape, makes=makes[0]), cell]


def no_gates(act: str) -> Callable[..., list[Value]]:
    def gates(write: Writing, own: Value, old: Value, states: Sequence[Any], makes: Makes) -> list[Value]:
        shape = own.shape
        return [write(act, write("add", own, old, shape=shape), shape=shape, makes=makes[0])]

    return gates


GATES = {"gru": gru_gates, "lstm": lstm_gates, "rnn_tanh": no_gates("tanh"), "rnn_relu": no_gates("relu")}
"""What each cell does with its two maps, of the input and of the state, and its states."""


def layer_by_layer(lowering: Lowering, operation: Operation, given: Arguments, states: Sequence[Value]) -> bool:
    """Recurrent layers that run again for each next token, from the states before: cells for each layer."""
    x, (y, *ends), params = given["input"], operation.makes, given["params"]
    time = 1 if given["batch_first"] else 0
    each_layer = 4 if given["has_biases"] else 2
    if x.shape[time] != 1 or given["bidirectional"] or len(params) != each_layer * given["num_layers"]:
        return False
    write = Writing(lowering, operation)
    batch, hidden = x.shape[1 - time], states[0].shape[-1]
    h = write("select", x, time, 0, shape=(batch, x.shape[2]))
    made: list[list[Value]] = []
    zero = zero_of_sample(lowering, operation, states[0], batch)
    for i in range(given["num_layers"]):
        before = [zero or write("select", each, 0, i, shape=(batch, hidden)) for each in states]
        own = (*params[i * each_layer : (i + 1) * each_layer], None, None)[:4]
        gates = GATES[operation.function]
        made.append(gates(write, *mapped(write, h, before, own), before, [None] * len(states)))
        h = made[-1][0]
    write("unsqueeze", h, time, shape=y.shape, makes=y)
    for end, parts in zip(ends, zip(*made, strict=True), strict=True):
        if len(parts) == 1:
            write("unsqueeze", parts[0], 0, shape=end.shape, makes=end)
        else:
            write("stack", parts, 0, shape=end.shape, makes=end)
    return write.is_placed()


def zero_of_sample(lowering: Lowering, operation: Operation, state: Value, samples: int | None = None) -> Value | None:
    """A state of zeros as a value that each sample has, of so many samples; None if it is none."""
    x = operation.arguments[0]
    if not is_zero(state) or not lowering.is_placed(x):
        return None
    numbers = layer("constant", values=Numbers((0.0,)), size=state.shape[-1:])
    zero = then(lowering, operation, numbers)
    each = zero and then(lowering, operation, layer("expand", like=Reference("")), zero, lowering.at[x])
    if each is None:
        return None
    value = Value(MADE, (samples or x.shape[0], state.shape[-1]), x.dtype, maker=operation)
    lowering.give(value, each)
    lowering.readers[value] = [operation]
    return value
