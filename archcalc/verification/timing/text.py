"""A timing as rows for people, and as plain values for JSON."""

from collections.abc import Iterator
from typing import Any

from archcalc.memory.roofline import NOTHING
from archcalc.record import asdict
from archcalc.verification.row import Row, counted, reported
from archcalc.verification.timing.ceilings import Rate
from archcalc.verification.timing.clock import Spread
from archcalc.verification.timing.timing import Timed, Timing

SLOWEST = 5
"""The number of slowest layers that a row names."""


def rows_of(timing: Timing, level: str, at: str) -> Iterator[Row]:
    """The rows of a timing, which are reported and not compared."""
    layers = sorted(timing.layers, key=lambda each: each.seconds.median, reverse=True)
    count, faster = len(layers), [each for each in layers if each.exceeds_ceiling]
    ratio = f"{timing.whole.median / timing.floor:.2f} times its floor; " if timing.floor else ""
    yield reported(
        "time of a forward pass", level, at, f"at least {milliseconds(timing.floor)}",
        milliseconds(timing.whole.median), [f"{ratio}median of {timing.runs} runs, {tenths(timing.whole)}"],
    )  # fmt: skip
    yield reported(
        "sum of its layers' medians", level, at, counted(count, "layer"), milliseconds(timing.sum),
        [line(each, timing) for each in layers[:SLOWEST]],
    )  # fmt: skip
    yield reported(
        "layers above their ceiling", level, at, "none", counted(len(faster), "layer"),
        [line(each, timing) for each in faster],
    )  # fmt: skip
    yield ceiling(f"ceiling: product of {timing.dtype} matrices", level, at, timing.measured.product, "FLOP/s")
    yield ceiling("ceiling: copy in memory", level, at, timing.measured.copy, "B/s")


def ceiling(quantity: str, level: str, at: str, rate: Rate, unit: str) -> Row:
    found = rate.spread
    part = f"best of {len(rate.samples)}; p10 {scaled(found.p10, unit)}, p90 {scaled(found.p90, unit)}"
    return reported(quantity, level, at, "not predicted", scaled(rate.best, unit), [part])


def line(layer: Timed, timing: Timing) -> str:
    """`conv1: 1.200 ms, 12.0 % of all layers; at 45 % of its ceiling, compute`."""
    near = "computes nothing" if layer.bound == NOTHING else f"at {layer.reached:.0%} of its ceiling, {layer.bound}"
    return f"{layer.name}: {milliseconds(layer.seconds.median)}, {layer.seconds.median / timing.sum:.1%} of all; {near}"


def tenths(found: Spread) -> str:
    return f"p10 {milliseconds(found.p10)}, p90 {milliseconds(found.p90)}"


def milliseconds(seconds: float) -> str:
    """
    >>> milliseconds(0.0012345), milliseconds(2.5)
    ('1.234 ms', '2,500.000 ms')
    """
    return f"{1000 * seconds:,.3f} ms"


def scaled(rate: float, unit: str) -> str:
    """
    >>> scaled(133.1e9, "FLOP/s"), scaled(4.3e12, "B/s"), scaled(5e5, "B/s")
    ('133.1 GFLOP/s', '4.3 TB/s', '0.0 GB/s')
    """
    factor, prefix = (1e12, "T") if rate >= 1e12 else (1e9, "G")
    return f"{rate / factor:,.1f} {prefix}{unit}"


def plain(timing: Timing) -> dict[str, Any]:
    """The whole timing: seconds, FLOP/s and bytes/s; layers above their ceiling are marked."""
    rates = {"flops_per_second": timing.measured.product, "bytes_per_second": timing.measured.copy}
    return {
        "dtype": timing.dtype,
        "runs": timing.runs,
        "warm_ups": timing.warm_ups,
        "forward_seconds": asdict(timing.whole),
        "traced_seconds": asdict(timing.traced),
        "layers_seconds": timing.sum,
        "floor_seconds": timing.floor,
        "ceilings": {
            name: {"best": rate.best, "samples": len(rate.samples), **asdict(rate.spread)}
            for name, rate in rates.items()
        },
        "layers": [plain_layer(each) for each in timing.layers],
    }


def plain_layer(layer: Timed) -> dict[str, Any]:
    return {
        "name": layer.name,
        "seconds": asdict(layer.seconds),
        "flops": layer.work.flops,
        "bytes": layer.work.nbytes,
        "intensity": layer.work.intensity,
        "floor_seconds": layer.floor,
        "bound": layer.bound,
        "above_ceiling": layer.exceeds_ceiling,
    }
