"""The events of an allocator, in order: every allocation and release of a run, with its kernel.

The events come from the allocator itself, through the profiler of `torch.autograd`; that of `torch.profiler`, which
uses it, loads torch's compiler first. Nothing is sampled, and recording does not extend the life of tensors. (Under a
`TorchDispatchMode`, autograd does not add gradients in place, which changes the peak.)
"""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from itertools import accumulate
from operator import itemgetter
from typing import Any

import torch
from torch.autograd.profiler import profile

from archcalc.graph.loading import gc_paused
from archcalc.record import record

BEFORE = -1
"""The block number of a release whose allocation was before the run."""


@record
class Event:
    """One allocation (`size` in bytes, above 0) or release (below 0).

    `block`: the number of the allocation in the run, from 0. `kernel`: the kernel of the event, "" between kernels.
    `workspace`: whether a kernel allocates and releases it in one run, so that it holds no tensor. `known`: whether it
    is known in which run of which kernel the block is allocated and released.
    """

    size: int
    block: int = BEFORE
    kernel: str = ""
    workspace: bool = False
    known: bool = True


@record
class Usage:
    """Statistics of CUDA's caching allocator for a run: the peak bytes above the level at its start.

    `requested`: requested by tensors; `allocated`: in blocks; `reserved`: reserved on the device. `cublas`: the bytes
    of cuBLAS's workspaces, which are not in the others.
    """

    requested: int
    allocated: int
    reserved: int
    cublas: int = 0


@record(slots=False)
class Stream:
    """All events of a run, and its peaks, in bytes above the level at its start.

    At the start these exist: parameters and buffers; optimizer state and earlier gradients; the inputs and the initial
    gradients of the outputs. The last two belong to the run: `inputs` and `seeds` are their bytes. `peak` includes
    them, because they live throughout the run; the other figures do not.

    Blocks whose kernels are unknown count as tensors in `peak`, and as workspaces in `least`. `usage`: the statistics
    of a GPU's allocator.
    """

    events: tuple[Event, ...]
    inputs: int = 0
    seeds: int = 0
    usage: Usage | None = None

    @cached_property
    def resolved(self) -> bool:
        """Whether all kernels are known."""
        return all(event.known for event in self.events)

    @cached_property
    def raw_peak(self) -> int:
        """The peak including workspaces."""
        return highest(event.size for event in self.events)

    @cached_property
    def logical_peak(self) -> int:
        """The peak of tensors, without workspaces."""
        return highest(event.size for event in self.events if not event.workspace)

    @property
    def peak(self) -> int:
        """The peak of tensors, including the inputs and the initial gradients."""
        return self.logical_peak + self.inputs + self.seeds

    @property
    def least(self) -> int:
        """The same, if all that may be workspaces are."""
        tensors = highest(event.size for event in self.events if event.known and not event.workspace)
        return tensors + self.inputs + self.seeds

    @property
    def end(self) -> int:
        """The bytes left after the run, when its outputs are released: gradients."""
        return sum(event.size for event in self.events)

    @property
    def allocations(self) -> tuple[int, ...]:
        """The sizes of the storages of tensors, in order."""
        return tuple(event.size for event in self.events if event.size > 0 and not event.workspace)

    @property
    def workspaces(self) -> dict[str, tuple[int, ...]]:
        """The sizes of workspaces by kernel, in order."""
        found: dict[str, tuple[int, ...]] = {}
        for event in self.events:
            if event.workspace and event.size > 0:
                found[event.kernel] = (*found.get(event.kernel, ()), event.size)
        return found


def highest(changes: Iterable[int]) -> int:
    """The highest level after these changes, starting from 0.

    >>> highest([3, 4, -3, 2, -6])
    7
    """
    return max(accumulate(changes, initial=0))


# --- recording -------------------------------------------------------------------------------------------------------


@record
class AllocatorEvent:
    """An event of an allocator. `run` identifies one run of a kernel; 0 is outside kernels. `known`: whether `run` is
    known."""

    size: int
    address: int
    kernel: str = ""
    run: int = 0
    known: bool = True


def recorded(run: Callable[[], object], device: str = "cpu", *, autocast: bool = False) -> tuple[AllocatorEvent, ...]:
    """Every event of a device's allocator during `run`, in order; for CUDA, sizes are block sizes.

    The profiler knows only the sizes of allocations it saw, so `run` must not release anything older, and nothing older
    is collected.
    """
    with gc_paused(), without_messages(), profile(profile_memory=True) as profiler:
        run()
    results: Any = profiler.kineto_results
    return tuple(changes(results.experimental_event_tree(), device, autocast))


