"""Adam and its variants."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import (
    SCALAR,
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


class Moments(Optimizer):
    """Abstract: two running averages per weight, of gradients and of their squares."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0
    maximize: bool = False

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from self.not_negative("lr", "eps", "weight_decay")
        yield from self.below_one(self.betas)

    def state(self, weight: Weight) -> Iterator[State]:
        yield STEP
        yield State("exp_avg", tensor_of(weight))
        yield State("exp_avg_sq", tensor_of(weight))

    def decay(self, p: Tensors, decoupled: bool) -> Statements:
        """`param.mul_(1 - lr * weight_decay)`, or `grad = grad.add(param, alpha=weight_decay)`."""
        if self.weight_decay:
            yield Update(p) if decoupled else Make("grad", p)

    def decay_all(self, weights: Tensors, decoupled: bool) -> Statements:
        """The same for a list; a list of negated gradients is reused."""
        if self.weight_decay and decoupled:
            yield Update(weights, listed(real))
        elif self.weight_decay and not self.maximize:
            yield Make("grad", weights)


class AdamLike(Moments):
    """Abstract: the code that Adam and AdamW share in torch.

    Source: `_single_tensor_adam`, `_multi_tensor_adam` and `_fused_adam` in torch/optim/adam.py.
    """

    implementations = ("forloop", "foreach", "fused")

    lr: float = 1e-3
    amsgrad: bool = False

    def decoupled(self) -> bool:
        """Whether weight decay is applied to the weights, not to the gradient."""
        return True

    def state(self, weight: Weight) -> Iterator[State]:
        yield from super().state(weight)
        if self.amsgrad:
            yield State("max_exp_avg_sq", tensor_of(weight))

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield gradient(p, self.maximize)
        yield count_step()
        yield from self.decay(p, self.decoupled())
        yield Update(p)  # exp_avg_sq.mul_(beta2)
        yield Make("root", p)  # denom = (exp_avg_sq.sqrt() / bias_correction2_sqrt).add_(eps)
        yield Make("quotient", p, real)
        yield Drop("root")
        yield Update(p)
        yield Name("denom", "quotient")

    def foreach(self, weights: Tensors) -> Statements:
        yield from gradients(weights, self.maximize)
        yield from count_steps()
        yield from self.decay_all(weights, self.decoupled())
        yield Update(weights, listed(real))  # torch._foreach_mul_(exp_avg_sqs, beta2)
        yield Drop("grad")
        yield Make("exp_avg_sq_sqrt", weights)
        yield Update(weights, listed(real))  # torch._foreach_div_(exp_avg_sq_sqrt, bias_correction2_sqrt)
        yield Update(weights, listed(real))  # torch._foreach_add_(exp_avg_sq_sqrt, eps)

    def fused(self, weights: Tensors) -> Statements:
        yield count_steps_fused(len(weights))


class Adam(AdamLike, name="adam"):
    """Adam (Kingma & Ba 2014, arXiv:1412.6980), also as AMSGrad.

    Source: torch/optim/adam.py.
    """

    target = "torch.optim.Adam"

    decoupled_weight_decay: bool = False

    def decoupled(self) -> bool:
        return self.decoupled_weight_decay


class AdamW(AdamLike, name="adamw"):
    """Adam with weight decay that does not go through the averages (Loshchilov & Hutter 2017, arXiv:1711.05101).

    Source: torch/optim/adamw.py, which is torch/optim/adam.py with other defaults.
    """

    target = "torch.optim.AdamW"

    weight_decay: float = 1e-2


class NAdam(Moments, name="nadam"):
    """Adam with Nesterov's momentum.

    Source: `_single_tensor_nadam` and `_multi_tensor_nadam` in torch/optim/nadam.py.
    """

    target = "torch.optim.NAdam"

    lr: float = 2e-3
    momentum_decay: float = 4e-3
    decoupled_weight_decay: bool = False

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        yield from super().requires(weights)
        yield from self.not_negative("momentum_decay")

    def state(self, weight: Weight) -> Iterator[State]:
        yield STEP
        yield State("mu_product", SCALAR, host=True)
        yield State("exp_avg", tensor_of(weight))
        yield State("exp_avg_sq", tensor_of(weight))

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield gradient(p, self.maximize)
        yield count_step()
        yield from self.decay(p, self.decoupled_weight_decay)
        yield Update((SCALAR,))  # mu_product *= mu
        yield Update(p)  # exp_avg_sq.mul_(beta2)
        yield Make("quotient", p, real)  # denom = exp_avg_sq.div(bias_correction2).sqrt()
        yield Make("denom", p)
        yield Drop("quotient")
        yield Update(p)  # denom.add_(eps)

    def foreach(self, weights: Tensors) -> Statements:
        yield from gradients(weights, self.maximize)
        yield from count_steps()
        yield from self.decay_all(weights, self.decoupled_weight_decay)
        yield Update(weights, listed(real))  # torch._foreach_mul_(exp_avg_sqs, beta2)
        yield Make("exp_avg_sq_sqrt", weights)
        yield Update((SCALAR,) * len(weights), listed(real))  # torch._foreach_mul_(mu_products, mus)
        yield Update(weights, listed(real))  # torch._foreach_div_(exp_avg_sq_sqrt, bias_correction_sqrt)
        yield Update(weights, listed(real))  # torch._foreach_add_(exp_avg_sq_sqrt, eps)


