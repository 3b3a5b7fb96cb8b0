"""The footprint of a network: all its memory figures, in bytes, for one batch and one training setup."""

import importlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from archcalc.core.dim import Dim, summed
from archcalc.core.kernel import Run
from archcalc.core.machine import DEFAULT
from archcalc.core.shown import Shown, data_frame
from archcalc.core.weight import Weight
from archcalc.graph.given import Network, loaded_in_numbers
from archcalc.graph.graph import Graph
from archcalc.memory.engine import EARLIER, inference, training
from archcalc.memory.optimizer_memory import amounts_of_step, state_bytes, step_peak
from archcalc.memory.recompute import instead, stretches
from archcalc.memory.tape import Opaque, applied, hold_inputs_of_blocks, saved
from archcalc.memory.taping import tape_of
from archcalc.memory.timeline import Timeline, TimelineStep
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.memory.transfer import Once, computed_once
from archcalc.record import record

__all__ = ["FORMS", "Footprint", "Line", "Opaque", "Step", "footprint_of", "lines_of"]


@record
class Step:
    """The memory of an optimizer: its state between steps, and the temporary tensors of one step."""

    name: str
    implementation: str
    state: int
    temporaries: int


@record
class Footprint(Shown):
    """All figures in bytes; the caller's input and initial gradient count as alive.

    `saved`: for each layer, the bytes it is the first to save for backward. `inference`, `training`: the peaks without
    parameters and buffers, if every tensor is freed after its last use. `nested`: the inference peak if blocks are
    separate modules, whose inputs live until they return. `left`: what is alive after backward. `step`: the memory of
    the optimizer. `once`: the frozen outputs that can be computed once. `timeline`: the timeline of training, with
    what is alive at its peak, if requested; `weight_gradients`: the bytes of gradients of weights among these.
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
    weight_gradients: int = 0

    def __repr__(self) -> str:
        """One line; `print(footprint)` prints all figures."""
        iteration = f", iteration peak {self.iteration:,}" if self.step else ""
        peaks = f"training peak {self.training.live:,}, inference peak {self.inference.live:,}"
        return f"<Footprint in bytes: {peaks}{iteration} ({self.setup.rules})>"

    def __str__(self) -> str:
        """The figures that the command line prints."""
        lines: list[str] = importlib.import_module("archcalc.memory.text").figures(self)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """What notebooks show."""
        html: str = importlib.import_module("archcalc.pages.notebook").html_of_text(str(self))
        return html

    def rows(self) -> list[dict[str, Any]]:
        """The layers in order, each with its name and the bytes that it is the first to save for backward."""
        return [{"name": name, "saved_bytes": saved} for name, saved in self.saved.items()]

    def to_pandas(self) -> Any:
        """The rows as a DataFrame of pandas, with the names of layers as its index."""
        return data_frame(self.rows()).set_index("name")

    @property
    def iteration(self) -> int:
        """The peak of an iteration with the optimizer's step, including parameters, buffers and optimizer state."""
        state, temporaries = (self.step.state, self.step.temporaries) if self.step else (0, 0)
        return self.parameters + self.buffers + state + max(self.training.live, self.left + temporaries)

    @property
    def iteration_parts(self) -> Mapping[str, int]:
        """What the peak of an iteration consists of, by name; empty without a timeline, which alone separates it."""
        if self.timeline is None:
            return {}
        state, temporaries = (self.step.state, self.step.temporaries) if self.step else (0, 0)
        standing = {"parameters": self.parameters, "buffers": self.buffers, "optimizer_state": state}
        if self.training.live >= self.left + temporaries:
            gradients, alive, temporaries = self.weight_gradients, self.training.live, 0
        else:
            gradients, alive = self.gradients, self.left
        rest = {"weight_gradients": gradients, "activations": alive - gradients, "step_temporaries": temporaries}
        return {**standing, **rest}


def footprint_of(network: Network, setup: TrainingSetup = DEFAULT_SETUP, *, with_timeline: bool = False) -> Footprint:
    """The footprint of a network without free sizes; `with_timeline`: also what is alive at every step of training.

    Raises Opaque for a layer whose memory is not predicted, ValueError for a network with free symbols.
    """
    graph = loaded_in_numbers(network)
    saved_here, timeline = trained(graph, setup, watched=with_timeline, brief=True)
    flat, nested = inferences(graph, setup)
    weights, learned = weights_of(graph), learned_weights(graph)
    return Footprint(
        setup=setup,
        parameters=bytes_of(weight for weight in weights if not weight.buffer),
        buffers=bytes_of(weight for weight in weights if weight.buffer),
        gradients=bytes_of(learned),
        saved=by_layer(saved_here),
        inference=flat,
        nested=nested,
        training=timeline.peak,
        left=timeline.left,
        step=step_of(weights, learned, setup),
        once=computed_once(graph),
        timeline=timeline if with_timeline else None,
        weight_gradients=gradients_of_weights(graph, timeline) if with_timeline else 0,
    )


def gradients_of_weights(graph: Graph, timeline: Timeline) -> int:
    """The bytes of gradients of weights among what is alive at the watched step of a timeline."""
    keys = (f"gradient of {node.name}.{weight.name}" for node in graph for weight in node.weights)
    names = {name for key in keys for name in (key, f"{key}{EARLIER}")}
    return sum(nbytes for name, nbytes in timeline.alive if name in names)


