"""Muon."""

from collections.abc import Iterator, Sequence
from typing import Literal

from archcalc.core.dim import minimum
from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import Optimizer, State, learned, states
from archcalc.memory.statements import Change, Changes, Drop, Make, Name, Statements, Tensor, Update

HALF = "bfloat16"


class Muon(Optimizer, name="muon"):
    """Momentum orthogonalised by Newton-Schulz iterations in bfloat16; for matrices only.

    Source: `_single_tensor_muon` and `_zeropower_via_newtonschulz` in torch/optim/_muon.py.
    """

    target = "torch.optim.Muon"
    since = "2.9"
    implementations = ("forloop",)
    on_cuda = "forloop"
    unpredicted = "norms and matrix products"

    lr: float = 1e-3
    weight_decay: float = 0.1
    momentum: float = 0.95
    nesterov: bool = True
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315)
    eps: float = 1e-7
    ns_steps: int = 5
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from self.not_negative("lr", "weight_decay", "momentum")
        yield 1 <= self.ns_steps < 100, f"ns_steps must be from 1 to 99, got {self.ns_steps}"
        for weight in learned(weights):
            yield len(weight.shape) == 2, f"muon supports matrices only, but {weight.name} has {len(weight.shape)} axes"

    def state(self, weight: Weight) -> Iterator[State]:
        yield from states(weight, "momentum_buffer")

    def forloop(self, weight: Tensor) -> Statements:
        p, half = (weight,), (Tensor(weight.shape, HALF),)
        side = minimum(*weight.shape)
        gram = (Tensor((side, side), HALF),)
        yield Make("update", p) if self.nesterov else Drop("update")  # grad.lerp(buf, momentum), or buf
        if weight.dtype != HALF:
            yield Make("ortho_grad", half)  # grad.bfloat16()
        yield Make("norm", (Tensor((), HALF),))  # ortho_grad.div_(ortho_grad.norm().clamp(min=eps))
        yield Make("clamped", (Tensor((), HALF),))
        yield Drop("norm")
        yield Drop("clamped")
        for _ in range(self.ns_steps):
            yield Make("gram_matrix", gram)
            yield Make("gram_update", gram)
            yield Make("ortho_grad", half)
        yield Drop("gram_matrix")
        yield Drop("gram_update")
        yield Name("update", "ortho_grad")
        yield Update(p)  # param.mul_(1 - lr * weight_decay)
        yield Update(p, converted)  # param.add_(update, alpha=-adjusted_lr)


def converted(tensor: Tensor) -> Changes:
    """For a bfloat16 operand of the tensor's size: it is cast to the tensor's dtype."""
    return () if tensor.dtype == HALF else (Change(tensor.nbytes, workspace=True),)
