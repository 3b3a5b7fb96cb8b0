"""Recording on a GPU: the history of CUDA's caching allocator, and its statistics.

There are two recordings of one run. The history has the requested bytes; the profiler has the kernel of each event, but
only the size of the allocated block. Both have the same events in the same order, and are merged.

cuBLAS keeps one workspace per thread in the caching allocator. It is allocated at the first matrix product and never
released; `CUBLAS_WORKSPACE_CONFIG`, if set before that, sets its size. A run is recorded after an identical one, so the
workspace is not in the events or the peaks; `Usage.cublas` is its size. cuDNN's workspaces live within a kernel.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from archcalc.record import record, replace
from archcalc.verification.memory.stream import AllocatorEvent, Usage, recorded

ALLOCATED, RELEASED = "alloc", "free_requested"
"""The history's names for the two events of a tensor; its other events are about segments and deferred releases."""

ENTRIES = 1_000_000
"""The maximum number of events in the history."""


@record
class Recording:
    """A recorded run on the GPU. `resolved`: whether the profiler has the same events, so that kernels are known."""

    changes: tuple[AllocatorEvent, ...]
    resolved: bool
    usage: Usage


def recorded_on_gpu(run: Callable[[], object]) -> Recording:
    """Every event of the caching allocator during `run`, in requested bytes."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_stats()
    torch.cuda.memory._record_memory_history(context=None, max_entries=ENTRIES)
    try:
        seen = recorded(run, "cuda")
        torch.cuda.synchronize()
        snapshot = torch.cuda.memory._snapshot()
    finally:
        torch.cuda.memory._record_memory_history(enabled=None)
    used = usage(before, torch.cuda.memory_stats(), cublas())
    changes, resolved = merged(tuple(history(snapshot, torch.cuda.current_device())), seen)
    return Recording(changes, resolved, used)


def history(snapshot: Mapping[str, Any], device: int) -> Iterator[AllocatorEvent]:
    """The events of a snapshot, in order, without kernels."""
    for entry in snapshot["device_traces"][device]:
        if entry["action"] == ALLOCATED:
            yield AllocatorEvent(entry["size"], entry["addr"])
        elif entry["action"] == RELEASED:
            yield AllocatorEvent(-entry["size"], entry["addr"])


def merged(asked: Sequence[AllocatorEvent], seen: Sequence[AllocatorEvent]) -> tuple[tuple[AllocatorEvent, ...], bool]:
    """The sizes of one recording with the kernels of the other; without kernels if the two disagree."""
    same = [(each.address, each.size > 0) for each in asked] == [(each.address, each.size > 0) for each in seen]
    if not same:
        return tuple(asked), False
    return tuple(replace(kernel, size=size.size) for size, kernel in zip(asked, seen, strict=True)), True


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


def same_every_time() -> AbstractContextManager[None]:
    """Makes cuDNN choose algorithms deterministically, without TF32, so that workspaces are the same in every run."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags
