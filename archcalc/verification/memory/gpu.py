"""Recording on a GPU: the history of CUDA's caching allocator, and its statistics.

There are two recordings of one run. The history has the requested bytes; the profiler has the kernel of each event, but
only the size of the allocated block (see matching.py).

cuBLAS keeps one workspace per thread in the caching allocator. It is allocated at the first matrix product and never
released; `CUBLAS_WORKSPACE_CONFIG`, if set before that, sets its size. A run is recorded after an identical one, so the
workspace is not in the events or the peaks; `Usage.cublas` is its size. cuDNN's workspaces live within a kernel.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

import torch

from archcalc.verification.memory.allocator import Segment
from archcalc.verification.memory.recording import Recording
from archcalc.verification.memory.stream import AllocatorEvent, Usage, recorded

ALLOCATED, RELEASED = "alloc", "free_requested"
"""The history's names for the two events of a tensor; its other events are about segments and deferred releases."""

FREE = "inactive"
"""The snapshot's name for the state of a block that can be used."""

ENTRIES = 1_000_000
"""The maximum number of events in the history."""


def recorded_on_gpu(run: Callable[[], object]) -> Recording:
    """Every event of the caching allocator during `run`, in requested bytes and with kernels."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before, segments = torch.cuda.memory_stats(), standing_segments(torch.cuda.memory._snapshot()["segments"])
    torch.cuda.memory._record_memory_history(context=None, max_entries=ENTRIES)
    try:
        seen = recorded(run, "cuda")
        torch.cuda.synchronize()
        snapshot = torch.cuda.memory._snapshot()
    finally:
        torch.cuda.memory._record_memory_history(enabled=None)
    used = usage(before, torch.cuda.memory_stats(), cublas())
    return Recording(seen, tuple(history(snapshot, torch.cuda.current_device())), used, segments, settings())


def settings() -> str:
    """The settings of the allocator that are not its default ones, as the environment has them."""
    names = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
    return next((f"{name}={os.environ[name]}" for name in names if os.environ.get(name)), "")


def standing_segments(segments: Iterable[Mapping[str, Any]]) -> tuple[Segment, ...]:
    """The segments of a snapshot, in the order of their addresses."""
    return tuple(
        Segment(
            each["segment_type"] == "small",
            tuple((block["size"], block["state"] != FREE) for block in each["blocks"]),
        )
        for each in sorted(segments, key=itemgetter("address"))
    )


def history(snapshot: Mapping[str, Any], device: int) -> Iterator[AllocatorEvent]:
    """The events of a snapshot, in order, without kernels."""
    for entry in snapshot["device_traces"][device]:
        if entry["action"] == ALLOCATED:
            yield AllocatorEvent(entry["size"], entry["addr"])
        elif entry["action"] == RELEASED:
            yield AllocatorEvent(-entry["size"], entry["addr"])


def usage(before: Mapping[str, int], after: Mapping[str, int], held: int) -> Usage:
    """The usage, from the allocator's statistics at the start and at the end."""
    requested, allocated, reserved = (
        after[f"{kind}_bytes.all.peak"] - before[f"{kind}_bytes.all.current"]
        for kind in ("requested", "allocated", "reserved")
    )
    return Usage(requested, allocated, reserved, held)


def cublas() -> int:
    """Releases the workspaces of cuBLAS; returns their bytes."""
    clear = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
    if clear is None:
        return 0
    before = torch.cuda.memory_stats()["requested_bytes.all.current"]
    clear()
    return int(before - torch.cuda.memory_stats()["requested_bytes.all.current"])
