"""A model of CUDA's caching allocator: from requested bytes to allocated blocks and reserved device memory.

One stream, default settings. The segments that exist before a run have free blocks, which the run can use. Every
request is rounded up to 512 bytes and gets the smallest free block of its pool that is large enough; if there is
none, a segment is reserved on the device. The excess of a block is split off unless it is too small; a released block
merges with its free neighbours.

Source: PyTorch, c10/cuda/CUDACachingAllocator.cpp and c10/core/AllocatorConfig.h (the constants and their names).
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from operator import attrgetter

from archcalc.record import field, record
from archcalc.verification.memory.stream import BEFORE, Event

MIN_BLOCK_SIZE = 512
"""Block sizes are multiples of this."""

SMALL_SIZE = 2**20
"""The largest request for the pool of small blocks; a large block is split only if the excess is larger than this."""

SMALL_BUFFER = 2 * 2**20
"""The size of segments for small blocks."""

LARGE_BUFFER = 20 * 2**20
"""The size of segments for large requests below MIN_LARGE_ALLOC."""

MIN_LARGE_ALLOC = 10 * 2**20
"""Requests of at least this size get their own segment."""

ROUND_LARGE = 2 * 2**20
"""The sizes of these segments are multiples of this."""


@record
class Peaks:
    """The maximum bytes at any time: requested, allocated in blocks, reserved on the device."""

    requested: int
    allocated: int
    reserved: int


@record
class Segment:
    """Memory that is reserved before a run: its blocks in order, each with its size and whether it is in use.

    `small`: its pool.
    """

    small: bool
    blocks: tuple[tuple[int, bool], ...]


def peaks(events: Iterable[Event], before: Iterable[Segment] = ()) -> Peaks:
    """The peaks above the level at the start, where these segments exist. Releases of earlier allocations are
    ignored."""
    allocator, blocks = Allocator(), dict[int, Block]()
    for segment in before:
        allocator.begin_with(segment)
    most = Peaks(0, 0, 0)
    for event in events:
        if event.size > 0:
            blocks[event.block] = allocator.allocate(event.size)
        elif event.block != BEFORE:
            allocator.release(blocks.pop(event.block))
        most = Peaks(
            max(most.requested, allocator.requested),
            max(most.allocated, allocator.allocated),
            max(most.reserved, allocator.reserved),
        )
    return most


def rounded(size: int) -> int:
    """The size of the block for a request.

    >>> rounded(1), rounded(512), rounded(513)
    (512, 512, 1024)
    """
    return max(1, -(-size // MIN_BLOCK_SIZE)) * MIN_BLOCK_SIZE


def segment_for(size: int) -> int:
    """The size of a new segment for a block.

    >>> [segment_for(n * 2**20) // 2**20 for n in (1, 2, 9, 10, 11)]
    [2, 20, 20, 10, 12]
    """
    if size <= SMALL_SIZE:
        return SMALL_BUFFER
    return LARGE_BUFFER if size < MIN_LARGE_ALLOC else -(-size // ROUND_LARGE) * ROUND_LARGE


@record(frozen=False, eq=False)
class Block:
    """A piece of a segment, and its neighbours there. `small`: its pool; `requested`: 0 if it is free."""

    size: int
    address: int
    small: bool
    requested: int = 0
    before: "Block | None" = None
    after: "Block | None" = None


ORDER = attrgetter("size", "address")
"""The order of free blocks: the smallest first, then the lowest address."""


@record(frozen=False)
class Allocator:
    """Two pools of free blocks, small and large, and the current bytes."""

    requested: int = 0
    allocated: int = 0
    reserved: int = 0
    free: dict[bool, list[Block]] = field(default_factory=lambda: {True: [], False: []})
    start: int = 0
    """Where new segments begin: behind those from before."""

    def begin_with(self, segment: Segment) -> None:
        """Takes over a segment from before: none of it counts, and its free blocks can be used. Segments lie apart, so
        that their blocks are in the order of their addresses."""
        address, last = self.start, None
        for size, in_use in segment.blocks:
            block = Block(size, address, segment.small, requested=in_use, before=last)
            if last:
                last.after = block
            if not in_use:
                insort(self.free[segment.small], block, key=ORDER)
            address, last = address + size, block
        self.start = address

    def allocate(self, request: int) -> Block:
        """The smallest free block that is large enough, or a new segment; the excess is split off."""
        size = rounded(request)
        pool = self.free[size <= SMALL_SIZE]
        at = bisect_left(pool, (size, 0), key=ORDER)
        block = pool.pop(at) if at < len(pool) else self.segment(size)
        left = block.size - size
        if left >= MIN_BLOCK_SIZE if block.small else left > SMALL_SIZE:
            self.split(block, size)
        block.requested = request
        self.requested += request
        self.allocated += block.size
        return block

    def segment(self, size: int) -> Block:
        """A new segment; blocks never have neighbours in another segment."""
        new = segment_for(size)
        address = self.start + self.reserved
        self.reserved += new
        return Block(new, address, size <= SMALL_SIZE)

    def split(self, block: Block, size: int) -> None:
        """Cuts a block to a size; the rest becomes free."""
        rest = Block(block.size - size, block.address + size, block.small, before=block, after=block.after)
        if block.after:
            block.after.before = rest
        block.size, block.after = size, rest
        insort(self.free[block.small], rest, key=ORDER)

    def release(self, block: Block) -> None:
        """Frees a block, and merges it with free neighbours."""
        self.requested -= block.requested
        self.allocated -= block.size
        block.requested = 0
        if block.after and not block.after.requested:
            self.join(block, block.after, block.after)
        if block.before and not block.before.requested:
            before = block.before
            self.join(before, block, before)
            block = before
        insort(self.free[block.small], block, key=ORDER)

    def join(self, first: Block, second: Block, free: Block) -> None:
        """Merges two neighbours into one block; `free` is the one that is in its pool."""
        self.free[free.small].remove(free)
        first.size += second.size
        first.after = second.after
        if second.after:
            second.after.before = first
