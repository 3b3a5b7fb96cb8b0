"""Predicted minus measured memory on the CPU, in bytes, for every figure."""

import pytest

from archcalc.codegen import generate
from archcalc.graph.graph import Graph
from archcalc.memory.footprint import Footprint, Opaque, footprint_of
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.verification.memory import measured as memory
from archcalc.verification.memory import saved
from archcalc.verification.network import SHARE, free_memory
from archcalc.verification.trace import Running


def predicted(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> Footprint:
    """The predicted footprint; skips networks that are not predicted or that need more than the free memory."""
    try:
        found = footprint_of(graph, setup)
    except Opaque as opaque:
        pytest.skip(str(opaque))
    if found.iteration > SHARE * (free := free_memory("cpu")):
        pytest.skip(f"needs {found.iteration / 2**30:.1f} GiB, but only {free / 2**30:.1f} GiB are free")
    return found


def differences(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> dict[str, int]:
    """Predicted minus measured bytes of all figures without an optimizer; accumulated gradients exist before."""
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
    """For the flat source only: its peaks, and what is left after training."""
    found, flat = footprint_of(graph), Running(generate(graph, flat=True), graph, "cpu")
    return {"inference": found.inference.live - memory.inference(flat, flat.inputs()).peak, **in_training(found, flat)}


def in_training(found: Footprint, running: Running) -> dict[str, int]:
    before = found.gradients if found.setup.accumulate else 0
    trained = memory.training(running, running.inputs(), accumulate=found.setup.accumulate)
    return {
        "training": found.training.live - before - trained.peak,
        "left": found.left - before - trained.inputs - trained.seeds - trained.end,
    }
