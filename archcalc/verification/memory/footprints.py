"""Compares predicted with measured memory: rows of a real run on the CPU, and on a GPU.

On a GPU every peak is measured in three ways: from the history of the allocator, event by event, without workspaces if
their kernels are known; from its statistics, minus the same workspaces; and from its total of blocks, which a model of
the allocator must reproduce from the same events (allocator.py).
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import torch
from torch import nn

from archcalc.codegen import generate
from archcalc.graph.graph import Graph
from archcalc.memory import engine as memory
from archcalc.memory.footprint import Footprint, Opaque, footprint_of, run_of
from archcalc.memory.recompute import stretches
from archcalc.memory.tape import tape_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import replace
from archcalc.verification.memory.allocator import peaks as modelled
from archcalc.verification.memory.measured import inference, iteration, standing, state_bytes, training
from archcalc.verification.memory.saved import saved
from archcalc.verification.memory.stream import Stream, Usage
from archcalc.verification.row import Row, compared, reported, total, within
from archcalc.verification.trace import Running

PERCENT = 2
"""The tolerance for the model of the allocator."""


def footprints(graph: Graph, running: Running, setup: TrainingSetup, level: str, at: str, room: float) -> Iterator[Row]:
    """Compares the bytes saved for backward by layer; the peaks of inference (of this source and of flat source) and of
    training; and, if the setup has an optimizer, the peak of an iteration.

    Predictions are for the device that the network runs on. Peaks are those of tensors, without the workspaces of
    kernels. A network whose predicted memory exceeds `room` is not run.
    """
    setup = replace(setup, device=running.device)
    try:
        found = footprint_of(graph, setup)
    except Opaque as opaque:
        yield Row("memory", level, at, "not predicted", "not measured", None, (str(opaque),))
        return
    if (needed := found.iteration) > room:
        yield Row("memory", level, at, found.training.live, f"not run: needs {needed / 2**30:.1f} GiB", None)
        return
    running = running.under(setup.autocast)
    kept = saved(running, running.inputs())
    predicted = {node.name: found.saved.get(node.name, 0) for node in graph}
    measured = {node.name: kept.by_layer.get(node.name, 0) for node in graph}
    yield compared("saved for backward, by layer", level, at, predicted, measured, "layer")
    yield total("bytes saved for backward", level, at, sum(found.saved.values()), kept.total)
    yield from peaks(found, graph, running, level, at)
    if found.step:
        yield iterated(found, running, level, at)


def iterated(found: Footprint, running: Running, level: str, at: str) -> Row:
    """A whole iteration with the optimizer's step; it changes the parameters of the network."""
    made = optimizer(running.module, found.setup)
    measured = iteration(running, running.inputs(), made, accumulate=found.setup.accumulate)
    there = standing(running).total + state_bytes(made) + gradients_before(running, found.setup)
    name = found.step.name if found.step else ""
    return total(f"iteration peak with {name}, bytes", level, at, found.iteration, measured.peak + there)


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


def peaks(found: Footprint, graph: Graph, running: Running, level: str, at: str) -> Iterator[Row]:
    inputs = running.inputs()
    flat = Running(generate(graph, flat=True), graph, running.device).under(running.autocast)
    inferred = inference(running, inputs)
    yield from peak("inference peak, bytes", level, at, found.nested.live, inferred)
    yield from peak("inference peak of flat source, bytes", level, at, found.inference.live, inference(flat, inputs))
    trained = training(running, inputs, accumulate=found.setup.accumulate)
    before = gradients_before(running, found.setup)
    yield from peak("training peak, bytes", level, at, found.training.live, trained, before)
    for phase, stream in [("inference", inferred), ("training", trained)]:
        if stream.usage:
            sizes = predicted_sizes(graph, found.setup, phase == "training")
            yield from blocks(phase, level, at, stream, stream.usage, sizes)


def peak(quantity: str, level: str, at: str, predicted: int, stream: Stream, before: int = 0) -> Iterator[Row]:
    """The peak of one run, by the allocator's events, and by its statistics if available; `before`: earlier gradients.

    Statistics are relative to the start of the run, when inputs and initial gradients exist; the workspaces found in
    the events are subtracted.
    """
    yield at_least(quantity, level, at, predicted, stream.peak + before, stream.resolved)
    if stream.usage:
        given, workspaces = stream.inputs + stream.seeds, stream.raw_peak - stream.logical_peak
        requested = stream.usage.requested + given + before - workspaces
        yield at_least(f"{quantity}, by statistics", level, at, predicted, requested, stream.resolved)


def at_least(quantity: str, level: str, at: str, predicted: int, measured: int, resolved: bool) -> Row:
    """Requires equality; if kernels are unknown, the measurement includes workspaces, and a larger value is reported.

    >>> [at_least("peak", "L3 cuda", "", 100, each, False).agrees for each in (99, 100, 101)]
    [False, True, None]
    """
    if resolved or measured <= predicted:
        return total(quantity, level, at, predicted, measured)
    part = f"{measured - predicted:,} bytes more, including workspaces: their kernels are unknown"
    return reported(quantity, level, at, predicted, measured, [part])


# --- blocks and workspaces -------------------------------------------------------------------------------------------


def blocks(
    phase: str, level: str, at: str, stream: Stream, usage: Usage, predicted: Mapping[int, int]
) -> Iterator[Row]:
    """The allocator's peaks of allocated and reserved bytes during the run; and all workspaces by size."""
    model = modelled(stream.events)
    yield within(f"allocated in {phase}, in blocks", level, at, model.allocated, usage.allocated, PERCENT)
    yield reported(f"reserved in {phase}", level, at, model.reserved, usage.reserved)
    parts = [*listed(stream, predicted)]
    if usage.cublas:
        parts.append(f"cuBLAS, permanent and not in peaks: {usage.cublas:,}")
    extra = stream.raw_peak - stream.logical_peak if stream.resolved else "kernels unknown"
    yield reported(f"workspaces in {phase}, at its peak", level, at, "not predicted", extra, parts)


def listed(stream: Stream, predicted: Mapping[int, int]) -> Iterator[str]:
    """Workspaces by kernel and size; if kernels are unknown, allocations of sizes that are not predicted."""
    named = stream.workspaces.items()
    found = Counter((kernel, size) for kernel, sizes in named for size in sizes)
    if not stream.resolved:
        found = Counter({("not predicted", size): n for size, n in unforeseen(stream, predicted).items()})
    for (kernel, size), count in sorted(found.items(), key=lambda item: (-item[0][1], item[0][0])):
        yield f"{kernel}: {count} x {size:,}"


def unforeseen(stream: Stream, predicted: Mapping[int, int]) -> Counter[int]:
    """The number of allocations of each size beyond the predicted ones."""
    return Counter(stream.allocations) - Counter(predicted)


def predicted_sizes(graph: Graph, setup: TrainingSetup, is_training: bool) -> Counter[int]:
    """The predicted number of storages of each size in a run; backward adds its gradients to the tape.

    Accumulated gradients are allocated like others; earlier gradients are not part of the run.
    """
    tape = tape_of(graph, run_of(graph, setup, is_training=is_training))
    given = Counter(tape.bytes_of[storage] for storage in tape.given)
    if is_training:
        memory.training(tape, again=stretches(graph, tape, setup.checkpointed))
    else:
        memory.inference(tape)
    return Counter(filter(None, tape.bytes_of)) - given  # nothing is allocated for no bytes
