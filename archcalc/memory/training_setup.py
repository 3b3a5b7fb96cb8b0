"""The training setup: how and on which device a network is trained, as far as memory depends on it."""

from collections.abc import Mapping
from typing import Any

from archcalc.core.diagnostic import did_you_mean, problem
from archcalc.core.machine import DEFAULT, MACHINES, Machine
from archcalc.core.release import RELEASE
from archcalc.memory import optimizers  # noqa: F401  every file in it registers itself
from archcalc.memory.optimizer import Optimizer, read_optimizer
from archcalc.record import record

FOREACH = "foreach"
"""The implementation of an optimizer's step that is torch's default on a GPU, and the default here on the CPU."""


DEVICES = ("cpu", "cuda")
AUTOCASTS = ("", "bfloat16", "float16")
IMPLEMENTATIONS = ("forloop", "foreach", "fused")


@record(kw_only=True)
class TrainingSetup:
    """The optimizer, torch's implementation of its step, and the device whose kernels run.

    `accumulate`: gradients of earlier passes exist and are added to. `checkpointed`: blocks, by their names in the
    spec, that save only their inputs and run again in backward. `autocast`: the lower dtype of the forward pass under
    `torch.autocast`; "" without it. `machine`: the processor, if the device is a CPU; None is the default machine, and
    in `verify` the machine that it runs on.
    """

    optimizer: Optimizer | None = None
    implementation: str = FOREACH
    device: str = "cpu"
    accumulate: bool = False
    checkpointed: tuple[str, ...] = ()
    autocast: str = ""
    machine: Machine | None = None

    def __post_init__(self) -> None:
        given: object = self.optimizer
        if isinstance(given, str):
            raise TypeError(f"{given!r} is the text of an optimizer: give archcalc.optimizer({given!r})")
        for name, known in (("device", DEVICES), ("autocast", AUTOCASTS), ("implementation", IMPLEMENTATIONS)):
            word = getattr(self, name)
            if word not in known:
                help = did_you_mean(str(word), known) or f"use one of {', '.join(filter(None, known))}"
                raise ValueError(f"there is no {name} {word!r}; {help}")

    @property
    def runs_on(self) -> Machine | None:
        """The machine that memory is predicted for; None on a GPU, whose kernels do not depend on the processor."""
        return (self.machine or DEFAULT) if self.device == "cpu" else None

    @property
    def rules(self) -> str:
        """The device and torch release whose behaviour is predicted.

        >>> TrainingSetup().rules, TrainingSetup(machine=MACHINES["x86-avx2"]).rules, TrainingSetup(device="cuda").rules
        ('cpu, torch 2.13, with bfloat16 kernels', 'cpu, torch 2.13, without bfloat16 kernels', 'cuda, torch 2.13')
        """
        return f"{self.device}, torch {RELEASE}" + (f", {self.runs_on.words}" if self.runs_on else "")

    @property
    def words(self) -> str:
        """What differs from a plain pass, for headings of measurements; empty if nothing does.

        >>> TrainingSetup(accumulate=True, checkpointed=("block",)).words
        ', block checkpointed, gradients accumulated'
        """
        parts = [f"{kind} checkpointed" for kind in self.checkpointed] + ["gradients accumulated"] * self.accumulate
        parts += [f"autocast to {self.autocast}"] if self.autocast else []
        return "".join(f", {part}" for part in parts)


DEFAULT_SETUP = TrainingSetup()
"""No optimizer, on the CPU."""


def implementation_of(optimizer: Optimizer | None, asked: str | None) -> str:
    """The requested implementation of a step, or foreach. Raises SpecError if torch does not have it."""
    if asked and optimizer and asked not in optimizer.implementations:
        there = " and ".join(optimizer.implementations)
        raise problem("AC124", f"torch has no {asked} implementation of {optimizer.name}", help=f"it has {there}")
    return asked or FOREACH


def setup_of_options(options: Mapping[str, Any]) -> TrainingSetup:
    """The setup that command-line options describe. Raises SpecError if the optimizer cannot be read."""
    call, kinds = options["optimizer"], (name.strip() for each in options["checkpoint"] for name in each.split(","))
    optimizer = read_optimizer(call, "--optimizer") if call else None
    return TrainingSetup(
        optimizer=optimizer,
        implementation=implementation_of(optimizer, options["implementation"]),
        accumulate=options["accumulate"],
        checkpointed=tuple(kind for kind in kinds if kind),
        autocast=options["autocast"] or "",
        machine=MACHINES[options["machine"]] if options["machine"] else None,
    )
