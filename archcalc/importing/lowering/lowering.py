"""The state of a lowering: which step each value is, and how a step is placed.

A layer is taken only if it is exact: it accepts its inputs, its output has the shape that the program has, and so have
its weights.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.dim import Dim
from archcalc.core.volume import Volume
from archcalc.importing.lowering.arranging import Arranging
from archcalc.importing.lowering.meaning import volume_of_input, wants_channels_first
from archcalc.importing.lowering.samples import batch_axis, is_shared, item_axis, shape_of_sample
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import MADE, Operation, Program, Value
from archcalc.layer import Layer, Role, layer_named
from archcalc.record import field, record, replace


class NotExact(Exception):
    """No layer does what a rule was about to place."""


@record(frozen=False)
class Lowering:
    """`at`: the step of every value. `claimed`: the step that owns each weight. `readers`: the operations that read a
    value. `taken`: operations that belong to the step of an earlier one. `seen_as`: the values of each step. `slow`:
    how many elements of the batch's axis run slower than the batch, where that is not 1. `arranged`: the steps that
    only move elements, and how. `waiting`: steps that are placed when another one that reads them is. `inner`: of steps
    that move what a layer made over parts of samples, the step that it made."""

    program: Program
    at: dict[Value, Step] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    claimed: dict[str, Step] = field(default_factory=dict)
    counted: set[Operation] = field(default_factory=set)
    taken: set[Operation] = field(default_factory=set)
    findings: list[Diagnostic] = field(default_factory=list)
    readers: dict[Value, list[Operation]] = field(default_factory=dict)
    seen_as: dict[Step, list[Value]] = field(default_factory=dict)
    slow: dict[Value, int] = field(default_factory=dict)
    arranged: dict[Step, Arranging] = field(default_factory=dict)
    waiting: set[Step] = field(default_factory=set)
    inner: dict[Step, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for operation in self.program.operations:
            for value in dict.fromkeys(operation.values):
                self.readers.setdefault(value, []).append(operation)
        for value in self.program.inputs:
            volume = volume_of_input(self.readers, value, self.item(value))
            self.give(value, Step(None, (), volume, name=value.name))

    # --- what values are -----------------------------------------------------------------------------------------

    def item(self, value: Value) -> tuple[int, ...] | None:
        """The shape of one sample; None if the batch is in no axis, or in several. What all samples share is whole."""
        return shape_of_sample(value, self.program.batch)

    def axis(self, value: Value, axis: int) -> int | None:
        """The axis of one sample that an axis of a value is; None for the one that has the batch."""
        if self.is_shared(value):
            return axis % len(value.shape)
        return item_axis(value, axis, self.program.batch)

    def is_shared(self, value: Value) -> bool:
        """Whether all samples have the same value, and it has no axis for them."""
        return is_shared(value, self.program.batch)

    def is_batch_first(self, value: Value) -> bool:
        return bool(value.shape) and value.shape[0] == self.program.batch

    def wants_channels_first(self, value: Value, default: bool = False) -> bool:
        return wants_channels_first(self.readers, value, default)

    def are_together(self, *values: Value) -> bool:
        """Whether the batch is the same axis of all that have one, counted from the last: samples meet samples."""
        batch = self.program.batch
        places = {
            (len(each.shape) - (batch_axis(each, batch) or 0), self.item_in_batch(each), self.slow.get(each, 1))
            for each in values
            if not self.is_shared(each)
        }
        return len(places) <= 1

    def item_in_batch(self, value: Value) -> int:
        """How many elements of a sample are in the batch's axis."""
        at = batch_axis(value, self.program.batch)
        return 0 if at is None else value.shape[at] // self.program.batch

    def volume(self, value: Value) -> Volume:
        return self.at[value].volume

    def is_placed(self, *values: object) -> bool:
        return all(isinstance(each, Value) and each in self.at for each in values)

    # --- placing ---------------------------------------------------------------------------------------------------

    def give(self, value: Value, step: Step) -> None:
        self.at[value] = step
        self.seen_as.setdefault(step, []).append(value)

    def place(
        self,
        operation: Operation,
        layer: Layer,
        inputs: Sequence[Value | Step],
        weights: Mapping[str, object] | None = None,
        makes: Value | None = None,
        transposed: bool = False,
    ) -> bool:
        """Places a layer for an operation, if it is exact. `weights`: a value for each weight of the layer, or None.
        `transposed`: whether its matrix is the transpose of the value."""
        makes = makes or operation.makes[0]
        if not self.is_placed(*(each for each in inputs if not isinstance(each, Step))):
            return False
        sources = tuple(each if isinstance(each, Step) else self.at[each] for each in inputs)
        if self.inner and not weights and placed_inside(self, operation, layer, sources, makes):
            return True
        volume = self.fits(layer, [each.volume for each in sources], self.item(makes))
        held = {name: each for name, each in (weights or {}).items() if each is not None}
        if volume is None or not self.holds(layer, sources, held, transposed):
            return False
        first = next((each for each in operation.values if each in self.slow), None)
        if first is not None and makes not in self.slow and self.item_in_batch(first) == self.item_in_batch(makes):
            self.slow[makes] = self.slow[first]
        return self.add(operation, layer, sources, volume, makes, held, transposed)

    def add(
        self,
        operation: Operation,
        layer: Layer,
        sources: tuple[Step, ...],
        volume: Volume,
        makes: Value,
        held: Mapping[str, object],
        transposed: bool = False,
    ) -> bool:
        names = {name: each.name for name, each in held.items() if isinstance(each, Value)}
        step = Step(layer, sources, volume, operation.module, function=operation.function, where=operation.where)
        step.weights = names
        step.path = common_path(names.values())
        step.frozen, step.transposed = self.is_frozen(names.values()), transposed
        if not shares(self, step):
            return False
        self.append(step)
        self.give(makes, step)
        return True

    def is_frozen(self, names: Iterable[str]) -> bool:
        """Whether none of these weights is trained, and others of the program are."""
        learned = [self.program.stored[name] for name in names if not self.program.stored[name].buffer]
        return bool(learned) and self.program.trains and all(each.frozen for each in learned)

    def append(self, step: Step) -> None:
        """Puts a step at the end, after those that were waiting for it."""
        for each in step.sources:
            if each in self.waiting:
                self.waiting.discard(each)
                self.append(each)
        self.claimed.update({name: step for name in step.weights.values() if name not in self.claimed})
        self.steps.append(step)

    def fits(self, layer: Layer, xs: Sequence[Volume], shape: tuple[int, ...] | None) -> Volume | None:
        """The output of a layer, if it accepts the inputs and gives that shape; else None."""
        if not self.accepts(layer, xs):
            return None
        y = output_of(layer, xs)
        return y if y.item_shape == (shape or (1,)) else None

    def accepts(self, layer: Layer, xs: Sequence[Volume]) -> bool:
        """Whether a layer takes these inputs."""
        if layer.ranks and xs[0].rank not in layer.ranks:
            return False
        if not layer.takes_ids and any(each.is_ids for each in xs):
            return False
        if not layer.takes_plain and any(each.plain for each in xs):
            return False
        return all(holds for holds, _ in layer.requires(*xs))

    def holds(
        self, layer: Layer, sources: Sequence[Step], given: Mapping[str, object], transposed: bool = False
    ) -> bool:
        """Whether the layer's weights are these, by name and shape, learned or not. Buffers may be left out."""
        own = {each.name: each for each in layer.weights(*(each.volume for each in sources))}
        for name, each in given.items():
            if not isinstance(each, Value) or each.name not in self.program.stored:
                return False
            shape = each.shape[::-1] if transposed and len(each.shape) == 2 else each.shape
            if name not in own or longer(own[name].shape) != longer(shape):
                return False
            if own[name].buffer != self.program.stored[each.name].buffer:
                return False
        return all(name in given or each.buffer for name, each in own.items())

    def tried(self, place: Callable[[], bool]) -> bool:
        """Whether several steps could be placed; if not, none of them is."""
        before = [copied(getattr(self, each)) for each in CHANGING]
        with suppress(NotExact):
            if place():
                return True
        for name, each in zip(CHANGING, before, strict=True):
            setattr(self, name, each)
        return False

    def same(self, value: Value, other: Value) -> bool:
        """A value is another one, seen differently."""
        self.give(value, self.at[other])
        if other in self.slow and value not in self.slow:
            self.slow[value] = self.slow[other]
        return True

    def only_reader(self, value: Value) -> Operation | None:
        """The single operation that reads a value, if the value is no output."""
        readers = self.readers.get(value, [])
        return readers[0] if len(readers) == 1 and value not in self.program.outputs else None

    def is_read(self, value: Value) -> bool:
        return value in self.readers or value in self.program.outputs


