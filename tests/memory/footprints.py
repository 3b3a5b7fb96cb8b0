"""Predicted minus measured memory on the CPU, in bytes, for every figure.

If no machine is named, memory is predicted for the one that the tests run on: processors differ in their kernels.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

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
from archcalc.verification.processor import machine_here
from archcalc.verification.trace import Running


def here(setup: TrainingSetup = DEFAULT_SETUP) -> TrainingSetup:
    """On the machine that it names, or else on this one; skips where nothing is predicted."""
    machine = setup.machine or machine_here()
    if machine.unread:
        pytest.skip(f"memory is not predicted on {machine.name}: {machine.unread}")
    return replace(setup, machine=machine)


def predicted(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> Footprint:
    """The predicted footprint; skips networks that are not predicted or that need more than the free memory."""
    try:
        found = footprint_of(graph, here(setup))
    except Opaque as opaque:
        pytest.skip(str(opaque))
    if found.iteration > SHARE * (free := free_memory("cpu")):
        pytest.skip(f"needs {found.iteration / 2**30:.1f} GiB, but only {free / 2**30:.1f} GiB are free")
    return found


def numbers(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> dict[str, int]:
    """The figures that a budget can name, of a network of numbers; no figures where memory is not predicted."""
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
    """Predicted minus measured bytes of all figures without an optimizer; accumulated gradients exist before."""
    found = figures(footprint_of(graph, here(setup)))
    return {name: found[name] - nbytes for name, nbytes in measured(graph, setup).items()}


FIGURES: dict[str, Callable[[Footprint], int]] = {
    "parameters": lambda found: found.parameters,
    "buffers": lambda found: found.buffers,
    "saved": lambda found: sum(found.saved.values()),
    "inference": lambda found: found.inference.live,
    "nested inference": lambda found: found.nested.live,
    "training": lambda found: found.training.live - before(found),
    "left": lambda found: found.left - before(found),
}


def figures(found: Footprint) -> dict[str, int]:
    """The predicted bytes."""
    return {name: figure(found) for name, figure in FIGURES.items()}


def before(found: Footprint) -> int:
    """Gradients of an earlier pass, which a run of one pass does not show."""
    return found.gradients if found.setup.accumulate else 0


def measured(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> dict[str, int]:
    """The measured bytes."""
    nested = Running(generate(graph, checkpointed=setup.checkpointed), graph, "cpu", setup.autocast)
    flat = Running(generate(graph, flat=True), graph, "cpu", setup.autocast)
    inputs, standing = nested.inputs(), memory.standing(nested)
    return {
        "parameters": standing.parameters,
        "buffers": standing.buffers,
        "saved": saved.saved(nested, inputs).total,
        "inference": memory.inference(flat, inputs).stream.peak,
        "nested inference": memory.inference(nested, inputs).stream.peak,
        **in_training(nested, setup),
    }


def peaks(graph: Graph) -> dict[str, int]:
    """For the flat source only: its peaks, and what is left after training."""
    found, flat = figures(footprint_of(graph, here())), Running(generate(graph, flat=True), graph, "cpu")
    taken = {"inference": memory.inference(flat, flat.inputs()).stream.peak, **in_training(flat)}
    return {name: found[name] - nbytes for name, nbytes in taken.items()}


def in_training(running: Running, setup: TrainingSetup = DEFAULT_SETUP) -> dict[str, int]:
    trained = memory.training(running, running.inputs(), accumulate=setup.accumulate).stream
    return {"training": trained.peak, "left": trained.inputs + trained.seeds + trained.end}
