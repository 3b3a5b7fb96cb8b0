"""Memory as it is predicted against memory as it is taken on the CPU: by how many bytes each figure is off."""

from archcalc.codegen import generate
from archcalc.footprint import footprint_of
from archcalc.graph import Graph
from archcalc.practice import BARE, Practice
from archcalc.verify import memory, saved
from archcalc.verify.trace import Running


def differences(graph: Graph, practice: Practice = BARE) -> dict[str, int]:
    """Predicted less measured, in bytes, of everything but an optimizer's; accumulated gradients are there before."""
    found = footprint_of(graph, practice)
    nested = Running(generate(graph, checkpointed=practice.checkpointed), graph, "cpu", practice.autocast)
    flat = Running(generate(graph, flat=True), graph, "cpu", practice.autocast)
    inputs, standing = nested.inputs(), memory.standing(nested)
    before = found.gradients if practice.accumulate else 0
    trained = memory.training(nested, inputs, accumulate=practice.accumulate)
    return {
        "parameters": found.parameters - standing.parameters,
        "buffers": found.buffers - standing.buffers,
        "saved": sum(found.saved.values()) - saved.saved(nested, inputs).total,
        "inference": found.inference.live - memory.inference(flat, inputs).peak,
        "nested inference": found.nested.live - memory.inference(nested, inputs).peak,
        "training": found.training.live - before - trained.peak,
        "left": found.left - before - trained.inputs - trained.seeds - trained.end,
    }