CHANGING = ("at", "steps", "claimed", "counted", "taken", "findings", "seen_as", "slow", "arranged", "waiting", "inner")
"""What placing a step changes."""


def copied(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: list(each) if isinstance(each, list) else each for key, each in state.items()}
    return state.copy()


def shares(lowering: Lowering, step: Step) -> bool:
    """Whether the step can use the weights that are another one's already: as a second run, or as a tie."""
    owners = {name: lowering.claimed[each] for name, each in step.weights.items() if each in lowering.claimed}
    if not owners:
        return True
    first = next(iter(owners.values()))
    first = first.again or first
    if first.transposed != step.transposed:
        return False  # the matrix of one is the transpose of the other one's
    again = set(first.weights.values()) == set(step.weights.values()) and first.layer == step.layer
    ties = list(step.layer.ties.values()) if step.layer is not None else []
    tied = list(owners) == ties and all(has_alike(first, step, name) for name in ties)
    if again and not (tied and has_names_of_its_own(lowering.program, step)):
        step.again = first
        return first.named == step.named  # what its arguments name is the same in every run
    if tied:
        step.tied = first
    return tied


def has_alike(owner: Step, step: Step, name: str) -> bool:
    """Whether a step has a weight of this name with the same shape as that of another one, so that it can be tied."""
    shapes = [
        {each.name: each.shape for each in one.layer.weights(*(x.volume for x in one.sources))}
        for one in (owner, step)
        if one.layer is not None and one.kind != "opaque"
    ]
    return len(shapes) == 2 and name in shapes[0] and shapes[0][name] == shapes[1].get(name)


