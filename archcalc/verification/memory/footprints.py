"""Memory as it is predicted against memory as it is taken: rows of a real run on the CPU, and on a GPU.

On a GPU three witnesses are heard of every peak: the history of the allocator, event by event, from which workspaces
are left out where their kernels are known; its statistics, from which the same bytes are taken off; and what its blocks
come to, which a model of it has to find from the same events (verify/allocator.py).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import nn

from archcalc.codegen import generate
from archcalc.graph.graph import Graph
from archcalc.memory import engine as memory
from archcalc.memory.footprint import Footprint, Opaque, footprint_of, run_of
from archcalc.memory.recompute import stretches
from archcalc.memory.tape import tape_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.verification.memory.allocator import peaks as modelled
from archcalc.verification.memory.measured import inference, iteration, standing, state_bytes, training
from archcalc.verification.memory.saved import saved
from archcalc.verification.memory.stream import Stream, Usage
from archcalc.verification.row import Row, compared, reported, total, within
from archcalc.verification.trace import Running

PERCENT = 2
"""How near the model of the allocator has to come."""


def footprints(graph: Graph, running: Running, setup: TrainingSetup, level: str, at: str, room: float) -> Iterator[Row]:
    """What is kept for backward, layer by layer; peaks of inference, of this text and of the flat one, of training, and
    of an iteration where the setup has an optimizer.

    Predicted by the rules of the device that the network runs on. Peaks are those of tensors: what kernels allocate for
    themselves and release again is no part of them. What would take more than `room`, as predicted, is not run.
    """
    setup = replace(setup, device=running.device)
    try:
        found = footprint_of(graph, setup)
    except Opaque as opaque:
        yield Row("memory", level, at, "not predicted", "not measured", None, (str(opaque),))
        return
    if (needed := found.iteration) > room:
        yield Row("memory", level, at, found.training.live, f"not run: it takes {needed / 2**30:.1f} GiB", None)
        return
    running = running.under(setup.autocast)
    kept = saved(running, running.inputs())
    predicted = {node.name: found.saved.get(node.name, 0) for node in graph}
    measured = {node.name: kept.by_layer.get(node.name, 0) for node in graph}
    yield compared("kept for backward, by layer", level, at, predicted, measured, "layer")
    yield total("bytes kept for backward", level, at, sum(found.saved.values()), kept.total)
    yield from peaks(found, graph, running, level, at)
    if found.step:
        yield iterated(found, running, level, at)


def iterated(found: Footprint, running: Running, level: str, at: str) -> Row:
    """A whole iteration, the optimizer's step included; the network has other parameters after it."""
    made = optimizer(running.module, found.setup)
    measured = iteration(running, running.inputs(), made, accumulate=found.setup.accumulate)
    there = standing(running).total + state_bytes(made) + gradients_before(running, found.setup)
    name = found.step.name if found.step else ""
    return total(f"peak of an iteration with {name}, bytes", level, at, found.iteration, measured.peak + there)


def optimizer(module: nn.Module, setup: TrainingSetup) -> torch.optim.Optimizer:
    """The optimizer itself, over all that is trained."""
    assert setup.optimizer
    call = setup.optimizer.call(setup.implementation)
    made: torch.optim.Optimizer = getattr(torch.optim, call.target.rpartition(".")[2])(
        [each for each in module.parameters() if each.requires_grad], **call.arguments
    )
    return made


def gradients_before(running: Running, setup: TrainingSetup) -> int:
    """Bytes of the gradients of earlier batches, which the events of one pass do not tell of."""
    trained = (each for each in running.module.parameters() if each.requires_grad)
    return sum(each.nbytes for each in trained) if setup.accumulate else 0


