"""A layer on inputs of certain volumes: what follows from these two alone, and what all nodes share that apply it."""

from functools import cached_property

from archcalc.core.contraction import Contraction
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, is_floating
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow
from archcalc.layer import Call, Layer
from archcalc.record import field, record, replace
from archcalc.sym.expr import Claim

MANY = 20_000
"""Applications that are kept for the networks that follow: those of a hundred networks or more."""


@record(slots=False, eq=False)
class Application:
    """Each quantity is derived when it is first asked for, once for all copies of a layer in a network."""

    layer: Layer
    inputs: tuple[Volume, ...]
    outputs: tuple[Volume, ...]

    @cached_property
    def ops(self) -> Ops:
        return self.layer.ops(self.outputs[0], *self.inputs)

    @cached_property
    def contractions(self) -> tuple[Contraction, ...]:
        """What its multiply-accumulates compute; nothing if it has none."""
        return () if self.ops.mac == 0 else tuple(self.layer.contractions(self.outputs[0], *self.inputs))

    @cached_property
    def windows(self) -> tuple[tuple[AnyWindow, ...], ...]:
        """For each input, its window on each axis."""
        return tuple(self.layer.windows_of_inputs(*self.inputs))

    @cached_property
    def followed(self) -> tuple[int, ...]:
        """The inputs, by number, into which gradients of its output flow."""
        if not self.outputs[0].is_floating:
            return ()
        carrying = range(len(self.inputs))[: self.layer.carries]
        return tuple(i for i in carrying if i not in self.layer.decided_by and self.inputs[i].is_floating)

    @cached_property
    def call(self) -> Call:
        """The module of torch that it is, and its line."""
        return self.layer.call(*self.inputs)

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """The weights, in the dtype that the layer computes in; buffers are not trained."""
        computed = self.outputs[0].dtype
        found = []
        for weight in self.layer.weights(*self.inputs):
            trainable = weight.trainable and not weight.buffer
            dtype = computed if weight.dtype == "float32" and is_floating(computed) else weight.dtype
            alike = trainable == weight.trainable and dtype == weight.dtype
            found.append(weight if alike else replace(weight, trainable=trainable, dtype=dtype))
        return tuple(found)

    @cached_property
    def trains(self) -> bool:
        """Whether there are weights to train."""
        return any(weight.trainable for weight in self.weights)

    @cached_property
    def frozen(self) -> tuple[Weight, ...]:
        """The weights where they are not trained."""
        return tuple(replace(weight, trainable=False) for weight in self.weights)


@record(slots=False, eq=False)
class Applications:
    """What layers make of inputs, for all networks that are built with it: variants of a network share most of them.

    Each comes with what it requires of free symbols, and the messages for where that does not hold.
    """

    known: dict[tuple[Layer, tuple[Volume, ...], str], tuple[Application, list[tuple[Claim, str]]]] = field(
        default_factory=dict
    )

    def get(
        self, layer: Layer, inputs: tuple[Volume, ...], dtype: str
    ) -> tuple[Application, list[tuple[Claim, str]]] | None:
        """What is known of a layer in a network of a dtype."""
        return self.known.get((layer, inputs, dtype))

    def add(
        self, layer: Layer, inputs: tuple[Volume, ...], dtype: str, output: Volume, claims: list[tuple[Claim, str]]
    ) -> tuple[Application, list[tuple[Claim, str]]]:
        if len(self.known) >= MANY:
            self.known.clear()
        made = Application(layer, inputs, (output,)), claims
        self.known[layer, inputs, dtype] = made
        return made
