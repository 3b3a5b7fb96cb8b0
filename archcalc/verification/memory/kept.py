"""A measurement as plain values, and back: what a GPU did can be compared with later predictions, on any machine."""

from collections.abc import Sequence
from typing import Any

from archcalc.record import fields
from archcalc.verification.memory.allocator import Segment
from archcalc.verification.memory.measurement import Measurement
from archcalc.verification.memory.recording import Recording
from archcalc.verification.memory.stream import AllocatorEvent, Usage

RUNS = ("inference", "flat", "training", "iteration")
"""The recordings of a measurement."""


def plain(measurement: Measurement) -> dict[str, Any]:
    """A measurement as values that JSON has."""
    found: dict[str, Any] = {each.name: getattr(measurement, each.name) for each in fields(Measurement)}
    return found | {name: found[name] and of_recording(found[name]) for name in RUNS}


def measurement_from(kept: dict[str, Any]) -> Measurement:
    """The measurement that was kept."""
    return Measurement(**kept | {name: kept[name] and recording_from(kept[name]) for name in RUNS})


def of_recording(recording: Recording) -> dict[str, Any]:
    usage = recording.usage
    return {
        "seen": columns(recording.seen),
        "asked": columns(recording.asked),
        "usage": usage and [usage.requested, usage.allocated, usage.reserved, usage.cublas],
        "segments": [[each.small, each.blocks] for each in recording.segments],
        "settings": recording.settings,
        "inputs": recording.inputs,
        "seeds": recording.seeds,
    }


def recording_from(kept: dict[str, Any]) -> Recording:
    segments = (Segment(small, tuple((size, used) for size, used in blocks)) for small, blocks in kept["segments"])
    own = {
        "seen": tuple(rows(kept["seen"])),
        "asked": tuple(rows(kept["asked"])),
        "usage": kept["usage"] and Usage(*kept["usage"]),
        "segments": tuple(segments),
    }
    return Recording(**kept | own)


def columns(events: Sequence[AllocatorEvent]) -> dict[str, Any]:
    """Events by field, which compresses to a tenth; kernels are numbered."""
    kernels = list(dict.fromkeys(each.kernel for each in events))
    number = {name: i for i, name in enumerate(kernels)}
    return {
        "size": [each.size for each in events],
        "address": [each.address for each in events],
        "kernel": [number[each.kernel] for each in events],
        "run": [each.run for each in events],
        "kernels": kernels,
    }


def rows(kept: dict[str, Any]) -> list[AllocatorEvent]:
    """The events of columns."""
    parts = zip(kept["size"], kept["address"], kept["kernel"], kept["run"], strict=True)
    return [AllocatorEvent(size, address, kept["kernels"][kernel], run) for size, address, kernel, run in parts]
