"""RMSprop."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import (
    STEP,
    Drop,
    Make,
    Optimizer,
    State,
    Statements,
    Tensor,
    Tensors,
    Update,
    count_step,
    count_steps,
    gradient,
    gradients,
    listed,
    real,
    tensor_of,
)


class RMSprop(Optimizer, name="rmsprop"):
    """Divides gradients by the root of their running mean square; optionally centred, and with momentum.

    Source: `_single_tensor_rmsprop` and `_multi_tensor_rmsprop` in torch/optim/rmsprop.py.
    """

    target = "torch.optim.RMSprop"

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0
    momentum: float = 0
    centered: bool = False
    maximize: bool = False

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from self.not_negative("lr", "alpha", "eps", "weight_decay", "momentum")

    def state(self, weight: Weight) -> Iterator[State]:
        yield STEP
        yield State("square_avg", tensor_of(weight))
        if self.momentum:
            yield State("momentum_buffer", tensor_of(weight))
        if self.centered:
            yield State("grad_avg", tensor_of(weight))

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield gradient(p, self.maximize)
        yield count_step()
        if self.weight_decay:
            yield Make("grad", p)
        yield Update(p)  # square_avg.mul_(alpha)
        yield Make("avg", p)  # of square_avg, minus the square of grad_avg if centred
        yield Update(p)  # avg.add_(eps)
        if self.momentum:
            yield Update(p)  # buf.mul_(momentum)

    def foreach(self, weights: Tensors) -> Statements:
        yield from gradients(weights, self.maximize)
        yield from count_steps()
        if self.weight_decay and not self.maximize:
            yield Make("grad", weights)
        yield Update(weights, listed(real))
        yield Make("avg", weights)
        yield Update(weights, listed(real))
        if self.momentum:
            yield Update(weights, listed(real))
