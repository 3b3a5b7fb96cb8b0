"""All that is measured of a network's memory in one setup, apart from what is predicted."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from archcalc.codegen import generate
from archcalc.graph.graph import Graph
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import field, record, replace
from archcalc.verification.memory.measured import inference, iteration, standing, state_bytes, training
from archcalc.verification.memory.recording import Recording
from archcalc.verification.memory.saved import saved
from archcalc.verification.trace import Running


@record
class Measurement:
    """`saved`: the bytes that each layer saves for backward; `tensors`: those tensors, each with its bytes.

    `flat`: inference of flat source. `iteration`: a training step with the optimizer, if there is one. `standing`:
    bytes of parameters, buffers, optimizer state and earlier gradients, which exist before an iteration; `gradients`:
    the last of them.
    """

    saved: Mapping[str, int]
    inference: Recording
    flat: Recording
    training: Recording
    iteration: Recording | None = None
    standing: int = 0
    gradients: int = 0
    tensors: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)


def measurement_of(graph: Graph, running: Running, setup: TrainingSetup) -> Measurement:
    """Runs a network for every figure. A setup with an optimizer changes its parameters."""
    running = running.under(setup.autocast)
    kept = saved(running, running.inputs())
    inputs = running.inputs()
    flat = Running(generate(graph, flat=True), graph, running.device).under(running.autocast)
    inferred, flatly = inference(running, inputs), inference(flat, inputs)
    trained = training(running, inputs, accumulate=setup.accumulate)
    before = gradients_before(running, setup)
    made = Measurement(kept.by_layer, inferred, flatly, trained, gradients=before, tensors=kept.listed)
    if not setup.optimizer:
        return made
    stepping = optimizer(running.module, setup)
    whole = iteration(running, running.inputs(), stepping, accumulate=setup.accumulate)
    there = standing(running).total + state_bytes(stepping) + before
    return replace(made, iteration=whole, standing=there)


def optimizer(module: nn.Module, setup: TrainingSetup) -> torch.optim.Optimizer:
    """The torch optimizer for all trained weights."""
    assert setup.optimizer
    call = setup.optimizer.call(setup.implementation)
    made: torch.optim.Optimizer = getattr(torch.optim, call.target.rpartition(".")[2])(
        [each for each in module.parameters() if each.requires_grad], **call.arguments
    )
    return made


def gradients_before(running: Running, setup: TrainingSetup) -> int:
    """Bytes of the gradients of earlier batches, which are not in the events of one pass."""
    trained = (each for each in running.module.parameters() if each.requires_grad)
    return sum(each.nbytes for each in trained) if setup.accumulate else 0
