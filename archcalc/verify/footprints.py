"""Memory as it is predicted against memory as it is taken: rows of a real run on the CPU."""

from collections.abc import Iterator

from archcalc.codegen import generate
from archcalc.footprint import Footprint, Opaque, footprint
from archcalc.graph import Graph
from archcalc.verify.memory import inference, training
from archcalc.verify.row import CPU, Row, compared, total
from archcalc.verify.saved import saved
from archcalc.verify.trace import Running


def footprints(graph: Graph, running: Running, at: str, room: float) -> Iterator[Row]:
    """What is kept for backward, layer by layer; peaks of inference, of this text and of the flat one, and of training.

    Peaks are those of tensors: what kernels allocate for themselves and release again is no part of them. What would
    take more than `room`, as predicted, is not run.
    """
    try:
        found = footprint(graph)
    except Opaque as opaque:
        yield Row("memory", CPU, at, "not predicted", "not measured", None, (str(opaque),))
        return
    if (needed := found.parameters + found.training.live) > room:
        yield Row("memory", CPU, at, found.training.live, f"not run: it takes {needed / 2**30:.1f} GiB", None)
        return
    inputs = running.inputs()
    kept = saved(running, inputs)
    predicted = {node.name: found.saved.get(node.name, 0) for node in graph}
    measured = {node.name: kept.by_layer.get(node.name, 0) for node in graph}
    yield compared("kept for backward, by layer", CPU, at, predicted, measured, "layer")
    yield total("bytes kept for backward", CPU, at, sum(found.saved.values()), kept.total)
    yield from peaks(found, graph, running, at)


def peaks(found: Footprint, graph: Graph, running: Running, at: str) -> Iterator[Row]:
    inputs = running.inputs()
    flat = Running(generate(graph, flat=True), graph, running.device)
    yield total("peak of inference, bytes", CPU, at, found.nested.live, inference(running, inputs).peak)
    yield total("the same of flat source", CPU, at, found.inference.live, inference(flat, inputs).peak)
    yield total("peak of training, bytes", CPU, at, found.training.live, training(running, inputs).peak)
