"""Practice: how a network is trained and on what, as far as its memory depends on it."""

from dataclasses import dataclass

from archcalc.optimizer import Optimizer

FOREACH = "foreach"
"""The implementation of an optimizer's step that torch takes by itself on a GPU, and that is asked for on the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """The optimizer, and which of torch's implementations of its step; the device whose kernels run."""

    optimizer: Optimizer | None = None
    implementation: str = FOREACH
    device: str = "cpu"
