"""RMSprop."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import STEP, Optimizer, State, states
from archcalc.memory.statements import Drop, Make, Statements, Tensor, Tensors, Update, begin, begin_all, update_all


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
        yield from states(weight, "square_avg")
        if self.momentum:
            yield from states(weight, "momentum_buffer")
        if self.centered:
            yield from states(weight, "grad_avg")

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield from begin(p, self.maximize, decays=self.weight_decay != 0)
        yield Update(p)  # square_avg.mul_(alpha)
        yield Make("avg", p)  # of square_avg, minus the square of grad_avg if centred
        yield Update(p)  # avg.add_(eps)
        if self.momentum:
            yield Update(p)  # buf.mul_(momentum)

    def foreach(self, weights: Tensors) -> Statements:
        yield from begin_all(weights, self.maximize, decays=self.weight_decay != 0)
        yield update_all(weights)
        yield Make("avg", weights)
        yield update_all(weights)
        if self.momentum:
            yield update_all(weights)
