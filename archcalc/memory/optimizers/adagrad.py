"""Adagrad."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import (
    STEP,
    Drop,
    Make,
    Name,
    Optimizer,
    State,
    Statements,
    Tensor,
    Tensors,
    Update,
    count_step,
    count_steps,
    count_steps_fused,
    gradient,
    gradients,
    listed,
    real,
    tensor_of,
)


class Adagrad(Optimizer, name="adagrad"):
    """Divides gradients by the root of the sum of all their squares so far.

    torch allocates the state in the constructor, for every weight it gets, including frozen ones.

    Source: `_single_tensor_adagrad`, `_multi_tensor_adagrad` and `_fused_adagrad` in torch/optim/adagrad.py.
    """

    target = "torch.optim.Adagrad"
    implementations = ("forloop", "foreach", "fused")

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
        yield State("sum", tensor_of(weight))

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield count_step()
        yield gradient(p, self.maximize)
        if self.weight_decay:
            yield Make("grad", p)
        yield Make("root", p)  # std = state_sum.sqrt().add_(eps)
        yield Update(p)
        yield Name("std", "root")

    def foreach(self, weights: Tensors) -> Statements:
        yield from gradients(weights, self.maximize)
        yield from count_steps()
        if self.weight_decay and not self.maximize:
            yield Make("grad", weights)
        yield Make("std", weights)
        yield Update(weights, listed(real))  # torch._foreach_add_(std, eps)
        if self.weight_decay or self.maximize:
            yield Update(weights, listed(real))  # torch._foreach_mul_(grads, minus_clr)
            yield Name("numerator", "grad")
        else:
            yield Make("numerator", weights, listed(real))

    def fused(self, weights: Tensors) -> Statements:
        yield count_steps_fused(len(weights))
