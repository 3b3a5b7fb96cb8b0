"""Adam and its variants."""

from collections.abc import Iterator, Sequence

from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.memory.optimizer import STEP, Optimizer, State, states
from archcalc.memory.statements import (
    SCALAR,
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
        yield from states(weight, "exp_avg", "exp_avg_sq")

    def begin(self, p: Tensors, decoupled: bool) -> Statements:
        """The gradient, the step, and weight decay: decoupled it is `param.mul_(1 - lr * weight_decay)`."""
        yield from begin(p, self.maximize, decays=self.weight_decay != 0 and not decoupled)
        if self.weight_decay and decoupled:
            yield Update(p)

    def begin_all(self, weights: Tensors, decoupled: bool, *, counts_first: bool = False) -> Statements:
        """The same for lists."""
        decays = self.weight_decay != 0 and not decoupled
        yield from begin_all(weights, self.maximize, decays, counts_first=counts_first)
        if self.weight_decay and decoupled:
            yield update_all(weights)


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
            yield from states(weight, "max_exp_avg_sq")

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield from self.begin(p, self.decoupled())
        yield Update(p)  # exp_avg_sq.mul_(beta2)
        yield Make("root", p)  # denom = (exp_avg_sq.sqrt() / bias_correction2_sqrt).add_(eps)
        yield Make("quotient", p, real)
        yield Drop("root")
        yield Update(p)
        yield Name("denom", "quotient")

    def foreach(self, weights: Tensors) -> Statements:
        yield from self.begin_all(weights, self.decoupled())
        yield update_all(weights)  # torch._foreach_mul_(exp_avg_sqs, beta2)
        yield Drop("grad")
        yield Make("exp_avg_sq_sqrt", weights)
        yield update_all(weights)  # torch._foreach_div_(exp_avg_sq_sqrt, bias_correction2_sqrt)
        yield update_all(weights)  # torch._foreach_add_(exp_avg_sq_sqrt, eps)

    def fused(self, weights: Tensors) -> Statements:
        yield count_steps_fused(len(weights))


class Adam(AdamLike, name="adam"):
    """Adam (Kingma & Ba 2014, arXiv:1412.6980), also as AMSGrad.

    Source: torch/optim/adam.py.
    """

    target = "torch.optim.Adam"

    decoupled_weight_decay: bool = False

    @property
    def needs(self) -> str:
        """AdamW became an Adam in torch 2.7, which gave Adam its argument (pytorch/pytorch#143710)."""
        return "2.7" if self.decoupled_weight_decay else super().needs

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
        yield from states(weight, "exp_avg", "exp_avg_sq")

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield from self.begin(p, self.decoupled_weight_decay)
        yield Update((SCALAR,))  # mu_product *= mu
        yield Update(p)  # exp_avg_sq.mul_(beta2)
        yield Make("quotient", p, real)  # denom = exp_avg_sq.div(bias_correction2).sqrt()
        yield Make("denom", p)
        yield Drop("quotient")
        yield Update(p)  # denom.add_(eps)

    def foreach(self, weights: Tensors) -> Statements:
        yield from self.begin_all(weights, self.decoupled_weight_decay)
        yield update_all(weights)  # torch._foreach_mul_(exp_avg_sqs, beta2)
        yield Make("exp_avg_sq_sqrt", weights)
        yield Update((SCALAR,) * len(weights), listed(real))  # torch._foreach_mul_(mu_products, mus)
        yield update_all(weights)  # torch._foreach_div_(exp_avg_sq_sqrt, bias_correction_sqrt)
        yield update_all(weights)  # torch._foreach_add_(exp_avg_sq_sqrt, eps)


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
        yield from self.begin(p, self.decoupled_weight_decay)
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
        yield from self.begin_all(weights, self.decoupled_weight_decay, counts_first=True)
        yield update_all(weights)  # torch._foreach_mul_(exp_avg_sqs, beta2)
        yield Drop("grad")
        yield Make("buffer", weights)  # torch._foreach_sqrt(exp_avg_sqs)
        yield update_all(weights)  # torch._foreach_add_(buffer, eps)
        yield update_all(weights)  # torch._foreach_div_(buffer, bias_correction2)
        yield update_all(weights)  # torch._foreach_add_(buffer, unrect_step_size)


class Adamax(Moments, name="adamax"):
    """Adam with the largest gradient so far in place of the average of squares.

    Source: `_single_tensor_adamax` and `_multi_tensor_adamax` in torch/optim/adamax.py.
    """

    target = "torch.optim.Adamax"

    lr: float = 2e-3

    def state(self, weight: Weight) -> Iterator[State]:
        yield STEP
        yield from states(weight, "exp_avg", "exp_inf")

    def forloop(self, weight: Tensor) -> Statements:
        p = (weight,)
        yield Drop("grad")
        yield from self.begin(p, decoupled=False)
        yield Update(p)  # exp_inf.mul_(beta2)
        yield Make("norm", p)  # grad.abs().add_(eps)
        yield Update(p)
        yield Drop("norm")

    def foreach(self, weights: Tensors) -> Statements:
        yield from self.begin_all(weights, decoupled=False)
        yield update_all(weights)  # torch._foreach_mul_(exp_infs, beta2)
        if not self.maximize and not self.weight_decay:
            yield Make("grad", weights)  # torch._foreach_abs(grads)
        yield update_all(weights)  # torch._foreach_add_(grads, eps)
