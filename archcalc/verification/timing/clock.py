"""Time on a device, between marks: by the CPU's clock, or by events that a GPU passes as it comes to them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import Any

import torch

HEAD_START = 100_000_000
"""Cycles that a GPU waits as a measurement begins, some 50 ms: the CPU has enqueued the work when it sets out, and what
is measured is the work and not how fast it is enqueued. What takes longer to enqueue is measured with that."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of several samples of one quantity the middle, and what a tenth of them is below and above."""

    median: float
    p10: float
    p90: float


def spread(samples: Sequence[float]) -> Spread:
    """Samples by nearest rank: each of the three is one of them.

    >>> spread([3.0, 1.0, 2.0]), spread(range(1, 11))
    (Spread(median=2.0, p10=1.0, p90=3.0), Spread(median=5, p10=1, p90=9))
    """
    ordered = sorted(samples)
    return Spread(*(ordered[max(0, -(-len(ordered) * percent // 100) - 1)] for percent in (50, 10, 90)))


class Clock(ABC):
    """A device's own time."""

    @abstractmethod
    def start(self) -> Any:
        """The first mark, when all earlier work is done."""

    @abstractmethod
    def mark(self) -> Any:
        """When all work until here is done."""

    @abstractmethod
    def seconds(self, marks: Sequence[Any]) -> list[float]:
        """Between each mark and the next."""


class CpuClock(Clock):
    """What the CPU computes is done when the call returns."""

    def start(self) -> float:
        return self.mark()

    def mark(self) -> float:
        return perf_counter()

    def seconds(self, marks: Sequence[float]) -> list[float]:
        return [after - before for before, after in pairwise(marks)]


class CudaClock(Clock):
    """A GPU passes events in the order of its work; how long between them it knows to half a microsecond."""

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
    """The seconds that a call takes, each of several times."""
    return [once(call, clock) for _ in range(runs)]


def once(call: Callable[[], object], clock: Clock) -> float:
    first = clock.start()
    call()
    [taken] = clock.seconds([first, clock.mark()])
    return taken
