"""The footprint of a network: every figure of memory that it has, in bytes, for one batch under one set of rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from archcalc.core.dim import Dim, summed
from archcalc.core.kernel import Run
from archcalc.core.volume import ITEMSIZE
from archcalc.core.weight import Weight
from archcalc.graph.graph import Graph
from archcalc.memory.engine import inference, training
from archcalc.memory.optimizer import amounts_of_step, state_bytes, step_peak
from archcalc.memory.recompute import instead, stretches
from archcalc.memory.tape import Opaque, hold_inputs_of_blocks, saved, tape_of
from archcalc.memory.timeline import Timeline, TimelineStep
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.memory.transfer import Once, computed_once

__all__ = ["FORMS", "Footprint", "Opaque", "Step", "footprint_of", "lines_of"]


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
    whose inputs live until they return. `left`: what is alive when backward ends. `step`: the optimizer's. `once`: what
    of a frozen part can be computed once.
    `timeline`: of training, with what is alive at its peak, where that was asked for.
    """

    setup: TrainingSetup
    parameters: int
    buffers: int
    gradients: int
    saved: Mapping[str, int]
    inference: TimelineStep
    nested: TimelineStep
    training: TimelineStep
    left: int
    step: Step | None = None
    once: Once | None = None
    timeline: Timeline | None = None

    @property
    def iteration(self) -> int:
        """The peak of an iteration with the optimizer's step, parameters, buffers and states included."""
        state, temporaries = (self.step.state, self.step.temporaries) if self.step else (0, 0)
        return self.parameters + self.buffers + state + max(self.training.live, self.left + temporaries)


def footprint_of(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP, *, with_timeline: bool = False) -> Footprint:
    """The footprint of a network of numbers; `with_timeline`: what is alive at every step of training too.

    Raises Opaque for a layer whose memory is not predicted.
    """
    kept, timeline = trained(graph, setup)
    flat, nested = inferences(graph, setup)
    weights = weights_of(graph)
    return Footprint(
        setup=setup,
        parameters=bytes_of(weight for weight in weights if not weight.buffer),
        buffers=bytes_of(weight for weight in weights if weight.buffer),
        gradients=bytes_of(weight for weight in weights if weight.trainable and not weight.buffer),
        saved=by_layer(kept),
        inference=flat,
        nested=nested,
        training=timeline.peak,
        left=timeline.left,
        step=step_of(weights, setup),
        once=computed_once(graph),
        timeline=trained(graph, setup, timeline.highest)[1] if with_timeline else None,
    )


def trained(graph: Graph, setup: TrainingSetup, watch: int = -1) -> tuple[list[tuple[str, int]], Timeline]:
    """What layers keep for backward, and the timeline of a training step in which blocks are called; `watch`: the step
    to look at closely."""
    if setup.autocast and setup.checkpointed:
        raise Opaque("under autocast, blocks that run again cast their weights again: not predicted")
    tape = tape_of(graph, run_of(graph, setup))
    again = stretches(graph, tape, setup.checkpointed)
    hold_inputs_of_blocks(graph, tape)
    kept = list(saved(tape, instead(again)))
    return kept, training(tape, watch, again=again, accumulate=setup.accumulate)


def run_of(graph: Graph, setup: TrainingSetup, *, is_training: bool = True) -> Run:
    """In which circumstances its kernels run."""
    return Run(is_training, setup.device, graph.dtype, setup.autocast)


def weights_of(graph: Graph) -> list[Weight]:
    """Every parameter and buffer, what is shared once."""
    return [weight for node in graph for weight in node.weights if not weight.shared_with]


def inferences(graph: Graph, setup: TrainingSetup) -> tuple[TimelineStep, TimelineStep]:
    """The peaks of inference, flat and with blocks that are called."""
    tape = tape_of(graph, run_of(graph, setup, is_training=False))
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


def step_of(weights: Sequence[Weight], setup: TrainingSetup) -> Step | None:
    """What the optimizer takes, where there is one."""
    optimizer, implementation = setup.optimizer, setup.implementation
    if optimizer is None:
        return None
    state = state_bytes(optimizer, weights)
    return Step(optimizer.name, implementation, state, step_peak(optimizer, weights, implementation))


# --- closed forms ----------------------------------------------------------------------------------------------------

FORMS = ("saved_bytes", "inference_peak", "training_peak", "iteration_peak")
"""What a budget may call them."""


def lines_of(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> dict[str, list[Dim]]:
    """For each of these figures the amounts, in bytes, of which it is the greatest: of a network with free symbols
    expressions, exact where all that is asked of the symbols on the way has an answer.

    Raises Opaque for a layer whose memory is not predicted.
    """
    kept, timeline = trained(graph, setup)
    weights = weights_of(graph)
    standing, stepping = bytes_of(weights), [0]
    if setup.optimizer:
        standing += state_bytes(setup.optimizer, weights)
        stepping = list(amounts_of_step(setup.optimizer, weights, setup.implementation))
    alive = [step.live for step in timeline.steps]
    inferred = inference(tape_of(graph, run_of(graph, setup, is_training=False)))
    return {
        "saved_bytes": [summed(nbytes for _, nbytes in kept)],
        "inference_peak": [step.live for step in inferred.steps],
        "training_peak": alive,
        "iteration_peak": [standing + live for live in (*alive, *(timeline.left + each for each in stepping))],
    }
