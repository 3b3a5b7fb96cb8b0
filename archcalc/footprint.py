"""The footprint of a network: every figure of memory that it has, in bytes, for one batch under one set of rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from archcalc.core.kernel import Run
from archcalc.core.volume import ITEMSIZE
from archcalc.core.weight import Weight
from archcalc.graph import Graph
from archcalc.memory import Course, Moment, inference, training
from archcalc.optimizer import Optimizer, state_bytes, step_peak
from archcalc.tape import Opaque, hold_inputs_of_blocks, saved, tape_of

__all__ = ["Footprint", "Opaque", "Step", "footprint", "timeline"]

FOREACH = "foreach"
"""The implementation of an optimizer's step that torch takes by itself."""


@dataclass(frozen=True)
class Step:
    """What an optimizer takes: its state between steps, and what one step makes beside it."""

    name: str
    implementation: str
    state: int
    temporaries: int


@dataclass(frozen=True)
class Footprint:
    """Bytes; the input and the gradient that backward begins with are the caller's, and are counted as alive.

    `saved`: by layer, what it is the first to keep for backward. `inference`, `training`: the peaks above parameters
    and buffers, where every tensor dies after its last use; `nested`: the peak of inference where blocks are called,
    whose inputs live until they return. `left`: what is alive when backward ends. `step`: the optimizer's.
    """

    device: str
    parameters: int
    buffers: int
    gradients: int
    saved: Mapping[str, int]
    inference: Moment
    nested: Moment
    training: Moment
    left: int
    step: Step | None = None

    @property
    def iteration(self) -> int:
        """The peak of an iteration with the optimizer's step, parameters, buffers and states included."""
        state, temporaries = (self.step.state, self.step.temporaries) if self.step else (0, 0)
        return self.parameters + self.buffers + state + max(self.training.live, self.left + temporaries)


def footprint(
    graph: Graph, optimizer: Optimizer | None = None, *, implementation: str = FOREACH, device: str = "cpu"
) -> Footprint:
    """The footprint of a network of numbers. Raises Opaque for a layer whose memory is not predicted."""
    tape = tape_of(graph, Run(True, device, dtype_of(graph)))
    kept = by_layer(saved(tape))
    course = training(tape)
    flat, nested = inferences(graph, device)
    weights = [weight for node in graph for weight in node.weights if not weight.shared_with]
    return Footprint(
        device=device,
        parameters=bytes_of(weight for weight in weights if not weight.buffer),
        buffers=bytes_of(weight for weight in weights if weight.buffer),
        gradients=bytes_of(weight for weight in weights if weight.trainable and not weight.buffer),
        saved=kept,
        inference=flat,
        nested=nested,
        training=course.peak,
        left=course.left,
        step=step_of(weights, optimizer, implementation) if optimizer else None,
    )


def dtype_of(graph: Graph) -> str:
    """What the network computes in."""
    return next((each.volume.dtype for each in graph.inputs if "float" in each.volume.dtype), "float32")


def inferences(graph: Graph, device: str) -> tuple[Moment, Moment]:
    """The peaks of inference, flat and with blocks that are called."""
    tape = tape_of(graph, Run(False, device, dtype_of(graph)))
    flat = inference(tape).peak
    hold_inputs_of_blocks(graph, tape)
    return flat, inference(tape).peak


def by_layer(parts: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for name, nbytes in parts:
        found[name] = found.get(name, 0) + nbytes
    return found


def bytes_of(weights: Iterable[Weight]) -> int:
    return sum(weight.numel * ITEMSIZE[weight.dtype] for weight in weights)


def step_of(weights: Sequence[Weight], optimizer: Optimizer, implementation: str) -> Step:
    state = state_bytes(optimizer, weights)
    return Step(type(optimizer).name, implementation, state, step_peak(optimizer, weights, implementation))


def timeline(graph: Graph, device: str = "cpu") -> Course:
    """Every moment of a forward and a backward pass, with what is alive at the peak."""
    run = Run(True, device, dtype_of(graph))
    return training(tape_of(graph, run), watch=training(tape_of(graph, run)).highest)
