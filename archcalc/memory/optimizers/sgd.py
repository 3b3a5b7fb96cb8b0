"""Stochastic gradient descent."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import Optimizer, State, states
from archcalc.memory.statements import Drop, Make, Statements, Tensor, Tensors, Update, gradient, gradients, update_all


class SGD(Optimizer, name="sgd"):
    """Gradient descent, with optional momentum or Nesterov momentum.

    Source: `_single_tensor_sgd`, `_multi_tensor_sgd` and `_fused_sgd` in torch/optim/sgd.py.
    """

    target = "torch.optim.SGD"
    implementations = ("forloop", "foreach", "fused")

    lr: float = 1e-3
    momentum: float = 0
    dampening: float = 0
    weight_decay: float = 0
    nesterov: bool = False
    maximize: bool = False

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from self.not_negative("lr", "momentum", "weight_decay")
        plain = self.momentum > 0 and self.dampening == 0
        yield plain or not self.nesterov, "nesterov needs a momentum above 0 and no dampening"

    def state(self, weight: Weight) -> Iterator[State]:
        if self.momentum:
            yield from states(weight, "momentum_buffer")

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield gradient(p, self.maximize)
        if self.weight_decay:
            yield Make("grad", p)  # grad.add(param, alpha=weight_decay)
        if self.momentum:
            yield Update(p)  # buf.mul_(momentum)
            yield Make("grad", p) if self.nesterov else Drop("grad")  # grad.add(buf, alpha=momentum), or buf

    def foreach(self, weights: Tensors) -> Statements:
        yield from gradients(weights, self.maximize)
        if self.weight_decay and not self.maximize:
            yield Make("grad", weights)
        if self.momentum:
            yield update_all(weights)  # torch._foreach_mul_(bufs, momentum)
            if not self.nesterov:
                yield Drop("grad")  # device_grads = bufs

    def fused(self, weights: Tensors) -> Statements:
        yield from ()