class RAdam(Moments, name="radam"):
    """Adam whose adaptive rate starts once its variance is small enough: with the default betas, at the sixth step.

    The for-loop implementation here models the steps after that.

    Source: `_single_tensor_radam` and `_multi_tensor_radam` in torch/optim/radam.py.
    """

    target = "torch.optim.RAdam"

    lr: float = 1e-3
    decoupled_weight_decay: bool = False

    def rectifies(self) -> bool:
        """Whether the adaptive rate ever starts: `rho_inf`, the limit of `rho_t`, is above 5."""
        return 2 / (1 - self.betas[1]) - 1 > 5

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield gradient(p, self.maximize)
        yield count_step()
        yield from self.decay(p, self.decoupled_weight_decay)
        yield Update(p)  # exp_avg_sq.mul_(beta2)
        yield Make("bias_corrected_exp_avg", p, real)
        yield Make("update", p, real)  # bias_corrected_exp_avg * lr
        if self.rectifies():
            yield from self.rectified(p)
        yield Drop("update")

    def rectified(self, p: Tensors) -> Statements:
        """`... * _compute_adaptive_lr() * _compute_rect()`."""
        yield Make("exp_avg_sq_sqrt", p)
        yield Update(p)  # exp_avg_sq_sqrt.add_(eps)
        yield Make("reciprocal", p)  # a number divided by a tensor: its reciprocal, times the number
        yield Make("adaptive_lr", p, real)
        yield Drop("reciprocal")
        yield Drop("exp_avg_sq_sqrt")
        yield Make("update", p)
        yield Drop("adaptive_lr")
        yield Make("update", p, real)

    def foreach(self, weights: Tensors) -> Statements:
        yield Drop("grad")
        yield from count_steps()
        yield from gradients(weights, self.maximize)
        yield from self.decay_all(weights, self.decoupled_weight_decay)
        yield Update(weights, listed(real))  # torch._foreach_mul_(exp_avg_sqs, beta2)
        yield Drop("grad")
        yield Make("buffer", weights)  # torch._foreach_sqrt(exp_avg_sqs)
        yield Update(weights, listed(real))  # torch._foreach_add_(buffer, eps)
        yield Update(weights, listed(real))  # torch._foreach_div_(buffer, bias_correction2)
        yield Update(weights, listed(real))  # torch._foreach_add_(buffer, unrect_step_size)


class Adamax(Moments, name="adamax"):
    """Adam with the largest gradient so far in place of the average of squares.

    Source: `_single_tensor_adamax` and `_multi_tensor_adamax` in torch/optim/adamax.py.
    """

    target = "torch.optim.Adamax"

    lr: float = 2e-3

    def state(self, weight: Weight) -> Iterator[State]:
        yield STEP
        yield State("exp_avg", tensor_of(weight))
        yield State("exp_inf", tensor_of(weight))

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield gradient(p, self.maximize)
        yield count_step()
        yield from self.decay(p, decoupled=False)
        yield Update(p)  # exp_inf.mul_(beta2)
        yield Make("norm", p)  # grad.abs().add_(eps)
        yield Update(p)
        yield Drop("norm")

    def foreach(self, weights: Tensors) -> Statements:
        yield from gradients(weights, self.maximize)
        yield from count_steps()
        yield from self.decay_all(weights, decoupled=False)
        yield Update(weights, listed(real))  # torch._foreach_mul_(exp_infs, beta2)
        if not self.maximize and not self.weight_decay:
            yield Make("grad", weights)  # torch._foreach_abs(grads)
        yield Update(weights, listed(real))  # torch._foreach_add_(grads, eps)