def trained(
    graph: Graph, setup: TrainingSetup, *, watched: bool = False, brief: bool = False
) -> tuple[list[tuple[str, int]], Timeline]:
    """The bytes each layer saves for backward, and the timeline of a training step with blocks as modules; `watched`:
    with the tensors that are alive at its peak; `brief`: otherwise with no more steps than it takes to know that."""
    if setup.autocast and setup.checkpointed:
        raise Opaque("under autocast, checkpointed blocks cast their weights again")
    tape = tape_of(graph, run_of(graph, setup))
    again = stretches(graph, tape, setup.checkpointed)
    hold_inputs_of_blocks(graph, tape)
    timeline = training(tape, again=again, accumulate=setup.accumulate, brief=brief)
    if watched:  # the peak is known only now
        timeline = training(tape, timeline.highest, again=again, accumulate=setup.accumulate)
    return list(saved(tape, instead(again))), timeline


def run_of(graph: Graph, setup: TrainingSetup, *, is_training: bool = True) -> Run:
    """The environment its kernels run in."""
    return Run(is_training, setup.device, graph.dtype, setup.autocast, setup.machine or DEFAULT)


def weights_of(graph: Graph) -> list[Weight]:
    """All parameters and buffers; shared ones occur once."""
    return [weight for node in graph for weight in node.weights if not weight.shared_with]


def learned_weights(graph: Graph) -> list[Weight]:
    """The parameters that get a gradient: trained, what is shared once, and a gradient of an output comes back to them.
    Optimizers pass over the others."""
    reached = {key for node in graph if not node.detached for key, _ in applied(graph, node).values()}
    owned = ((f"{node.name}.{weight.name}", weight) for node in graph for weight in node.weights)
    return [w for key, w in owned if key in reached and w.trainable and not w.buffer and not w.shared_with]


def inferences(graph: Graph, setup: TrainingSetup) -> tuple[TimelineStep, TimelineStep]:
    """The inference peaks of flat source, and of source with blocks as modules."""
    tape = tape_of(graph, run_of(graph, setup, is_training=False))
    flat = inference(tape, brief=True).peak
    hold_inputs_of_blocks(graph, tape)
    return flat, inference(tape, brief=True).peak


def by_layer(parts: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for name, nbytes in parts:
        found[name] = found.get(name, 0) + nbytes
    return found


def bytes_of(weights: Iterable[Weight]) -> int:
    return sum(weight.nbytes for weight in weights)


def step_of(weights: Sequence[Weight], learned: Sequence[Weight], setup: TrainingSetup) -> Step | None:
    """What the optimizer takes, where there is one, of all weights and of those that get a gradient."""
    optimizer, implementation = setup.optimizer, setup.implementation
    if optimizer is None:
        return None
    state = state_bytes(optimizer, weights if optimizer.at_once else learned)
    return Step(optimizer.name, implementation, state, step_peak(optimizer, learned, implementation))


# --- closed forms ----------------------------------------------------------------------------------------------------

FORMS = ("saved_bytes", "inference_peak", "training_peak", "iteration_peak")
"""The names of memory figures in budgets."""

INFERENCE = "inference_peak"
"""The one of these that a training step does not have."""


@record
class Line:
    """One of the amounts in bytes of which a figure is the maximum; `place`: the phase, the layer, and the part of it
    that has several loops, at which so much is alive."""

    amount: Dim
    place: tuple[str, ...] = ()


def lines_of(
    graph: Graph, setup: TrainingSetup = DEFAULT_SETUP, figures: Collection[str] = FORMS
) -> dict[str, list[Line]]:
    """For each of some figures, the amounts in bytes of which it is the maximum, in the order of their steps:
    expressions if the network has free symbols.

    Raises Opaque for a layer whose memory is not predicted.
    """
    found: dict[str, list[Line]] = {}
    if {*figures} - {INFERENCE}:
        kept, timeline = trained(graph, setup, brief=True)
        alive = course(timeline)
        found |= {"saved_bytes": [Line(summed(nbytes for _, nbytes in kept))], "training_peak": alive}
        if "iteration_peak" in figures:
            found["iteration_peak"] = [*with_the_step(graph, setup, timeline.left, alive)]
    if INFERENCE in figures:
        found[INFERENCE] = course(inference(tape_of(graph, run_of(graph, setup, is_training=False)), brief=True))
    return {figure: found[figure] for figure in figures}


def with_the_step(graph: Graph, setup: TrainingSetup, left: Dim, alive: Iterable[Line]) -> Iterator[Line]:
    """What is alive in a training step, and what is left of it in the optimizer's, with all that is there in both."""
    weights, learned = weights_of(graph), learned_weights(graph)
    standing, stepping = bytes_of(weights), [0]
    if setup.optimizer:
        standing += state_bytes(setup.optimizer, weights if setup.optimizer.at_once else learned)
        stepping = list(amounts_of_step(setup.optimizer, learned, setup.implementation))
    after = (Line(left + each, ("step",)) for each in stepping)
    return (Line(standing + each.amount, each.place) for each in (*alive, *after))


def course(timeline: Timeline) -> list[Line]:
    """What is alive at each step; without layers, what is left."""
    return [Line(step.live, (step.phase, step.node, step.part)) for step in timeline.steps] or [Line(timeline.left)]
