"""Time on a device, between marks: by the CPU's clock, or by events in a GPU's stream."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any

import torch

from archcalc.record import record

HEAD_START = 100_000_000
"""Cycles that a GPU waits at the start of a measurement, about 50 ms. Meanwhile the CPU enqueues the work, so that the
work is measured and not the enqueueing; if enqueueing takes longer, it is included."""

PAUSE = 10_000_000
"""Cycles that a GPU waits between stretches of marks, about 5 ms."""

STRETCH = 40
"""Marks in a stretch: a GPU's queue holds about 1,000 launches, and a layer launches a few; when it is full, the CPU
waits, and what follows is measured with its enqueueing."""


@record
class Spread:
    """The median and the 10th and 90th percentiles of several samples of one quantity."""

    median: float
    p10: float
    p90: float


def spread(samples: Sequence[float]) -> Spread:
    """The spread by nearest rank: each of the three values is one of the samples.

    >>> spread([3.0, 1.0, 2.0]), spread(range(1, 11))
    (Spread(median=2.0, p10=1.0, p90=3.0), Spread(median=5, p10=1, p90=9))
    """
    ordered = sorted(samples)
    return Spread(*(ordered[max(0, -(-len(ordered) * percent // 100) - 1)] for percent in (50, 10, 90)))


class Clock(ABC):
    """The clock of a device."""

    @abstractmethod
    def start(self) -> Any:
        """The first mark, after all earlier work is done."""

    @abstractmethod
    def mark(self) -> Any:
        """A mark for the time when all work so far is done."""

    @abstractmethod
    def seconds(self, marks: Sequence[Any]) -> list[float]:
        """The seconds between each mark and the next."""


class CpuClock(Clock):
    """The CPU's clock: work is done when the call returns."""

    def start(self) -> float:
        return self.mark()

    def mark(self) -> float:
        return perf_counter()

    def seconds(self, marks: Sequence[float]) -> list[float]:
        return [after - before for before, after in pairwise(marks)]


@record
class CudaMark:
    """The event at which work so far is done, and the one after which the next work begins: after a pause, another."""

    done: Any
    next: Any


class CudaClock(Clock):
    """A GPU's events, which are recorded in the order of its work, with a resolution of half a microsecond."""

    def __init__(self) -> None:
        self.marks = 0

    def start(self) -> CudaMark:
        torch.cuda.synchronize()
        self.marks = 0
        sleep(HEAD_START)
        event = recorded()
        return CudaMark(event, event)

    def mark(self) -> CudaMark:
        self.marks += 1
        event = recorded()
        if self.marks % STRETCH:
            return CudaMark(event, event)
        torch.cuda.synchronize()
        sleep(PAUSE)
        return CudaMark(event, recorded())

    def seconds(self, marks: Sequence[CudaMark]) -> list[float]:
        torch.cuda.synchronize()
        return [before.next.elapsed_time(after.done) / 1000 for before, after in pairwise(marks)]


def recorded() -> Any:
    """An event in the stream."""
    made: Callable[..., Any] = torch.cuda.Event
    event = made(enable_timing=True)
    event.record()
    return event


def sleep(cycles: int) -> None:
    """Lets the GPU wait."""
    wait: Callable[[int], None] = torch.cuda._sleep
    wait(cycles)


def clock_of(device: str) -> Clock:
    return CudaClock() if device == "cuda" else CpuClock()


def timed(call: Callable[[], object], clock: Clock, runs: int) -> list[float]:
    """The seconds of a call, for each of several runs."""
    return [once(call, clock) for _ in range(runs)]


def once(call: Callable[[], object], clock: Clock) -> float:
    first = clock.start()
    call()
    [taken] = clock.seconds([first, clock.mark()])
    return taken