def has_names_of_its_own(program: Program, step: Step) -> bool:
    """Whether the module that runs holds its weights under other names than their first ones."""
    names = {each for name in step.weights.values() for each in program.stored[name].names[1:]}
    return any(f"{step.module}.{name}" in names for name in step.weights)


def placed_inside(
    lowering: Lowering, operation: Operation, layer: Layer, sources: tuple[Step, ...], makes: Value
) -> bool:
    """Whether a layer of each element was placed before what it reads is moved; what it makes is moved then."""
    first = sources[0] if sources else None
    if first is None or not is_of_elements(layer) or any(each not in lowering.inner for each in sources):
        return False
    if any(lowering.arranged[each] != lowering.arranged[first] for each in sources) or lowering.item(makes) is None:
        return False
    within = tuple(lowering.inner[each] for each in sources)
    volume = lowering.fits(layer, [each.volume for each in within], within[0].volume.item_shape)
    if volume is None or lowering.item(makes) != first.volume.item_shape:
        return False
    value = Value(MADE, makes.shape, makes.dtype, maker=operation)
    lowering.add(operation, layer, within, volume, value, {})
    made, move = lowering.at[value], first.layer
    assert move is not None
    back = Step(move, (made,), move.shape(volume), operation.module, function=first.function, where=operation.where)
    lowering.waiting.add(back)
    lowering.arranged[back], lowering.inner[back] = lowering.arranged[first], made
    lowering.give(makes, back)
    if (slow := next((each for each in operation.values if each in lowering.slow), None)) is not None:
        lowering.slow[makes] = lowering.slow[slow]
    return True


def output_of(layer: Layer, xs: Sequence[Volume]) -> Volume:
    """The output of a layer; all samples share what is made of nothing else."""
    y, shared = layer.shape(*xs), layer.is_source or all(x.shared for x in xs)
    return y if y.shared == shared else replace(y, shared=shared)


def is_of_elements(layer: Layer) -> bool:
    """Whether a layer does the same with each element, as far as its facts tell."""
    of_elements = layer.role in (Role.ACTIVATION, Role.MERGE, Role.MOVEMENT)
    return of_elements and layer.takes_plain and not {"axis", "axes", "pattern"} & layer.known.keys()


def longer(shape: Sequence[Dim]) -> list[Dim]:
    """The axes that are longer than 1: a weight is the same with more axes of length 1 or fewer."""
    return [n for n in shape if n != 1]


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
