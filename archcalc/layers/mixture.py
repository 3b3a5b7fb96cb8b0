"""Mixtures of experts: a router sends each token through a few of many MLPs."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Literal

from archcalc.core.condition import at_least
from archcalc.core.contraction import Contraction, Operator
from archcalc.core.dim import Dim, ceil_div, divides
from archcalc.core.kernel import Backward, Gradient, Kernel, Layout, Run, Tensor, Unpredicted, tensor_of
from archcalc.core.operations import NUMBER, product, sum_of, view
from archcalc.core.ops import Ops
from archcalc.core.volume import ITEMSIZE, Volume, tokens
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.activation import Activation, ReLU
from archcalc.layers.linear import as_rows
from archcalc.layers.mixture_experts import Experts, SharedExperts
from archcalc.layers.mixture_router import Router, SigmoidRouter, SoftmaxRouter
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.sequence import OfTokens
from archcalc.layers.smooth import GELU, SiLU

FAMILY = "Mixture of experts"

ACTIVATIONS: Mapping[str, Activation] = {"silu": SiLU(), "gelu": GELU(), "relu": ReLU()}
"""What an expert may have between its maps."""


def added_up(x: Volume, held: tuple[str, ...]) -> Iterator[Kernel]:
    """The rows of experts, added to zeros in place where their tokens are."""
    yield Kernel(reads=(), makes="zeros", size=tensor_of(x), holds=held)
    yield Kernel(
        reads=("zeros", "weighted", "token"), makes="summed", layout=Layout(view=True), saves=("weighted", "token"),
        holds=held,
    )  # fmt: skip


class Mixture(Parametrized, OfTokens, name="mixture", positional=("num_experts", "top_k", "hidden_features")):
    """Each token passes through the `top_k` of `num_experts` MLPs with the best router scores, and the shared experts.

    x: C at T tokens -> y: the same

    An expert is down(act(gate(x)) * up(x)), or down(act(up(x))) if not `gated`, without biases. The router is a linear
    map to one score per expert. With `scoring: softmax`, expert outputs are weighted by the softmax of the scores of
    the selected experts, or of all experts if `norm_topk_prob` is off. With `scoring: sigmoid`, a buffer is added to
    the scores to select experts from the `topk_group` best of `n_group` groups (by the sum of their two best scores);
    the weights are the scores themselves, divided by their sum, times `routed_scaling_factor`. The `shared_experts`
    have `shared_features` hidden features each (default: as many as the other experts) and form one wider MLP.

    With `capacity_factor` f, each of E experts has f k T / E slots per sample, rounded up, where k = `top_k`; later
    tokens without a free slot are dropped. All slots are computed, including empty ones. Whether a slot is free depends
    on earlier tokens; this dependence is not part of the receptive field.

    MACs: those of the selected experts, or of all slots, plus the router and the shared experts. Selecting the k best
    of n takes n - 1, n - 2, ... comparisons; sorting tokens by expert only moves them and counts nothing.

    The weights of all experts are stacked, and torch.nn.functional.grouped_mm applies them to the tokens sorted by
    expert. No size depends on the routing, so memory is exact. grouped_mm needs rows of a multiple of 16 bytes, does
    not support float64, does not support float32 on meta, and is not counted by FlopCounterMode. In float64 and on meta
    each row is therefore multiplied by a copy of its matrix, with the same number of MACs.

    Sources: Shazeer et al. 2017, arXiv:1701.06538, section 2; Jiang et al. 2024, arXiv:2401.04088, section 2.1; shared
    experts: Dai et al. 2024, arXiv:2401.06066, section 3.2; sigmoid and correction: DeepSeek-AI 2024, arXiv:2412.19437,
    section 2.1.2; slots: Fedus et al. 2021, arXiv:2101.03961, equation 3; transformers.models.mixtral and .deepseek_v3
    (names of weights).
    """

    role = Role.CONTRACTION
    opaque = Unpredicted(
        autocast="autocast does not cast grouped_mm, so that cast and uncast tensors mix",
        gpu="grouped_mm runs in a kernel of its own or product by product, as dtype and device decide",
    )

    num_experts: Dim
    top_k: Dim
    hidden_features: Dim
    shared_experts: Dim = 0
    shared_features: Dim | None = None
    gated: bool = True
    act: Literal["silu", "gelu", "relu"] = "silu"
    scoring: Literal["softmax", "sigmoid"] = "softmax"
    norm_topk_prob: bool = True
    n_group: Dim = 1
    topk_group: Dim = 1
    routed_scaling_factor: float = 1.0
    capacity_factor: float | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, num_experts=self.num_experts, top_k=self.top_k, hidden_features=self.hidden_features)
        yield from at_least(0, shared_experts=self.shared_experts)
        yield from at_least(1, shared_features=1 if self.shared_features is None else self.shared_features)
        yield from at_least(1, n_group=self.n_group, topk_group=self.topk_group)
        yield self.top_k <= self.num_experts, f"top_k={self.top_k} must not exceed num_experts={self.num_experts}"
        least = 16 // ITEMSIZE[x.dtype]
        for n, what in ((x.channels, "features"), (self.hidden_features, "hidden features")):
            yield (
                divides(least, n),
                f"grouped_mm needs rows of a multiple of 16 bytes: {n} {what} are not a multiple of {least}",
            )
        yield self.n_group == 1 or self.scoring == "sigmoid", f"n_group={self.n_group} needs scoring=sigmoid"
        yield from self.router.requires()

    def shape(self, x: Volume) -> Volume:
        return x

    @property
    def router(self) -> Router:
        given: dict[str, Any] = dict(num_experts=self.num_experts, top_k=self.top_k)
        given |= dict(norm_topk_prob=self.norm_topk_prob, routed_scaling_factor=self.routed_scaling_factor)
        if self.scoring == "softmax":
            return SoftmaxRouter(**given)
        return SigmoidRouter(**given, n_group=self.n_group, topk_group=self.topk_group)

    @property
    def experts(self) -> Experts:
        activation = ACTIVATIONS[self.act]
        return Experts(self.hidden_features, self.gated, activation, self.num_experts, self.top_k)

    @property
    def shared(self) -> SharedExperts:
        each = self.hidden_features if self.shared_features is None else self.shared_features
        return SharedExperts(self.shared_experts * each, self.gated, ACTIVATIONS[self.act])

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield from self.router.weights(x.channels)
        yield from self.experts.weights(x.channels)
        if self.shared_experts:
            yield from self.shared.weights(x.channels)

    @property
    def capacity(self) -> tuple[int, int]:
        """The capacity factor as a fraction: 1.25 is 5 / 4."""
        return Fraction(str(self.capacity_factor)).as_integer_ratio()

    def applied_to(self, x: Volume) -> Dim:
        """The number of rows that experts are applied to: `top_k` per token, or all slots."""
        if self.capacity_factor is None:
            return x.positions * self.top_k
        times, over = self.capacity
        slots = ceil_div(times * self.top_k * x.spatial[0], over * self.num_experts)
        return x.batch * self.num_experts * slots

    def ops(self, y: Volume, x: Volume) -> Ops:
        items, rows = x.positions, self.applied_to(x)
        emptied, added = (0, rows - items) if self.capacity_factor is None else (rows, rows)
        ops = self.router.ops(items, x.channels) + self.experts.ops(rows, x.channels)
        ops += Ops(mul=rows * x.channels + emptied, add=added * x.channels)
        if self.shared_experts:
            ops += self.shared.ops(items, x.channels) + Ops(add=x.numel)
        return ops

    def contractions(self, y: Volume, x: Volume) -> Iterator[Contraction]:
        operator = Operator.GROUPED if self.capacity_factor is None else Operator.PRODUCT
        yield Contraction(self.router.ops(x.positions, x.channels).mac)
        yield from self.experts.contractions(self.applied_to(x), x.channels, operator)
        if self.shared_experts:
            yield from self.shared.contractions(x.positions, x.channels)

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        if self.capacity_factor is not None:
            return "the memory of its expert queues is not modelled"
        if x.dtype == "float64":
            return "grouped_mm does not support float64, and the alternative copies weights"
        return super().unpredicted(run, x)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """In the order of the module's code, whose variables live until it returns."""
        n, rows, dtype = x.positions, x.positions * self.top_k, x.dtype
        held = ("tokens", "share", "chosen", "expert", "order", "token", "numbers", "ends")
        yield Kernel(makes="tokens", layout=Layout(view=True, **as_rows(x)), gradient=Gradient.VIEW)
        yield from self.router.kernels(n, dtype)
        yield Kernel(reads=("chosen",), makes="expert", size=Tensor(rows, "int64"))
        yield Kernel(reads=("chosen",), makes="order", size=Tensor(rows, "int64"))
        yield Kernel(reads=("order",), makes="token", size=Tensor(rows, "int64"), also=NUMBER)
        yield Kernel(reads=("order",), makes="numbers", size=Tensor(self.num_experts, "int64"))
        yield Kernel(reads=("expert", "numbers"), makes="ends", size=Tensor(self.num_experts, "int32"))
        yield Kernel(reads=("tokens", "token"), makes="rows", size=Tensor(rows * x.channels, dtype), saves=("token",))
        yield from self.experts.kernels(rows, x.channels, dtype)
        yield Kernel(reads=("share", "order"), makes="part", size=Tensor(rows, dtype), saves=("order",))
        size = Tensor(rows * x.channels, dtype)
        yield product(size, "out", "part", "weighted", backward=Backward(unreduced={"part": size.nbytes}))
        yield from added_up(x, held)
        last = "routed" if self.shared_experts else "y"
        yield view("summed", last, holds=held)
        if self.shared_experts:
            yield from self.shared.kernels(x)
            yield sum_of(tensor_of(y), "routed", "shared", holds=held)

    def call(self, x: Volume) -> Call:
        slotted = self.capacity_factor is not None
        parts = {"gate": self.router.call(x.channels), "experts": self.experts.call(x.channels, slotted=slotted)}
        if self.shared_experts:
            parts["shared_experts"] = self.shared.call(x.channels)
        if slotted:
            given: dict[str, Any] = dict(num_experts=self.num_experts, capacity=self.capacity)
            return module("SlottedMixture", file="slotted_mixture", parts=parts, **given)
        return module("Mixture", file="mixture", parts=parts, num_experts=self.num_experts)

    examples = (
        Example(
            given=dict(num_experts=8, top_k=2, hidden_features=56), x=tokens(6, 16), y=tokens(6, 16),
            params=21_632, macs=33_024, scalar=66_894,
            source="Mixtral 8x7B, its widths divided by 256: Jiang et al. 2024, arXiv:2401.04088, table 1",
        ),
        Example(
            given=dict(
                num_experts=16, top_k=4, hidden_features=32, shared_experts=2, shared_features=24, scoring="sigmoid",
                n_group=4, topk_group=2, routed_scaling_factor=2.5,
            ),
            x=tokens(12, 16), y=tokens(12, 16), params=27_136, macs=104_448, scalar=212_520,
        ),
        Example(
            given=dict(
                num_experts=8, top_k=3, hidden_features=24, shared_experts=1, norm_topk_prob=False, gated=False,
                act="gelu",
            ),
            x=tokens(10, 32), y=tokens(10, 32), params=14_080, macs=64_000, scalar=130_080,
        ),
        Example(
            given=dict(
                num_experts=4, top_k=1, hidden_features=24, gated=False, act="relu", norm_topk_prob=False,
                capacity_factor=4.0,
            ),
            x=tokens(8, 12), y=tokens(8, 12), params=2_352, macs=18_816, scalar=38_184,
            source="a capacity factor: Fedus et al. 2021, arXiv:2101.03961, equation 3",
        ),
        Example(
            given=dict(
                num_experts=4, top_k=2, hidden_features=8, shared_experts=1, routed_scaling_factor=0.5,
                capacity_factor=2.5,
            ),
            x=tokens(6, 8), y=tokens(6, 8), params=992, macs=7_488, scalar=15_634,
        ),
    )  # fmt: skip
