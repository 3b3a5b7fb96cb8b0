"""The time that a network takes, whole and layer by layer, beside the least that its layers can take on this device.

The two are not compared: a floor is no prediction. What it is worth is the order of layers, and which ceiling each is
under. A layer that is faster than its floor says that a ceiling was measured too low, or that the layer does less than
is counted (roofline.py says when); it is flagged.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from archcalc.memory.roofline import Work, work_of
from archcalc.verification.timing.ceilings import SAMPLES, Measured, measured
from archcalc.verification.timing.clock import Clock, Spread, clock_of, spread, timed
from archcalc.verification.trace import Running, floating_dtype

RUNS, WARM_UPS = 50, 10
"""Passes that are timed, and those before them."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One layer: the time from the end of the one before it to its own, in seconds, and the least it can take."""

    name: str
    seconds: Spread
    work: Work
    floor: float
    bound: str

    @property
    def reached(self) -> float:
        """How near it comes to its ceiling: 1 is at it. What computes nothing may take no time."""
        return self.floor / self.seconds.median if self.seconds.median else 0.0

    @property
    def is_above(self) -> bool:
        """Whether it is faster than its floor."""
        return self.floor > self.seconds.median


@dataclass(frozen=True)
class Timing:
    """`dtype`: what the ceiling's matrices are of. In seconds, `whole`: a forward pass in which nothing is watched;
    `watched`: one in which layers are timed.
    """

    dtype: str
    runs: int
    warm_ups: int
    whole: Spread
    watched: Spread
    layers: tuple[Timed, ...]
    measured: Measured

    @property
    def floor(self) -> float:
        """The least time of all layers, one after the other."""
        return sum(each.floor for each in self.layers)

    @property
    def sum(self) -> float:
        """The medians of all layers, added: less than a pass takes, where each is disturbed at some layers of it."""
        return sum(each.seconds.median for each in self.layers)


def timing(running: Running, *, runs: int = RUNS, warm_ups: int = WARM_UPS, samples: int = SAMPLES) -> Timing:
    """A network in evaluation mode on random inputs; ceilings before and after it, the best of both.

    On the CPU a layer's time has some microseconds of being watched in it.
    """
    dtype = floating_dtype(running.graph)
    inputs, clock = running.inputs(), clock_of(running.device)
    with as_timed():
        before = measured(running.device, dtype, samples)
        whole = passes(running, inputs, clock, runs, warm_ups)
        watched = watched_passes(running, inputs, clock, runs, warm_ups)
        ceilings = before + measured(running.device, dtype, samples)
    layers = held(running, [spread(each) for each in zip(*watched, strict=True)], ceilings)
    name = str(dtype).removeprefix("torch.")
    return Timing(name, runs, warm_ups, whole, spread([sum(each) for each in watched]), tuple(layers), ceilings)


def as_timed() -> AbstractContextManager[None]:
    """cuDNN as torch uses it by itself, but in the network's own dtype, as the matrix product of the ceiling is."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=False, allow_tf32=False
    )
    return flags


def passes(running: Running, inputs: Sequence[Tensor], clock: Clock, runs: int, warm_ups: int) -> Spread:
    """Whole forward passes, in seconds."""
    with torch.no_grad():
        timed(lambda: running.module(*inputs), clock, warm_ups)
        return spread(timed(lambda: running.module(*inputs), clock, runs))


def watched_passes(
    running: Running, inputs: Sequence[Tensor], clock: Clock, runs: int, warm_ups: int
) -> list[list[float]]:
    """Of every pass the seconds of each layer, in the order of the graph."""
    for _ in range(warm_ups):
        one_pass(running, inputs, clock)
    return [one_pass(running, inputs, clock) for _ in range(runs)]


def one_pass(running: Running, inputs: Sequence[Tensor], clock: Clock) -> list[float]:
    marks = [clock.start()]
    running.run(inputs, lambda node, value: marks.append(clock.mark()))
    return clock.seconds(marks)


def held(running: Running, layers: Sequence[Spread], measured: Measured) -> Iterator[Timed]:
    """Every layer beside its floor."""
    work, ceilings = work_of(running.graph), measured.ceilings
    for node, seconds in zip(running.graph, layers, strict=True):
        each = work[node.name]
        yield Timed(node.name, seconds, each, each.floor(ceilings), each.bound(ceilings))
