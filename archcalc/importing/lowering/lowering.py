"""The state of a lowering: which step each value is, and how a step is placed.

A layer is taken only if it is exact: it accepts its inputs, its output has the shape that the program has, and so have
its weights.
"""

from collections.abc import Iterable, Mapping, Sequence

from archcalc.core.diagnostic import Diagnostic, problem
from archcalc.core.volume import INTEGERS, Volume
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import CONSTANT, DERIVED, WEIGHT, Operation, Program, Value
from archcalc.layer import Layer, layer_named
from archcalc.record import field, record


@record(frozen=False)
class Lowering:
    """`at`: the step of every value. `claimed`: the step that owns each weight. `readers`: the operations that read a
    value. `taken`: operations that belong to the step of an earlier one."""

    program: Program
    at: dict[Value, Step] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    claimed: dict[str, Step] = field(default_factory=dict)
    counted: set[Operation] = field(default_factory=set)
    taken: set[Operation] = field(default_factory=set)
    findings: list[Diagnostic] = field(default_factory=list)
    readers: dict[Value, list[Operation]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for operation in self.program.operations:
            for value in dict.fromkeys(operation.values):
                self.readers.setdefault(value, []).append(operation)
        for value in self.program.inputs:
            self.at[value] = Step(None, (), self.volume_of_input(value), name=value.name)

    # --- what values are -----------------------------------------------------------------------------------------

    def item(self, value: Value) -> tuple[int, ...] | None:
        """The shape of one sample; None if the batch is in no axis, or in several."""
        batch = self.program.batch
        found = [i for i, n in enumerate(value.shape) if n and n % batch == 0]
        if len(found) != 1:
            return None
        (i,) = found
        here = () if value.shape[i] == batch else (value.shape[i] // batch,)
        return (*value.shape[:i], *here, *value.shape[i + 1 :])

    def is_batch_first(self, value: Value) -> bool:
        return bool(value.shape) and value.shape[0] == self.program.batch

    def volume_of_input(self, value: Value) -> Volume:
        """Integers are positions; one axis is features; several axes have the channels first."""
        shape = self.item(value)
        if shape is None:
            raise problem("AC522", f"the input {value.name} has no batch axis of its own")
        if value.dtype in INTEGERS:
            return Volume(1, shape, channels_last=True, dtype=value.dtype)
        last = self.reads_features_last(value)
        if not shape:
            return Volume(1)
        return Volume(shape[-1], shape[:-1], channels_last=True) if last else Volume(shape[0], shape[1:])

    def reads_features_last(self, value: Value) -> bool:
        """Whether what reads a value takes its last axis for features."""
        return len(value.shape) > 2 and not self.wants_channels_first(value, default=len(value.shape) != 3)

    def wants_channels_first(self, value: Value, default: bool = False, depth: int = 16) -> bool:
        """Whether the first operation with an opinion that follows takes axis 1 for channels."""
        for operation in self.readers.get(value, ()):
            if operation.function.startswith(CHANNELS_FIRST):
                return True
            if operation.function.startswith(CHANNELS_LAST):
                return False
            if operation.function.rstrip("_") in KEEPS and depth:
                return self.wants_channels_first(operation.makes[0], default, depth - 1)
        return default

    def volume(self, value: Value) -> Volume:
        return self.at[value].volume

    def is_placed(self, *values: object) -> bool:
        return all(isinstance(each, Value) and each in self.at for each in values)

    # --- placing ---------------------------------------------------------------------------------------------------

    def place(
        self,
        operation: Operation,
        layer: Layer,
        inputs: Sequence[Value],
        weights: Mapping[str, object] | None = None,
        makes: Value | None = None,
    ) -> bool:
        """Places a layer for an operation, if it is exact. `weights`: a value for each weight of the layer, or None."""
        makes = makes or operation.makes[0]
        if not self.is_placed(*inputs):
            return False
        sources = tuple(self.at[each] for each in inputs)
        volume = self.fits(layer, [each.volume for each in sources], self.item(makes))
        held = {name: each for name, each in (weights or {}).items() if each is not None}
        if volume is None or not self.holds(layer, sources, held):
            return False
        return self.add(operation, layer, sources, volume, makes, held)

    def add(
        self,
        operation: Operation,
        layer: Layer,
        sources: tuple[Step, ...],
        volume: Volume,
        makes: Value,
        held: Mapping[str, object],
    ) -> bool:
        names = {name: each.name for name, each in held.items() if isinstance(each, Value)}
        step = Step(layer, sources, volume, operation.module, function=operation.function, where=operation.where)
        step.weights = names
        step.path = common_path(names.values())
        if not self.shares(step):
            return False
        self.claimed.update({name: step for name in names.values() if name not in self.claimed})
        self.steps.append(step)
        self.at[makes] = step
        return True

    def shares(self, step: Step) -> bool:
        """Whether the step can use the weights that are another one's already: as a second run, or as a tie."""
        owners = {name: self.claimed[each] for name, each in step.weights.items() if each in self.claimed}
        if not owners:
            return True
        first = next(iter(owners.values()))
        first = first.again or first
        if set(first.weights.values()) == set(step.weights.values()) and first.layer == step.layer:
            step.again = first
            return True
        if step.layer is not None and list(owners) == list(step.layer.ties.values()) and first.kind != "opaque":
            step.tied = first
            return True
        return False

    def fits(self, layer: Layer, xs: Sequence[Volume], shape: tuple[int, ...] | None) -> Volume | None:
        """The output of a layer, if it accepts the inputs and gives that shape; else None."""
        if layer.ranks and xs[0].rank not in layer.ranks:
            return None
        if not layer.takes_ids and any(each.is_ids for each in xs):
            return None
        if not all(holds for holds, _ in layer.requires(*xs)):
            return None
        y = layer.shape(*xs)
        return y if y.item_shape == (shape or (1,)) else None

    def holds(self, layer: Layer, sources: Sequence[Step], given: Mapping[str, object]) -> bool:
        """Whether the layer's weights are these, by name and shape. Buffers may be left out."""
        own = {each.name: each for each in layer.weights(*(each.volume for each in sources))}
        for name, each in given.items():
            if not isinstance(each, Value) or each.name not in self.program.stored:
                return False
            if name not in own or own[name].shape != each.shape:
                return False
        return all(name in given or each.buffer for name, each in own.items())

    def same(self, value: Value, other: Value) -> bool:
        """A value is another one, seen differently."""
        self.at[value] = self.at[other]
        return True

    def only_reader(self, value: Value) -> Operation | None:
        """The single operation that reads a value, if the value is no output."""
        readers = self.readers.get(value, [])
        return readers[0] if len(readers) == 1 and value not in self.program.outputs else None

    # --- what a value that no input changes is computed from -------------------------------------------------------

    def weights_under(self, value: Value) -> Iterable[Value]:
        """The stored values that a value is computed from."""
        if value.kind not in (DERIVED, CONSTANT) or value.maker is None:
            yield from [value] if value.kind == WEIGHT else []
            return
        for each in value.maker.values:
            yield from self.weights_under(each)

    def macs_under(self, value: Value) -> int:
        """MACs that are spent once per batch for a value; each operation counts once."""
        maker = value.maker
        if value.varies or maker is None or maker in self.counted:
            return 0
        self.counted.add(maker)
        return self.program.macs(maker) + sum(self.macs_under(each) for each in maker.values)


CHANNELS_FIRST = (
    "conv", "batch_norm", "max_pool", "avg_pool", "adaptive", "interpolate", "group_norm", "instance_norm", "pixel_",
    "local_response", "upsample",
)  # fmt: skip
"""Beginnings of functions that take axis 1 for channels."""

CHANNELS_LAST = ("linear", "layer_norm", "rms_norm", "multi_head", "scaled_dot", "lstm", "gru", "rnn", "softmax")
"""Beginnings of functions that take the last axis for features."""

KEEPS = frozenset((
    "add", "sub", "mul", "div", "relu", "gelu", "silu", "sigmoid", "tanh", "hardswish", "leaky_relu", "dropout",
    "drop_path", "contiguous", "cat", "concat", "__add__", "__mul__", "__iadd__", "pad", "clone", "softplus", "mish",
))  # fmt: skip
"""Functions after which the axes mean what they meant before."""


def common_path(names: Iterable[str]) -> str:
    """The module that holds these weights; empty if they have none in common.

    >>> common_path(["layer1.conv.weight", "layer1.conv.bias"]), common_path(["a.weight", "b.weight"])
    ('layer1.conv', '')
    """
    paths = {name.rpartition(".")[0] for name in names}
    return paths.pop() if len(paths) == 1 else ""


def layer(name: str, **arguments: object) -> Layer:
    """A layer by its name in specs; arguments that are None keep their defaults."""
    kind = layer_named(name)
    assert kind is not None, name
    return kind(**{key: each for key, each in arguments.items() if each is not None})
