"""What an allocator did, in order: every allocation and release of a run, with the kernel that it happened in.

The allocator itself tells, through the memory events of `torch.profiler`: nothing is sampled, and nothing lives longer
because it is looked at. (Under a `TorchDispatchMode` autograd does not add gradients in place: another peak.)
"""

import gc
import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from operator import itemgetter
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

BEFORE = -1
"""The block of a release whose allocation was before the run."""


@dataclass(frozen=True, slots=True)
class Event:
    """One allocation (`size` in bytes, above 0) or release (below 0).

    `block`: which allocation of the run it is, or releases; from 0 in order. `kernel`: the kernel in which it happened,
    "" between kernels. `workspace`: whether one run of a kernel both allocates and releases it: no tensor is in it.
    """

    size: int
    block: int = BEFORE
    kernel: str = ""
    workspace: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What CUDA's caching allocator says of a run: the most bytes above those it had given as the run began.

    `requested`: asked for; `allocated`: in the blocks given; `reserved`: had from the device, above what it had.
    `cublas`: what cuBLAS holds, which is in none of the others.
    """

    requested: int
    allocated: int
    reserved: int
    cublas: int = 0


@dataclass(frozen=True)
class Stream:
    """All events of a run, and what they come to, in bytes above what was allocated as it began.

    That is: parameters and buffers; states of an optimizer, and gradients that are kept from before; the inputs and the
    gradients of the outputs that the backward pass begins with. The last two belong to the run: `inputs` and `seeds`
    are their bytes, which `peak` counts, as they live from its beginning to its end, and the other figures do not.

    `resolved`: whether kernels are known; where they are not, workspaces count as tensors. `usage`: of a GPU, what its
    allocator says.
    """

    events: tuple[Event, ...]
    inputs: int = 0
    seeds: int = 0
    resolved: bool = True
    usage: Usage | None = None

    @cached_property
    def raw_peak(self) -> int:
        """The most that the allocator alive, workspaces among it."""
        return highest(event.size for event in self.events)

    @cached_property
    def logical_peak(self) -> int:
        """The most that tensors alive: the peak without workspaces."""
        return highest(event.size for event in self.events if not event.workspace)

    @property
    def peak(self) -> int:
        """The most that tensors alive, the inputs and the gradients of the outputs among them."""
        return self.logical_peak + self.inputs + self.seeds

    @property
    def end(self) -> int:
        """What is left when the run has ended and its outputs are gone: gradients."""
        return sum(event.size for event in self.events)

    @property
    def allocations(self) -> tuple[int, ...]:
        """The sizes of what tensors are in, in order."""
        return tuple(event.size for event in self.events if event.size > 0 and not event.workspace)

    @property
    def workspaces(self) -> dict[str, tuple[int, ...]]:
        """The sizes of the workspaces of every kernel, in order."""
        found: dict[str, tuple[int, ...]] = {}
        for event in self.events:
            if event.workspace and event.size > 0:
                found[event.kernel] = (*found.get(event.kernel, ()), event.size)
        return found


def highest(changes: Iterable[int]) -> int:
    """The highest level that changes lead to, from 0.

    >>> highest([3, 4, -3, 2, -6])
    7
    """
    return max(accumulate(changes, initial=0))


# --- recording -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AllocatorEvent:
    """An event as the profiler has it. `run` tells one run of a kernel from all others; 0 is outside of kernels."""

    size: int
    address: int
    kernel: str = ""
    run: int = 0


def recorded(run: Callable[[], object], device: str = "cpu", *, autocast: bool = False) -> tuple[AllocatorEvent, ...]:
    """Every event of a device's allocator during `run`, in order; of CUDA's, sizes are those of its blocks.

    The profiler knows the sizes only of what it saw being allocated, so `run` must release nothing older.
    """
    gc.collect()
    gc.disable()
    try:
        with without_messages(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            run()
    finally:
        gc.enable()
    results: Any = profiler.profiler.kineto_results
    return tuple(changes(results.experimental_event_tree(), device, autocast))


@contextmanager
def without_messages() -> Iterator[None]:
    """The profiler's library says on stderr that it begins and ends, unless told not to before it is first used."""
    name = "KINETO_LOG_LEVEL"
    told = name in os.environ
    os.environ.setdefault(name, "99")
    try:
        yield
    finally:
        if not told:
            del os.environ[name]


def changes(roots: Sequence[Any], device: str, autocast: bool = False) -> Iterator[AllocatorEvent]:
    """The memory events of a tree of operators, each with the outermost kernel that ran at the time.

    No two outermost kernels run at once; a kernel's events may be on threads of its own, so that only time tells.
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
        if not inside and is_kernel(node.name) and not (autocast and calls_itself(node)):
            spans.append((node.start_time_ns, node.end_time_ns, node.name))
            inside = True
        todo += [(child, inside) for child in node.children]
    return sorted(found, key=itemgetter(0)), sorted(spans)


def events(changes: Sequence[AllocatorEvent]) -> tuple[Event, ...]:
    """Numbered, and those told apart that one run of a kernel both allocates and releases."""
    alive: dict[int, tuple[int, AllocatorEvent]] = {}
    blocks: list[int] = []
    workspaces: set[int] = set()
    count = 0
    for change in changes:
        if change.size > 0:
            alive[change.address] = (count, change)
            blocks.append(count)
            count += 1
            continue
        block, born = alive.pop(change.address, (BEFORE, None))
        blocks.append(block)
        if born and born.run == change.run != 0:
            workspaces.add(block)
    return tuple(
        Event(change.size, block, change.kernel, block in workspaces)
        for change, block in zip(changes, blocks, strict=True)
    )


def calls_itself(node: Any) -> bool:
    """Whether an operator calls the one of its own name: under autocast, which casts what goes in, and calls on."""
    return any(child.name == node.name for child in node.children)


# --- kernels ---------------------------------------------------------------------------------------------------------


@cache
def is_kernel(name: str) -> bool:
    """Whether an operator computes, rather than only call others that do, as autograd too sees it.

    `aten::max_pool2d` is no kernel: all it does is call `aten::max_pool2d_with_indices`, which is, and the indices that
    it then drops are a tensor of the network. `aten::convolution` is one, whichever library does its work.
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
    """Whether an operator has neither a kernel of its own nor a derivative."""
    has: Callable[[str, str], bool] = torch._C._dispatch_has_kernel_for_dispatch_key
    return has(operator, "CompositeImplicitAutograd") and not has(operator, "CPU")
