"""The time of a network, whole and layer by layer, with the minimum time of each layer on this device.

The two are not compared, because a floor is not a prediction. It shows the order of layers and which ceiling limits
each. A layer that is faster than its floor is flagged: either a ceiling was measured too low, or the layer does less
work than is counted (see roofline.py).
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from archcalc.memory.roofline import Work, work_of
from archcalc.record import record
from archcalc.verification.precision import exactly
from archcalc.verification.timing.ceilings import SAMPLES, Measured, measured
from archcalc.verification.timing.clock import Clock, Spread, clock_of, spread, timed
from archcalc.verification.trace import Running, floating_dtype

RUNS, WARM_UPS = 50, 10
"""The number of timed passes, and of warm-up passes before them."""


@record
class Timed:
    """One layer: the time from the end of the previous layer to its own end, in seconds, and its minimum."""

    name: str
    seconds: Spread
    work: Work
    floor: float
    bound: str

    @property
    def reached(self) -> float:
        """The fraction of its ceiling that it reaches; above 1 it is flagged. 0 for a layer that computes nothing."""
        return self.floor / self.seconds.median if self.seconds.median else 0.0

    @property
    def exceeds_ceiling(self) -> bool:
        """Whether it is faster than its floor."""
        return self.floor > self.seconds.median


@record
class Timing:
    """`dtype`: the dtype of the matrices for the ceiling. In seconds, `whole`: a forward pass without tracing;
    `traced`: a forward pass in which layers are timed.
    """

    dtype: str
    runs: int
    warm_ups: int
    whole: Spread
    traced: Spread
    layers: tuple[Timed, ...]
    measured: Measured

    @property
    def floor(self) -> float:
        """The sum of the minimum times of all layers."""
        return sum(each.floor for each in self.layers)

    @property
    def sum(self) -> float:
        """The sum of the medians of all layers; less than a pass, if every pass is disturbed at some layers."""
        return sum(each.seconds.median for each in self.layers)


def timing(running: Running, *, runs: int = RUNS, warm_ups: int = WARM_UPS, samples: int = SAMPLES) -> Timing:
    """Times a network in evaluation mode on random inputs; ceilings are measured before and after, and the best used.

    On the CPU, a layer's time includes a few microseconds of tracing.
    """
    dtype = floating_dtype(running.graph)
    inputs, clock = running.inputs(), clock_of(running.device)
    with exactly(deterministic=False):
        before = measured(running.device, dtype, samples)
        whole = passes(running, inputs, clock, runs, warm_ups)
        traced = traced_passes(running, inputs, clock, runs, warm_ups)
        ceilings = before + measured(running.device, dtype, samples)
    layers = with_floors(running, [spread(each) for each in zip(*traced, strict=True)], ceilings)
    name = str(dtype).removeprefix("torch.")
    return Timing(name, runs, warm_ups, whole, spread([sum(each) for each in traced]), tuple(layers), ceilings)


def passes(running: Running, inputs: Sequence[Tensor], clock: Clock, runs: int, warm_ups: int) -> Spread:
    """Whole forward passes, in seconds."""
    with torch.no_grad():
        timed(lambda: running.module(*inputs), clock, warm_ups)
        return spread(timed(lambda: running.module(*inputs), clock, runs))


def traced_passes(
    running: Running, inputs: Sequence[Tensor], clock: Clock, runs: int, warm_ups: int
) -> list[list[float]]:
    """For every pass, the seconds of each layer, in the order of the graph."""
    for _ in range(warm_ups):
        one_pass(running, inputs, clock)
    return [one_pass(running, inputs, clock) for _ in range(runs)]


def one_pass(running: Running, inputs: Sequence[Tensor], clock: Clock) -> list[float]:
    marks = [clock.start()]
    running.run(inputs, lambda node, value: marks.append(clock.mark()))
    return clock.seconds(marks)


def with_floors(running: Running, layers: Sequence[Spread], measured: Measured) -> Iterator[Timed]:
    """Every layer with its floor."""
    work, ceilings = work_of(running.graph), measured.ceilings
    for node, seconds in zip(running.graph, layers, strict=True):
        each = work[node.name]
        yield Timed(node.name, seconds, each, each.floor(ceilings), each.bound(ceilings))