def peaks(found: Footprint, graph: Graph, running: Running, level: str, at: str) -> Iterator[Row]:
    inputs = running.inputs()
    flat = Running(generate(graph, flat=True), graph, running.device).under(running.autocast)
    inferred = inference(running, inputs)
    yield from peak("peak of inference, bytes", level, at, found.nested.live, inferred)
    yield from peak("the same of flat source", level, at, found.inference.live, inference(flat, inputs))
    trained = training(running, inputs, accumulate=found.setup.accumulate)
    before = gradients_before(running, found.setup)
    yield from peak("peak of training, bytes", level, at, found.training.live, trained, before)
    for phase, stream in [("inference", inferred), ("training", trained)]:
        if stream.usage:
            sizes = predicted_sizes(graph, found.setup, phase == "training")
            yield from blocks(phase, level, at, stream, stream.usage, sizes)


def peak(quantity: str, level: str, at: str, predicted: int, stream: Stream, before: int = 0) -> Iterator[Row]:
    """Of one run, by the events of the allocator, and by its statistics where it has them; `before`: what was there.

    The statistics are of what is above the beginning, where the inputs and first gradients are; workspaces are taken
    off as the events have them.
    """
    yield at_least(quantity, level, at, predicted, stream.peak + before, stream.resolved)
    if stream.usage:
        given, workspaces = stream.inputs + stream.seeds, stream.raw_peak - stream.logical_peak
        requested = stream.usage.requested + given + before - workspaces
        yield at_least(f"{quantity}, by statistics", level, at, predicted, requested, stream.resolved)


def at_least(quantity: str, level: str, at: str, predicted: int, measured: int, resolved: bool) -> Row:
    """Equality; but where kernels are not known, workspaces are among what was measured, and more is no disagreement.

    >>> [at_least("peak", "L3 cuda", "", 100, each, False).agrees for each in (99, 100, 101)]
    [False, True, None]
    """
    if resolved or measured <= predicted:
        return total(quantity, level, at, predicted, measured)
    part = f"{measured - predicted:,} bytes more, workspaces among them: in which kernels they are is not known"
    return reported(quantity, level, at, predicted, measured, [part])


# --- blocks and workspaces -------------------------------------------------------------------------------------------


def blocks(
    phase: str, level: str, at: str, stream: Stream, usage: Usage, predicted: Mapping[int, int]
) -> Iterator[Row]:
    """What the caching allocator gives and has at its most, above what it had given; and all workspaces by size."""
    model = modelled(stream.events)
    yield within(f"allocated in {phase}, in blocks", level, at, model.allocated, usage.allocated, PERCENT)
    yield reported(f"reserved in {phase}", level, at, model.reserved, usage.reserved)
    parts = [*listed(stream, predicted)]
    if usage.cublas:
        parts.append(f"cuBLAS, throughout and in no peak: {usage.cublas:,}")
    extra = stream.raw_peak - stream.logical_peak if stream.resolved else "kernels not known"
    yield reported(f"workspaces in {phase}, at its peak", level, at, "not predicted", extra, parts)


def listed(stream: Stream, predicted: Mapping[int, int]) -> Iterator[str]:
    """Workspaces by kernel and size; where kernels are not known, what was allocated and is of no predicted size."""
    named = stream.workspaces.items()
    found = Counter((kernel, size) for kernel, sizes in named for size in sizes)
    if not stream.resolved:
        found = Counter({("not predicted", size): n for size, n in unforeseen(stream, predicted).items()})
    for (kernel, size), count in sorted(found.items(), key=lambda item: (-item[0][1], item[0][0])):
        yield f"{kernel}: {count} x {size:,}"


def unforeseen(stream: Stream, predicted: Mapping[int, int]) -> Counter[int]:
    """How many allocations of each size there are beyond those that are predicted."""
    return Counter(stream.allocations) - Counter(predicted)


def predicted_sizes(graph: Graph, setup: TrainingSetup, is_training: bool) -> Counter[int]:
    """How many storages of each size a run makes, as predicted; backward puts its gradients on the tape itself.

    Gradients that are accumulated are made as others are: those of before are none of the run's.
    """
    tape = tape_of(graph, run_of(graph, setup, is_training=is_training))
    given = Counter(tape.bytes_of[storage] for storage in tape.given)
    if is_training:
        memory.training(tape, again=stretches(graph, tape, setup.checkpointed))
    else:
        memory.inference(tape)
    return Counter(tape.bytes_of) - given
