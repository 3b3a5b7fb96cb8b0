"""Adadelta."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import STEP, Optimizer, State, states
from archcalc.memory.statements import (
    Drop,
    Make,
    Statements,
    Tensor,
    Tensors,
    Update,
    begin,
    begin_all,
    listed,
    real,
    update_all,
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
        yield from states(weight, "square_avg", "acc_delta")

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield from begin(p, self.maximize, decays=self.weight_decay != 0, counts_first=True)
        yield Update(p)  # square_avg.mul_(rho)
        yield Make("std", p, real)  # square_avg.add(eps).sqrt_()
        yield Make("delta", p, real)  # acc_delta.add(eps).sqrt_()
        yield Update(p)  # acc_delta.mul_(rho)

    def foreach(self, weights: Tensors) -> Statements:
        yield Drop("grad")
        yield from begin_all(weights, self.maximize, decays=self.weight_decay != 0, counts_first=True)
        yield update_all(weights)
        yield Make("std", weights, listed(real))
        yield Make("deltas", weights, listed(real))
        yield update_all(weights)