@contextmanager
def without_messages() -> Iterator[None]:
    """Silences the profiler's library, which logs start and end to stderr unless disabled before its first use."""
    name = "KINETO_LOG_LEVEL"
    is_set = name in os.environ
    os.environ.setdefault(name, "99")
    try:
        yield
    finally:
        if not is_set:
            del os.environ[name]


def changes(roots: Sequence[Any], device: str, autocast: bool = False) -> Iterator[AllocatorEvent]:
    """The memory events of a tree of operators, each with the outermost kernel that was running.

    Outermost kernels never overlap. The events of a kernel may be on other threads, so they are matched by time.
    """
    found, spans = flattened(roots, device, autocast)
    starts = [start for start, _, _ in spans]
    for time, size, address in found:
        run = bisect_right(starts, time)
        inside = run > 0 and time <= spans[run - 1][1]
        yield AllocatorEvent(size, address, spans[run - 1][2], run) if inside else AllocatorEvent(size, address)


def flattened(
    roots: Sequence[Any], device: str, autocast: bool
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, str]]]:
    """The memory events of a tree (when, size, address) and its outermost kernels (from, to, name), in order."""
    found, spans = [], []
    todo = [(root, False) for root in roots]
    while todo:
        node, inside = todo.pop()
        if node.tag.name == "Allocation":
            if node.extra_fields.device.type == device:
                found.append((node.start_time_ns, node.extra_fields.alloc_size, node.extra_fields.ptr))
            continue
        if not inside and is_kernel(node.name) and not (autocast and casts_first(node)):
            spans.append((node.start_time_ns, node.end_time_ns, node.name))
            inside = True
        todo += [(child, inside) for child in node.children]
    return sorted(found, key=itemgetter(0)), sorted(spans)


def events(changes: Sequence[AllocatorEvent]) -> tuple[Event, ...]:
    """Numbers the events, and marks workspaces: allocated and released in one run of a kernel.

    Of a release that no kernel is known for, it is enough to know that another run has begun since the allocation.
    """
    alive: dict[int, tuple[int, AllocatorEvent]] = {}
    blocks: list[int] = []
    workspaces: set[int] = set()
    unknown: set[int] = set()
    count = run = 0
    for change in changes:
        run = change.run if change.known else run
        if change.size > 0:
            alive[change.address] = (count, change)
            blocks.append(count)
            unknown |= set() if change.known else {count}
            count += 1
            continue
        block, born = alive.pop(change.address, (BEFORE, None))
        blocks.append(block)
        if born and born.known and born.run == run != 0:
            (workspaces if change.known else unknown).add(block)
    return tuple(
        Event(change.size, block, change.kernel, block in workspaces, block not in unknown)
        for change, block in zip(changes, blocks, strict=True)
    )


def casts_first(node: Any) -> bool:
    """Whether an operator casts something and calls another one of its name, as autocast's wrappers do. What only calls
    another one of its name, as a division by a number does, is one kernel with it."""
    called = {child.name for child in node.children}
    return node.name in called and not called.isdisjoint({"aten::to", "aten::_to_copy"})


# --- kernels ---------------------------------------------------------------------------------------------------------


@cache
def is_kernel(name: str) -> bool:
    """Whether an operator computes, instead of only calling others; autograd makes the same distinction.

    `aten::max_pool2d` is not a kernel: it only calls `aten::max_pool2d_with_indices`, which is one, and the indices it
    then drops are a tensor of the network. `aten::convolution` is a kernel, whichever library does the work.
    """
    space, _, word = name.partition("::")
    packet = getattr(torch.ops.aten, word, None) if space == "aten" else None
    if packet is None:
        return False
    overloads = [each for each in packet.overloads() if not each.endswith("out")]
    operators = [name if each == "default" else f"{name}.{each}" for each in overloads]
    own = [each for each in operators if torch._C._dispatch_has_kernel(each)]
    return not own or not all(map(only_calls, own))


def only_calls(operator: str) -> bool:
    """Whether an operator has neither its own kernel nor a derivative."""
    has: Callable[[str, str], bool] = torch._C._dispatch_has_kernel_for_dispatch_key
    return has(operator, "CompositeImplicitAutograd") and not has(operator, "CPU")
