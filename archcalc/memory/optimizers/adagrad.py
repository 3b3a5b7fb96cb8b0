"""Adagrad."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import STEP, Optimizer, State, states
from archcalc.memory.statements import (
    Drop,
    Make,
    Name,
    Statements,
    Tensor,
    Tensors,
    Update,
    begin,
    begin_all,
    count_steps_fused,
    listed,
    real,
    update_all,
)


class Adagrad(Optimizer, name="adagrad"):
    """Divides gradients by the root of the sum of all their squares so far.

    Source: `_single_tensor_adagrad`, `_multi_tensor_adagrad` and `_fused_adagrad` in torch/optim/adagrad.py.
    """

    target = "torch.optim.Adagrad"
    implementations = ("forloop", "foreach", "fused")
    at_once = True

    lr: float = 1e-2
    lr_decay: float = 0
    weight_decay: float = 0
    initial_accumulator_value: float = 0
    eps: float = 1e-10
    maximize: bool = False

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from self.not_negative("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def state(self, weight: Weight) -> Iterator[State]:
        yield STEP
        yield from states(weight, "sum")

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield from begin(p, self.maximize, decays=self.weight_decay != 0, counts_first=True)
        yield Make("root", p)  # std = state_sum.sqrt().add_(eps)
        yield Update(p)
        yield Name("std", "root")

    def foreach(self, weights: Tensors) -> Statements:
        yield from begin_all(weights, self.maximize, decays=self.weight_decay != 0)
        yield Make("std", weights)
        yield update_all(weights)  # torch._foreach_add_(std, eps)
        if self.weight_decay or self.maximize:
            yield update_all(weights)  # torch._foreach_mul_(grads, minus_clr)
            yield Name("numerator", "grad")
        else:
            yield Make("numerator", weights, listed(real))

    def fused(self, weights: Tensors) -> Statements:
        yield count_steps_fused(len(weights))
