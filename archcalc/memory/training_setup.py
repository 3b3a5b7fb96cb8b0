"""The training setup: how a network is trained and on what, as far as its memory depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archcalc.core.diagnostic import problem
from archcalc.core.kernel import RELEASE
from archcalc.memory import optimizers  # noqa: F401  every file in it registers itself
from archcalc.memory.optimizer import Optimizer, read_optimizer

FOREACH = "foreach"
"""The implementation of an optimizer's step that torch takes by itself on a GPU, and that is asked for on the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSetup:
    """The optimizer, and which of torch's implementations of its step; the device whose kernels run.

    `accumulate`: gradients of earlier passes are there, and are added to. `checkpointed`: blocks, by their names in the
    spec, that keep only their inputs and run again in backward. `autocast`: the lower dtype that the forward pass runs
    in under `torch.autocast`; "" without it.
    """

    optimizer: Optimizer | None = None
    implementation: str = FOREACH
    device: str = "cpu"
    accumulate: bool = False
    checkpointed: tuple[str, ...] = ()
    autocast: str = ""

    @property
    def rules(self) -> str:
        """By what its memory is predicted.

        >>> TrainingSetup().rules
        'cpu, torch 2.13'
        """
        return f"{self.device}, torch {RELEASE}"

    @property
    def words(self) -> str:
        """What differs from one bare pass, for the heading of what was measured; empty where nothing does.

        >>> TrainingSetup(accumulate=True, checkpointed=("block",)).words
        ', block checkpointed, gradients added up'
        """
        parts = [f"{kind} checkpointed" for kind in self.checkpointed] + ["gradients added up"] * self.accumulate
        parts += [f"autocast to {self.autocast}"] if self.autocast else []
        return "".join(f", {part}" for part in parts)


DEFAULT_SETUP = TrainingSetup()
"""No optimizer, on the CPU."""


def implementation_of(optimizer: Optimizer | None, asked: str | None) -> str:
    """The implementation of a step that is asked for, or foreach. Raises SpecError for one that torch does not have."""
    if asked and optimizer and asked not in optimizer.implementations:
        there = " and ".join(optimizer.implementations)
        raise problem("AC124", f"torch has no {asked} step of {optimizer.name}", help=f"it has {there}")
    return asked or FOREACH


def setup_of_options(options: Mapping[str, Any]) -> TrainingSetup:
    """What a command line says of it. Raises SpecError for an optimizer that cannot be read."""
    call, kinds = options["optimizer"], (name.strip() for each in options["checkpoint"] for name in each.split(","))
    optimizer = read_optimizer(call, "--optimizer") if call else None
    return TrainingSetup(
        optimizer=optimizer,
        implementation=implementation_of(optimizer, options["implementation"]),
        accumulate=options["accumulate"],
        checkpointed=tuple(kind for kind in kinds if kind),
        autocast=options["autocast"] or "",
    )
