"""Adafactor."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import STEP, Optimizer, State, tensor_of
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
    listed,
    update_all,
    whole,
)


class Adafactor(Optimizer, name="adafactor"):
    """Stores the mean square of a matrix's gradients as one vector for rows and one for columns (Shazeer & Stern 2018,
    arXiv:1804.04235); with more than two axes, for the last two.

    Source: `_single_tensor_adafactor` and `_multi_tensor_adafactor` in torch/optim/_adafactor.py.
    """

    target = "torch.optim.Adafactor"
    since = "2.5"
    on_cuda = "forloop"
    unpredicted = "norms, means and matrix products"

    lr: float = 1e-2
    beta2_decay: float = -0.8
    eps: tuple[float | None, float] = (None, 1e-3)
    d: float = 1.0
    weight_decay: float = 0
    maximize: bool = False

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from self.not_negative("lr", "weight_decay")
        yield self.beta2_decay <= 0, f"beta2_decay must be 0 or less, got {self.beta2_decay}"
        yield all(eps is None or eps >= 0 for eps in self.eps), "both numbers of eps must be 0 or more"
        yield self.d >= 1, f"d must be 1 or more, got {self.d}"

    def state(self, weight: Weight) -> Iterator[State]:
        tensor = tensor_of(weight)
        yield STEP
        if len(weight.shape) > 1:
            yield State("row_var", tensor.reduced(-1))
            yield State("col_var", tensor.reduced(-2))
        else:
            yield State("variance", tensor)

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield from begin(p, self.maximize, decays=False)
        yield from norm(weight)
        if self.weight_decay:
            yield Update(p)  # param.mul_(1 - lr * weight_decay)
        if len(weight.shape) > 1:
            for name, axis in (("row_mean", -1), ("col_mean", -2)):
                mean = (weight.reduced(axis),)
                yield Make("norm", mean)  # torch.norm(grad, dim=-1, keepdim=True).square_().div_(grad.size(-1))
                yield Update(mean, whole)
                yield Name(name, "norm")
            yield Make("var_estimate", p)  # row_var @ col_var
            yield Make("mean", (weight.reduced(-1).reduced(-2),))
            yield Drop("mean")
        else:
            yield Make("grad_squared", p)
            yield Make("var_estimate", p)  # variance.clone()
        yield Name("update", "var_estimate")
        yield from norm(weight)

    def foreach(self, weights: Tensors) -> Statements:
        for axes in dict.fromkeys(len(weight.shape) > 1 for weight in weights):
            group = tuple(weight for weight in weights if (len(weight.shape) > 1) == axes)
            yield from self.alike(group, axes)

    def alike(self, weights: Tensors, matrices: bool) -> Statements:
        """The body of the loop over groups of one dtype, either of vectors or of what has more axes."""
        yield from begin_all(weights, self.maximize, decays=False)
        for weight in weights:
            yield from norm(weight)
        if self.weight_decay:
            yield update_all(weights)
        if matrices:
            yield from factored(weights)
        else:
            yield Make("grads_squared", weights)
            yield Drop("grads_squared")
            yield Make("var_estimates", weights)
        yield Name("updates", "var_estimates")
        for weight in weights:
            yield from norm(weight)
        yield update_all(weights)  # torch._foreach_mul_(updates, alphas)


def norm(weight: Tensor) -> Statements:
    """`param.norm(2).item()`."""
    yield Make("norm", (Tensor((), weight.dtype),))
    yield Drop("norm")


def factored(weights: Tensors) -> Statements:
    """The full mean squares, estimated from those of rows and columns."""
    for axis in (-1, -2):
        means = tuple(weight.reduced(axis) for weight in weights)
        yield Make("means", means)
        yield Update(means, listed(whole))  # torch._foreach_div_(row_means, [grad.size(-1) for grad in grads])
        yield Drop("means")
    yield Make("var_estimates", weights)
    yield Make("row_var_means", tuple(weight.reduced(-1).reduced(-2) for weight in weights))
    yield Drop("row_var_means")
