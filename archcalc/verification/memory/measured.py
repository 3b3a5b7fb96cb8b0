"""The measured memory of a network, from the allocator's events: inference, training, a whole iteration.

The module runs without tracing: a traced value could live longer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.optim import Optimizer

from archcalc.record import record, replace
from archcalc.verification.memory.gpu import recorded_on_gpu
from archcalc.verification.memory.recording import Recording
from archcalc.verification.memory.saved import identity
from archcalc.verification.memory.stream import recorded
from archcalc.verification.modes import mode
from archcalc.verification.precision import exactly
from archcalc.verification.trace import Running

Run = Callable[[], None]


def inference(running: Running, inputs: Sequence[Tensor]) -> Recording:
    """A forward pass in evaluation mode, without gradients; the outputs live until it ends."""

    def run() -> None:
        with torch.no_grad():
            running.forward(inputs)

    with mode(running.module, training=False), exactly(deterministic=True):
        initialise(running, run)
        return recording(running, inputs, (), run)


def training(running: Running, inputs: Sequence[Tensor], *, accumulate: bool = False) -> Recording:
    """A forward pass in training mode and a backward pass from given gradients of all outputs.

    `accumulate`: gradients of an earlier step exist, and new ones are added to them. Otherwise the run allocates
    gradients, which exist at its end. Running statistics are updated; parameters are not.
    """
    with ready(running, inputs) as (seeds, step):
        if accumulate:
            step()
        else:
            initialise(running, step)
            running.module.zero_grad(set_to_none=True)
        return recording(running, inputs, seeds, step)


def iteration(
    running: Running, inputs: Sequence[Tensor], optimizer: Optimizer, *, accumulate: bool = False
) -> Recording:
    """The same, followed by a step of the optimizer, whose states already exist (see `state_bytes`).

    The step changes the parameters.
    """
    with ready(running, inputs) as (seeds, step):

        def run() -> None:
            step()
            optimizer.step()

        run()
        if not accumulate:
            running.module.zero_grad(set_to_none=True)
        return recording(running, inputs, seeds, run)


@contextmanager
def ready(running: Running, inputs: Sequence[Tensor]) -> Iterator[tuple[list[Tensor], Run]]:
    """Gradients of the outputs, and a run of a forward pass and a backward pass that starts from them.

    The loss is not the sum of the outputs: its gradient would be an expanded number, which matrix products copy.
    """
    module = running.module
    with mode(module, training=True), exactly(deterministic=True):
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


def initialise(running: Running, run: Run) -> None:
    """An unrecorded run on a GPU, whose libraries allocate what they keep when they are first used. On the CPU the
    first run allocates what each later one does."""
    if running.device == "cuda":
        run()


def differentiable(outputs: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    """The outputs from which a backward pass can start: those that depend on a trained parameter."""
    found = (outputs,) if isinstance(outputs, Tensor) else outputs
    return [each for each in found if each.requires_grad]


def recording(running: Running, inputs: Sequence[Tensor], seeds: Sequence[Tensor], run: Run) -> Recording:
    """Records the device's allocator in a run."""
    if running.device == "cuda":
        made = recorded_on_gpu(run)
    else:
        made = Recording(recorded(run, autocast=bool(running.autocast)))
    return replace(made, inputs=storage_bytes(inputs), seeds=storage_bytes(seeds))


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the storages of tensors; shared ones count once."""
    return sum({identity(each): each.untyped_storage().nbytes() for each in tensors}.values())


# --- memory before a run ---------------------------------------------------------------------------------------------


@record
class Standing:
    """Bytes that are alive before, during and after every run; shared storages count once."""

    parameters: int
    buffers: int

    @property
    def total(self) -> int:
        return self.parameters + self.buffers


def standing(running: Running) -> Standing:
    """The bytes of the module's `state_dict`; non-persistent tables are not included."""
    module = running.module
    parameters, everything = storage_bytes(module.parameters()), storage_bytes(module.state_dict().values())
    return Standing(parameters, everything - parameters)


def state_bytes(optimizer: Optimizer) -> int:
    """The bytes of an optimizer's state."""
    return storage_bytes(each for state in optimizer.state.values() for each in state.values() if torch.is_tensor(each))
