"""Two recordings of one run on a GPU: the allocator's history, which knows what was asked for, and the profiler's,
which knows the kernels.

Both see every allocation. The profiler can miss a release, on a thread that it does not watch, and can see the events
of two threads in another order. So they are matched address by address, where the lives of blocks follow each other.
"""

from collections.abc import Iterator, Sequence

from archcalc.record import record, replace
from archcalc.verification.memory.stream import AllocatorEvent


@record
class Life:
    """Where one block is allocated and released in a recording; None before or after it, or if it was not seen."""

    born: int | None
    died: int | None


def matched(asked: Sequence[AllocatorEvent], seen: Sequence[AllocatorEvent]) -> tuple[AllocatorEvent, ...]:
    """The events that were asked for, each with its kernel; `known` says whether that was found.

    A release that was not seen belongs to the run of a kernel that both its neighbours belong to.
    """
    kernels: list[AllocatorEvent | None] = [None] * len(asked)
    other = lives(seen)
    for address, mine in lives(asked).items():
        for life, its in pairs(mine, other.get(address, [])):
            for here, there in ((life.born, its.born), (life.died, its.died)):
                if here is not None and there is not None:
                    kernels[here] = seen[there]
    return tuple(
        replace(event, kernel=found.kernel, run=found.run) if found else replace(event, known=False)
        for event, found in zip(asked, between(kernels), strict=True)
    )


def lives(events: Sequence[AllocatorEvent]) -> dict[int, list[Life]]:
    """The blocks at each address, in order."""
    found: dict[int, list[Life]] = {}
    for at, event in enumerate(events):
        here = found.setdefault(event.address, [])
        if event.size > 0:
            here.append(Life(at, None))
        elif here and here[-1].died is None:
            here[-1] = replace(here[-1], died=at)
        else:
            here.append(Life(None, at))
    return found


def pairs(mine: Sequence[Life], other: Sequence[Life]) -> Iterator[tuple[Life, Life]]:
    """Blocks at one address in both recordings: in order, if both have as many that begin in the run."""
    begun = [[life for life in each if life.born is not None] for each in (mine, other)]
    if len(begun[0]) == len(begun[1]):
        yield from zip(*begun, strict=True)
        older = [[life for life in each if life.born is None] for each in (mine, other)]
        yield from zip(*older, strict=False)


def between(kernels: Sequence[AllocatorEvent | None]) -> list[AllocatorEvent | None]:
    """What is known of each event; of one that is not, the run that the known ones before and after it share."""
    after = latest(kernels[::-1])[::-1]
    return [
        each or (last if last and next_ and last.run == next_.run != 0 else None)
        for each, last, next_ in zip(kernels, latest(kernels), after, strict=True)
    ]


def latest(kernels: Sequence[AllocatorEvent | None]) -> list[AllocatorEvent | None]:
    """For each event, the last one so far of which something is known."""
    found: list[AllocatorEvent | None] = []
    for each in kernels:
        found.append(each or (found[-1] if found else None))
    return found
