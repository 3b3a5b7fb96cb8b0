"""A layer on inputs of certain volumes: what follows from these two alone, and what all nodes share that apply it."""

from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from archcalc.core.contraction import Contraction
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, is_floating
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, Window
from archcalc.layer import Call, Layer
from archcalc.record import record, replace
from archcalc.sym.expr import Claim

if TYPE_CHECKING:
    from archcalc.sym.guided import Guide

MANY = 20_000
"""Applications that are kept for the networks that follow: those of a hundred networks or more."""


@record(slots=False, eq=False)
class Application:
    """Each quantity is derived when it is first asked for, once for all copies of a layer in a network.

    `following`: the guide that decides about its sizes, with the application in free symbols that it was made of.
    """

    layer: Layer
    inputs: tuple[Volume, ...]
    outputs: tuple[Volume, ...]
    following: "tuple[Guide, Application] | None" = None

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
    def squares(self) -> tuple[AnyWindow | None, ...]:
        """For each input, the window that all of its axes have in common, if these stay as they are; else None."""
        rank = self.outputs[0].rank
        pairs = zip(self.inputs, self.windows, strict=False)
        return tuple([common(windows, rank) if x.rank == rank else None for x, windows in pairs])

    @cached_property
    def sliding(self) -> tuple[tuple[int, Window], ...]:
        """The windows of the first input that slide, each with its axis."""
        is_default = type(self.layer).windows_of_inputs is Layer.windows_of_inputs
        windows = self.windows[0] if is_default and self.inputs else self.layer.windows(*self.inputs)
        return tuple((axis, window) for axis, window in enumerate(windows) if slides(window))

    @cached_property
    def followed(self) -> tuple[int, ...]:
        """The inputs, by number, into which gradients of its output flow."""
        if not self.outputs[0].is_floating:
            return ()
        return tuple(i for i in self.carried if i not in self.layer.decided_by and self.inputs[i].is_floating)

    @cached_property
    def carried(self) -> range:
        """The inputs, by number, whose values the output depends on; only the sizes of the others matter."""
        return range(len(self.inputs))[: self.layer.carries]

    @cached_property
    def is_pointwise(self) -> bool:
        """Whether it has one input, of which each position of the output reads the same: the layer does not override
        the default windows."""
        kind = type(self.layer)
        usual = kind.windows is Layer.windows and kind.windows_of_inputs is Layer.windows_of_inputs
        return usual and kind.carries is None and len(self.inputs) == 1

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


def common(windows: tuple[AnyWindow, ...], rank: int) -> AnyWindow | None:
    """The window that stands on every axis and moves nothing onto another one; None if there is none."""
    first = windows[0] if windows else None
    if first is None or first.onto is not None or windows.count(first) < len(windows):
        return None
    return first if first is IDENTITY or len(windows) == rank else None


def slides(window: AnyWindow) -> TypeGuard[Window]:
    return isinstance(window, Window) and not window.whole and (window.kernel, window.stride) != (1, 1)


Known: TypeAlias = tuple[Application, list[tuple[Claim, str]]]
"""An application, and what it requires of free symbols, with the messages for where that does not hold."""

APPLICATIONS: dict[tuple[Layer, tuple[Volume, ...], str], Known] = {}
"""The applications of networks so far, by layer, inputs and the network's dtype: variants of a network share most."""


def make_room() -> None:
    """Forgets the applications once they are many: between networks, so that copies of a layer share one."""
    if len(APPLICATIONS) > MANY:
        APPLICATIONS.clear()
