"""Memory as it is predicted against memory as it is taken on the CPU: by how many bytes each figure is off."""

from collections.abc import Iterable

import pytest

from archcalc.closed_forms.memory import Memory
from archcalc.codegen import generate
from archcalc.graph.graph import Graph
from archcalc.memory.footprint import Footprint, Opaque, footprint_of
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.sym.periodic import PeriodicSet
from archcalc.verification.memory import measured as memory
from archcalc.verification.memory import saved
from archcalc.verification.network import SHARE, free_memory
from archcalc.verification.trace import Running


def predicted(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> Footprint:
    """Skips what is not predicted, and what would take more memory than is free."""
    try:
        found = footprint_of(graph, setup)
    except Opaque as opaque:
        pytest.skip(str(opaque))
    if found.iteration > SHARE * (free := free_memory("cpu")):
        pytest.skip(f"it takes {found.iteration / 2**30:.1f} GiB, of which {free / 2**30:.1f} are free")
    return found


def numbers(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> dict[str, int]:
    """The figures that a budget may speak of, of a network of numbers; no figures where memory is not predicted."""
    try:
        found = footprint_of(graph, setup)
    except Opaque:
        return {}
    return {
        "saved_bytes": sum(found.saved.values()),
        "inference_peak": found.inference.live,
        "training_peak": found.training.live,
        "iteration_peak": found.iteration,
    }


def forms(graph: Graph, setup: TrainingSetup, sizes: Iterable[int]) -> dict[int, dict[str, int]]:
    """The same at several sizes, from closed forms in the one symbol that is free."""
    memory, asked = Memory(graph, setup), PeriodicSet.of(sizes)
    return {
        size: {name: whole.at(**{memory.symbol: size}) for name, whole in piece.figures(*piece.lines).items()}
        for piece in memory.pieces(asked)
        for size in sizes
        if piece.sizes and size in piece.sizes
    }


def differences(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> dict[str, int]:
    """Predicted less measured, in bytes, of everything but an optimizer's; accumulated gradients are there before."""
    found = footprint_of(graph, setup)
    nested = Running(generate(graph, checkpointed=setup.checkpointed), graph, "cpu", setup.autocast)
    flat = Running(generate(graph, flat=True), graph, "cpu", setup.autocast)
    inputs, standing = nested.inputs(), memory.standing(nested)
    return {
        "parameters": found.parameters - standing.parameters,
        "buffers": found.buffers - standing.buffers,
        "saved": sum(found.saved.values()) - saved.saved(nested, inputs).total,
        "inference": found.inference.live - memory.inference(flat, inputs).peak,
        "nested inference": found.nested.live - memory.inference(nested, inputs).peak,
        **in_training(found, nested),
    }


def peaks(graph: Graph) -> dict[str, int]:
    """Of the flat source alone: its peaks, and what is left after training."""
    found, flat = footprint_of(graph), Running(generate(graph, flat=True), graph, "cpu")
    return {"inference": found.inference.live - memory.inference(flat, flat.inputs()).peak, **in_training(found, flat)}


def in_training(found: Footprint, running: Running) -> dict[str, int]:
    before = found.gradients if found.setup.accumulate else 0
    trained = memory.training(running, running.inputs(), accumulate=found.setup.accumulate)
    return {
        "training": found.training.live - before - trained.peak,
        "left": found.left - before - trained.inputs - trained.seeds - trained.end,
    }
