"""Adadelta."""

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


class Adadelta(Optimizer, name="adadelta"):
    """Scales gradients by the ratio of the running root mean squares of earlier steps and of gradients.

    Source: `_single_tensor_adadelta` and `_multi_tensor_adadelta` in torch/optim/adadelta.py.
    """

    target = "torch.optim.Adadelta"

    lr: float = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0
    maximize: bool = False

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from self.not_negative("lr", "eps", "weight_decay")
        yield 0 <= self.rho <= 1, f"rho must be from 0 to 1, got {self.rho}"

    def state(self, weight: Weight) -> Iterator[State]:
        yield STEP
        yield State("square_avg", tensor_of(weight))
        yield State("acc_delta", tensor_of(weight))

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield count_step()
        yield gradient(p, self.maximize)
        if self.weight_decay:
            yield Make("grad", p)
        yield Update(p)  # square_avg.mul_(rho)
        yield Make("std", p, real)  # square_avg.add(eps).sqrt_()
        yield Make("delta", p, real)  # acc_delta.add(eps).sqrt_()
        yield Update(p)  # acc_delta.mul_(rho)

    def foreach(self, weights: Tensors) -> Statements:
        yield Drop("grad")
        yield from count_steps()
        yield from gradients(weights, self.maximize)
        if self.weight_decay and not self.maximize:
            yield Make("grad", weights)
        yield Update(weights, listed(real))
        yield Make("std", weights, listed(real))
        yield Make("deltas", weights, listed(real))
        yield Update(weights, listed(real))
