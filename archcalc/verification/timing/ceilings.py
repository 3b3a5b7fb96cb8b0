"""The ceilings of a device, measured in the same run: its rates of matrix products and of memory copies.

The rates of a data sheet do not account for temperature, clock rate and other load. The best of many samples is used,
because disturbances only make a sample slower.
"""

from collections.abc import Callable, Sequence

import torch

from archcalc.memory.roofline import Ceilings
from archcalc.record import record
from archcalc.verification.timing.clock import Spread, clock_of, spread, timed

SIDES = {"cpu": 512, "cuda": 8192}
"""The side of the square matrices: large enough to be fast, and on a CPU small enough for an unaffected sample."""

COPIED = {"cpu": 64 * 2**20, "cuda": 2**30}
"""The bytes to copy: more than fits in caches."""

SAMPLES = 50
"""The number of samples of each rate, before the network runs and again after it."""

WARM_UPS = 3


@record
class Rate:
    """A rate, in several samples of the same work, in units per second."""

    samples: tuple[float, ...]

    @property
    def best(self) -> float:
        return max(self.samples)

    @property
    def spread(self) -> Spread:
        return spread(self.samples)

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(self.samples + other.samples)


@record
class Measured:
    """`product`: FLOP/s of a matrix product; `copy`: bytes/s, read plus written."""

    product: Rate
    copy: Rate

    @property
    def ceilings(self) -> Ceilings:
        return Ceilings(self.product.best, self.copy.best)

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(self.product + other.product, self.copy + other.copy)


def measured(device: str, dtype: torch.dtype, samples: int = SAMPLES) -> Measured:
    """Both rates, in the dtype of a network."""
    return Measured(product_rate(device, dtype, SIDES[device], samples), copy_rate(device, COPIED[device], samples))


def product_rate(device: str, dtype: torch.dtype, side: int, samples: int) -> Rate:
    """The rate for two random square matrices; zeros would need less power and be faster."""
    a, b, out = (torch.randn(side, side, dtype=dtype, device=device) for _ in range(3))
    return rate(lambda: torch.mm(a, b, out=out), 2 * side**3, device, samples)


def copy_rate(device: str, nbytes: int, samples: int) -> Rate:
    """The rate of a copy within the device's memory."""
    source, target = (torch.randint(0, 256, (nbytes,), dtype=torch.uint8, device=device) for _ in range(2))
    return rate(lambda: target.copy_(source), 2 * nbytes, device, samples)


def rate(call: Callable[[], object], amount: int, device: str, samples: int) -> Rate:
    """The rate of a call that does this amount of work."""
    clock = clock_of(device)
    timed(call, clock, WARM_UPS)
    return Rate(per_second(amount, timed(call, clock, samples)))


def per_second(amount: int, seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(amount / each for each in seconds)
