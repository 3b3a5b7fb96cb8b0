"""Compares predicted with measured memory: rows of a real run on the CPU, and on a GPU.

On a GPU every peak is measured in three ways: from the history of the allocator, event by event, without workspaces if
their kernels are known; from its statistics, minus the same workspaces; and from its total of blocks, which a model of
the allocator must reproduce from the same events (allocator.py).
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from archcalc.graph.graph import Graph
from archcalc.memory import engine as memory
from archcalc.memory.footprint import Footprint, Opaque, Step, footprint_of, run_of
from archcalc.memory.recompute import stretches
from archcalc.memory.taping import tape_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import replace
from archcalc.verification.memory.allocator import peaks as modelled
from archcalc.verification.memory.attribution import beyond, explained, plan_of, saved_tensors
from archcalc.verification.memory.measurement import Measurement, measurement_of
from archcalc.verification.memory.recording import Recording
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
        yield not_predicted(opaque, level, at)
        return
    if (needed := found.iteration) > room:
        yield Row("memory", level, at, found.training.live, f"not run: needs {needed / 2**30:.1f} GiB", None)
        return
    yield from compared_memory(graph, found, measurement_of(graph, running, setup), level, at)


def not_predicted(opaque: Opaque, level: str, at: str) -> Row:
    return Row("memory", level, at, "not predicted", "not measured", None, (str(opaque),))


def compared_memory(graph: Graph, found: Footprint, measurement: Measurement, level: str, at: str) -> Iterator[Row]:
    """Compares a network's predicted memory with a measurement of it, which may be an earlier one."""
    yield saved_by_layer(graph, found, measurement, level, at)
    yield total("bytes saved for backward", level, at, sum(found.saved.values()), sum(measurement.saved.values()))
    yield from peaks(graph, found, measurement, level, at)
    if found.step and measurement.iteration:
        yield iteration(found, found.step, measurement, measurement.iteration.stream.peak, level, at)


def iteration(found: Footprint, step: Step, measurement: Measurement, peak: int, level: str, at: str) -> Row:
    """One row for the peak of an iteration; where it disagrees, its parts: what is there before, and what the training
    step and that of the optimizer take beside it."""
    quantity, measured = f"iteration peak with {step.name}, bytes", peak + measurement.standing
    row = total(quantity, level, at, found.iteration, measured)
    if row.agrees:
        return row
    earlier = measurement.gradients
    there = found.parameters + found.buffers + step.state + earlier
    backward, stepping = found.training.live - earlier, found.left + step.temporaries - earlier
    before = f"before it: predicted {there:,}, measured {measurement.standing:,} (parameters, buffers, optimizer state)"
    how = f"predicted {backward:,} in backward, {stepping:,} in the step of {step.name} ({step.implementation})"
    return replace(row, differences=(before, f"beside that: {how}, measured {peak:,}"))


def saved_by_layer(graph: Graph, found: Footprint, measurement: Measurement, level: str, at: str) -> Row:
    """One row for the bytes that layers save; where a layer saves others, its tensors are compared."""
    predicted = {node.name: found.saved.get(node.name, 0) for node in graph}
    measured = {node.name: measurement.saved.get(node.name, 0) for node in graph}
    row = compared("saved for backward, by layer", level, at, predicted, measured, "layer")
    if row.agrees or not measurement.tensors:
        return row
    expected = saved_tensors(graph, found.setup)
    wrong = [name for name in predicted if predicted[name] != measured[name]]
    parts = (beyond(expected.get(name, ()), measurement.tensors.get(name, ())) for name in wrong)
    kinds = (graph.by_name[name].layer.name for name in wrong)
    texts = zip(row.differences, kinds, parts, strict=True)
    return replace(row, differences=tuple(f"{text} ({kind}; {more})" for text, kind, more in texts))


def peaks(graph: Graph, found: Footprint, measurement: Measurement, level: str, at: str) -> Iterator[Row]:
    inferred, trained = measurement.inference, measurement.training
    for name, figure, recording in [
        ("inference peak, bytes", found.nested, inferred),
        ("inference peak of flat source, bytes", found.inference, measurement.flat),
        ("training peak, bytes", found.training, trained),
    ]:
        before = measurement.gradients if recording is trained else 0
        rows = list(peak(name, level, at, figure.live, recording.stream, before))
        if any(row.agrees is False for row in rows):
            plan = plan_of(graph, found.setup, training=recording is trained, flat=recording is measurement.flat)
            rows[0] = replace(rows[0], differences=tuple(explained(plan, recording.stream, figure.live - before)))
        yield from rows
    for phase, recording in [("inference", inferred), ("training", trained)]:
        if recording.usage:
            sizes = predicted_sizes(graph, found.setup, phase == "training")
            yield from blocks(phase, level, at, recording, recording.usage, sizes)


def peak(quantity: str, level: str, at: str, predicted: int, stream: Stream, before: int = 0) -> Iterator[Row]:
    """The peak of one run, by the allocator's events, and by its statistics if available; `before`: earlier gradients.

    Statistics are relative to the start of the run, when inputs and initial gradients exist; the workspaces found in
    the events are subtracted.
    """
    unsure = stream.peak - stream.least
    yield at_least(quantity, level, at, predicted, stream.peak + before, unsure)
    if stream.usage:
        given, workspaces = stream.inputs + stream.seeds, stream.raw_peak - stream.logical_peak
        requested = stream.usage.requested + given + before - workspaces
        yield at_least(f"{quantity}, by statistics", level, at, predicted, requested, unsure)


def at_least(quantity: str, level: str, at: str, predicted: int, measured: int, unsure: int) -> Row:
    """Requires equality; where `unsure` bytes may be those of workspaces, a value larger by so much is reported.

    >>> [at_least("peak", "L3 cuda", "", 100, each, 8).agrees for each in (99, 100, 101, 109)]
    [False, True, None, False]
    """
    if not 0 < measured - predicted <= unsure:
        return total(quantity, level, at, predicted, measured)
    part = f"{measured - predicted:,} bytes more, which can be workspaces: their kernels are unknown"
    return reported(quantity, level, at, predicted, measured, [part])


# --- blocks and workspaces -------------------------------------------------------------------------------------------


def blocks(
    phase: str, level: str, at: str, recording: Recording, usage: Usage, predicted: Mapping[int, int]
) -> Iterator[Row]:
    """The allocator's peaks of allocated and reserved bytes during the run; and all workspaces by size.

    The model is that of the allocator's default settings, so that with others both peaks are only reported.
    """
    stream = recording.stream
    name = f"allocated in {phase}, in blocks"
    if recording.settings:
        part = [f"the allocator has other settings than its default: {recording.settings}"]
        yield reported(name, level, at, "not predicted", usage.allocated, part)
        yield reported(f"reserved in {phase}", level, at, "not predicted", usage.reserved, part)
    else:
        model = modelled(stream.events, recording.segments)
        yield within(name, level, at, model.allocated, usage.allocated, PERCENT)
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
