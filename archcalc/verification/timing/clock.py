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


class CudaClock(Clock):
    """A GPU's events, which are recorded in the order of its work, with a resolution of half a microsecond."""

    def start(self) -> Any:
        torch.cuda.synchronize()
        sleep: Callable[[int], None] = torch.cuda._sleep
        sleep(HEAD_START)
        return self.mark()

    def mark(self) -> Any:
        made: Callable[..., Any] = torch.cuda.Event
        event = made(enable_timing=True)
        event.record()
        return event

    def seconds(self, marks: Sequence[Any]) -> list[float]:
        torch.cuda.synchronize()
        return [before.elapsed_time(after) / 1000 for before, after in pairwise(marks)]


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
