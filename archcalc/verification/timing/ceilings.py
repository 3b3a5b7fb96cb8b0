"""The ceilings of a device, measured in this very run: how fast it multiplies matrices, and how fast it copies memory.

What a data sheet says is not what a device does at its temperature, its clock and with its neighbours. The best of many
samples is taken: whatever disturbs a sample makes it slower.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from archcalc.memory.roofline import Ceilings
from archcalc.verification.timing.clock import Spread, clock_of, spread, timed

SIDES = {"cpu": 512, "cuda": 8192}
"""Of the square matrices: large enough to be fast, and on a CPU so small that some sample has it to itself."""

COPIED = {"cpu": 64 * 2**20, "cuda": 2**30}
"""Bytes that are copied: more than caches hold."""

SAMPLES = 50
"""So many of each, before what they are for and again after it."""

WARM_UPS = 3


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate in samples of the same work, in units a second."""

    samples: tuple[float, ...]

    @property
    def best(self) -> float:
        return max(self.samples)

    @property
    def spread(self) -> Spread:
        return spread(self.samples)

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(self.samples + other.samples)


@dataclass(frozen=True, slots=True)
class Measured:
    """`product`: FLOP/s of a matrix product; `copy`: bytes/s, those read and those written."""

    product: Rate
    copy: Rate

    @property
    def ceilings(self) -> Ceilings:
        return Ceilings(self.product.best, self.copy.best)

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(self.product + other.product, self.copy + other.copy)


def measured(device: str, dtype: torch.dtype, samples: int = SAMPLES) -> Measured:
    """Both rates, in a network's dtype."""
    return Measured(product_rate(device, dtype, SIDES[device], samples), copy_rate(device, COPIED[device], samples))


def product_rate(device: str, dtype: torch.dtype, side: int, samples: int) -> Rate:
    """Of two square matrices of random numbers: zeros would take less power, and be faster."""
    a, b, out = (torch.randn(side, side, dtype=dtype, device=device) for _ in range(3))
    return rate(lambda: torch.mm(a, b, out=out), 2 * side**3, device, samples)


def copy_rate(device: str, nbytes: int, samples: int) -> Rate:
    """From one place of the device's memory to another."""
    source, target = (torch.randint(0, 256, (nbytes,), dtype=torch.uint8, device=device) for _ in range(2))
    return rate(lambda: target.copy_(source), 2 * nbytes, device, samples)


def rate(call: Callable[[], object], amount: int, device: str, samples: int) -> Rate:
    """How much of an amount is done in a second."""
    clock = clock_of(device)
    timed(call, clock, WARM_UPS)
    return Rate(per_second(amount, timed(call, clock, samples)))


def per_second(amount: int, seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(amount / each for each in seconds)
