"""The memory that a network really takes, event by event of the allocator: inference, training, a whole iteration.

The module is run directly, and not watched: what is looked at could live longer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from archcalc.verification.memory.gpu import recorded_on_gpu, same_every_time
from archcalc.verification.memory.saved import identity
from archcalc.verification.memory.stream import Stream, events, recorded
from archcalc.verification.modes import mode
from archcalc.verification.trace import Running

Run = Callable[[], None]


def inference(running: Running, inputs: Sequence[Tensor]) -> Stream:
    """A forward pass in evaluation mode, without gradients; the outputs live to its end."""

    def run() -> None:
        with torch.no_grad():
            running.forward(inputs)

    with mode(running.module, training=False), same_every_time():
        run()
        return stream(running, inputs, (), run)


def training(running: Running, inputs: Sequence[Tensor], *, accumulate: bool = False) -> Stream:
    """A forward pass in training mode and a backward pass from given gradients of all outputs.

    `accumulate`: gradients of an earlier step are there, which new ones are added to. Without, the run makes them, and
    ends with them. Running statistics go on; parameters stay.
    """
    with ready(running, inputs) as (seeds, step):
        step()
        if not accumulate:
            running.module.zero_grad(set_to_none=True)
        return stream(running, inputs, seeds, step)


def iteration(running: Running, inputs: Sequence[Tensor], optimizer: Optimizer, *, accumulate: bool = False) -> Stream:
    """The same, and a step of the optimizer, which has its states already (`state_bytes` says how many bytes).

    The parameters are not the same afterwards.
    """
    with ready(running, inputs) as (seeds, step):

        def run() -> None:
            step()
            optimizer.step()

        run()
        if not accumulate:
            running.module.zero_grad(set_to_none=True)
        return stream(running, inputs, seeds, run)


@contextmanager
def ready(running: Running, inputs: Sequence[Tensor]) -> Iterator[tuple[list[Tensor], Run]]:
    """Gradients of the outputs, and a forward and backward pass that begins with them; no other gradients are there.

    The loss is not the sum of the outputs: its gradient would be one number, expanded, which matrix products copy.
    """
    module = running.module
    with mode(module, training=True), same_every_time():
        module.zero_grad(set_to_none=True)
        seeds = [torch.randn_like(each) for each in differentiable(running.forward(inputs))]

        def step() -> None:
            outputs = running.forward(inputs)
            if seeds:
                torch.autograd.backward(differentiable(outputs), seeds)

        try:
            yield seeds, step
        finally:
            module.zero_grad(set_to_none=True)


def differentiable(outputs: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    """The outputs that a backward pass can begin at: those that depend on a parameter that is trained."""
    found = (outputs,) if isinstance(outputs, Tensor) else outputs
    return [each for each in found if each.requires_grad]


def stream(running: Running, inputs: Sequence[Tensor], seeds: Sequence[Tensor], run: Run) -> Stream:
    """What the device's allocator does in a run. In the first of its kind, libraries prepare themselves: let one be."""
    around = storage_bytes(inputs), storage_bytes(seeds)
    if running.device == "cuda":
        made = recorded_on_gpu(run)
        return Stream(events(made.changes), *around, made.resolved, made.usage)
    return Stream(events(recorded(run, autocast=bool(running.autocast))), *around)


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the memory that tensors are in, what they share once."""
    return sum({identity(each): each.untyped_storage().nbytes() for each in tensors}.values())


# --- what is there before a run --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Bytes of what lives before, during and after every run, shared storages once."""

    parameters: int
    buffers: int

    @property
    def total(self) -> int:
        return self.parameters + self.buffers


def standing(running: Running) -> Standing:
    """What the module itself is, as `state_dict` has it: tables that a layer looks up its inputs in are not in it."""
    module = running.module
    parameters, everything = storage_bytes(module.parameters()), storage_bytes(module.state_dict().values())
    return Standing(parameters, everything - parameters)


def state_bytes(optimizer: Optimizer) -> int:
    """Bytes of an optimizer's states."""
    return storage_bytes(each for state in optimizer.state.values() for each in state.values() if torch.is_tensor(each))
