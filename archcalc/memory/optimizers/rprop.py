"""Rprop."""

from collections.abc import Iterator, Sequence

from archcalc.core.volume import ITEMSIZE
from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import STEP, Optimizer, State, states
from archcalc.memory.statements import (
    Change,
    Changes,
    Drop,
    Make,
    Name,
    Operand,
    Statements,
    Tensor,
    Tensors,
    begin,
    count_steps,
    listed,
    real,
    whole,
)


class Rprop(Optimizer, name="rprop"):
    """Steps that grow while a gradient keeps its sign and shrink when it changes.

    Source: `_single_tensor_rprop` and `_multi_tensor_rprop` in torch/optim/rprop.py.
    """

    target = "torch.optim.Rprop"

    lr: float = 1e-2
    etas: tuple[float, float] = (0.5, 1.2)
    step_sizes: tuple[float, float] = (1e-6, 50)
    maximize: bool = False

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from self.not_negative("lr")
        low, high = self.etas
        yield 0 < low < 1 < high, f"etas must be one between 0 and 1 and one above 1, got {list(self.etas)}"

    def state(self, weight: Weight) -> Iterator[State]:
        yield STEP
        yield from states(weight, "prev", "step_size")

    def depends(self, weight: Weight) -> bool:
        """A mask without axes is a single boolean: if true, an index of 8 bytes is allocated too."""
        return not weight.shape

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield from begin(p, self.maximize, decays=False)
        yield Make("product", p)  # sign = grad.mul(prev).sign()
        yield Make("sign", p)
        yield Drop("product")
        yield from signs_to_etas(weight)
        yield Make("grad", p)  # grad.clone()
        yield from assigned_where(weight, real)  # grad[sign.eq(etaminus)] = 0
        yield Make("direction", p)  # grad.sign()
        yield Drop("direction")

    def foreach(self, weights: Tensors) -> Statements:
        yield from count_steps()
        yield Make("signs", weights[:-1])
        yield Make("last", weights[-1:])
        yield Name("sign", "last")  # after `for sign in signs:` the variable still holds the last sign
        for weight in weights:
            yield from signs_to_etas(weight)
        for weight in weights:
            yield mask(weight, real)  # grads[i].copy_(torch.where(signs[i].eq(etaminus), 0, grads[i]))
            yield Make("kept", (weight,), constant)
            yield Drop("mask")
            yield Drop("kept")
        yield Drop("signs")
        yield Make("grad_signs", weights)


def constant(tensor: Tensor) -> Changes:
    """For the number that `torch.where` may choose, in the dtype of the result."""
    return (Change(ITEMSIZE[tensor.dtype], workspace=True),)


def mask(weight: Tensor, operand: Operand) -> Make:
    """`weight.gt(number)`: a boolean mask. Comparisons allocate the number internally."""
    return Make("mask", (Tensor(weight.shape, "bool"),), lambda _: listed(operand)(weight))


def assigned_where(weight: Tensor, operand: Operand) -> Statements:
    """`weight[weight.gt(number)] = value`."""
    yield mask(weight, operand)
    yield Make("value", (Tensor((), weight.dtype),))
    yield Drop("value")
    yield Drop("mask")


def signs_to_etas(weight: Tensor) -> Statements:
    """`sign[sign.gt(0)] = etaplus`, `sign[sign.lt(0)] = etaminus`, `sign[sign.eq(0)] = 1`."""
    for _ in range(3):
        yield from assigned_where(weight, whole)
