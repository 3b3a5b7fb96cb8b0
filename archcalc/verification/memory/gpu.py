"""The same on a GPU: the history of CUDA's caching allocator, and its statistics.

Two witnesses are heard of one run. The history knows how many bytes were asked for; the profiler knows in which kernel,
but only the size of the block that was given. They tell of the same events in the same order, and are put together.

cuBLAS keeps a workspace for every thread in the caching allocator, made at the first matrix product and never released
(`CUBLAS_WORKSPACE_CONFIG`, where it is set before that, says how large). A run is recorded after one like it, so that
it is not among the events, nor in the peaks; `Usage.cublas` is its size. cuDNN's workspaces come and go in a kernel.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch

from archcalc.verification.memory.stream import AllocatorEvent, Usage, recorded

ALLOCATED, RELEASED = "alloc", "free_requested"
"""What the history calls the two events of a tensor; its others are of segments, and of releases that had to wait."""

ENTRIES = 1_000_000
"""For so many events the history has room."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A run on the GPU. `resolved`: whether the profiler saw the same events, so that kernels are known."""

    changes: tuple[AllocatorEvent, ...]
    resolved: bool
    usage: Usage


def recorded_on_gpu(run: Callable[[], object]) -> Recording:
    """Every event of the caching allocator during `run`, in bytes asked for."""
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
    """The events of a snapshot, in order; no kernel is known."""
    for entry in snapshot["device_traces"][device]:
        if entry["action"] == ALLOCATED:
            yield AllocatorEvent(entry["size"], entry["addr"])
        elif entry["action"] == RELEASED:
            yield AllocatorEvent(-entry["size"], entry["addr"])


def merged(asked: Sequence[AllocatorEvent], seen: Sequence[AllocatorEvent]) -> tuple[tuple[AllocatorEvent, ...], bool]:
    """The sizes of one witness with the kernels of the other; without kernels where the two do not agree."""
    same = [(each.address, each.size > 0) for each in asked] == [(each.address, each.size > 0) for each in seen]
    if not same:
        return tuple(asked), False
    return tuple(replace(kernel, size=size.size) for size, kernel in zip(asked, seen, strict=True)), True


def usage(before: Mapping[str, int], after: Mapping[str, int], held: int) -> Usage:
    """From the allocator's statistics at the beginning and at the end."""
    requested, allocated, reserved = (
        after[f"{kind}_bytes.all.peak"] - before[f"{kind}_bytes.all.current"]
        for kind in ("requested", "allocated", "reserved")
    )
    return Usage(requested, allocated, reserved, held)


def cublas() -> int:
    """The bytes that the workspaces of cuBLAS took, which are released."""
    clear = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
    if clear is None:
        return 0
    before = torch.cuda.memory_stats()["requested_bytes.all.current"]
    clear()
    return int(before - torch.cuda.memory_stats()["requested_bytes.all.current"])


def same_every_time() -> AbstractContextManager[None]:
    """cuDNN chooses algorithms by rule, and in float32: workspaces are then the same in every run."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags
