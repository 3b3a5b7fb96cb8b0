"""A recorded run, as it was seen: from it every figure of the run is computed, then or later, on any machine."""

from functools import cached_property

from archcalc.record import record
from archcalc.verification.memory.allocator import Segment
from archcalc.verification.memory.matching import matched
from archcalc.verification.memory.stream import AllocatorEvent, Stream, Usage, events


@record(slots=False)
class Recording:
    """The events of one run.

    `seen`: those of the profiler, with kernels. On a GPU also: `asked`, those of the allocator's own history, in
    requested bytes; `usage`, its statistics; `segments`, what was reserved before the run; `settings`, what differs
    from its defaults. `inputs`, `seeds`: the bytes of the inputs and of the initial gradients, which exist before.
    """

    seen: tuple[AllocatorEvent, ...]
    asked: tuple[AllocatorEvent, ...] = ()
    usage: Usage | None = None
    segments: tuple[Segment, ...] = ()
    settings: str = ""
    inputs: int = 0
    seeds: int = 0

    @cached_property
    def stream(self) -> Stream:
        """Its events, numbered, each with its kernel where that is known."""
        changes = matched(self.asked, self.seen) if self.usage else self.seen
        return Stream(events(changes), self.inputs, self.seeds, self.usage)
