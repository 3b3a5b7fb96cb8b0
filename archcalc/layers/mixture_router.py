"""Routers of a mixture: which experts a token goes through, and how much it takes of each."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from archcalc.core.dim import Dim, divides, exact, maximum
from archcalc.core.kernel import PRESERVED, Kernel, Tensor
from archcalc.core.operations import linear_map, times_number
from archcalc.core.ops import Ops
from archcalc.core.weight import Weight
from archcalc.layer import Call, Requirement, module
from archcalc.record import record


def selected(n: Dim, k: Dim) -> Dim:
    """Comparisons that pick the k largest of n, one after the other."""
    return k * (n - 1) - k * (k - 1) // 2


@record(slots=False)
class Router(ABC):
    """Abstract: a linear map to a score for each expert; `top_k` experts are chosen, and scores made shares.

    `norm_topk_prob`: the shares of those chosen are 1 together; `routed_scaling_factor`: and then times that.
    """

    num_experts: Dim
    top_k: Dim
    norm_topk_prob: bool
    routed_scaling_factor: float

    def requires(self) -> Iterator[Requirement]:
        yield from ()

    def weights(self, features: Dim) -> Iterator[Weight]:
        yield Weight("gate.weight", (self.num_experts, features))

    def ops(self, items: Dim, features: Dim) -> Ops:
        """For so many tokens."""
        scores = items * self.num_experts
        return Ops(mac=scores * features, sums=scores) + self.chosen(items)

    @abstractmethod
    def chosen(self, items: Dim) -> Ops:
        """What turns scores into experts and shares, of so many tokens."""

    @abstractmethod
    def kernels(self, n: Dim, dtype: str) -> Iterator[Kernel]:
        """Which experts each of n tokens goes to, `chosen`, and how much it takes of each, `share`."""

    @abstractmethod
    def call(self, features: Dim) -> Call: ...

    def called(self, target: str, file: str, features: Dim, **more: Any) -> Call:
        if self.scaled:
            more |= dict(routed_scaling_factor=self.routed_scaling_factor)
        return module(target, file=file, features=features, num_experts=self.num_experts, top_k=self.top_k, **more)

    @property
    def scaled(self) -> bool:
        return self.routed_scaling_factor != 1

    @property
    def picked(self) -> str:
        """What the scores of the chosen are: `share` where nothing more becomes of them."""
        return "picked" if self.norm_topk_prob or self.scaled else "share"

    @property
    def normed(self) -> str:
        """What they are where they are 1 together."""
        return "normed" if self.scaled else "share"

    def scored(self, n: Dim, dtype: str) -> Kernel:
        scores = Tensor(n * self.num_experts, dtype)
        return linear_map(scores, "gate.weight", reads="tokens", makes="scores", matrix=True)

    def scaling(self) -> Iterator[Kernel]:
        if self.scaled:
            reads = "normed" if self.norm_topk_prob else "picked"
            yield times_number(None, reads, "share", holds=("picked", "chosen"))


@record(slots=False)
class SoftmaxRouter(Router):
    """Shares are softmax of the scores: of those chosen, or where `norm_topk_prob` is off of all."""

    def chosen(self, items: Dim) -> Ops:
        k, n = self.top_k, self.num_experts
        among = k if self.norm_topk_prob else n
        rest = items * (among - 1)
        return Ops(
            compare=items * selected(n, k) + rest,
            add=items * among + rest,
            exp=items * among,
            div=items * among,
            mul=items * k if self.scaled else 0,
        )

    def kernels(self, n: Dim, dtype: str) -> Iterator[Kernel]:
        picked, chosen = Tensor(n * self.top_k, dtype), Tensor(n * self.top_k, "int64")
        yield self.scored(n, dtype)
        reads = "scores"
        if not self.norm_topk_prob:
            reads = "probabilities"
            yield Kernel(reads=("scores",), makes=reads, saves=(reads,))
        yield Kernel(reads=(reads,), makes="chosen", size=chosen)
        yield Kernel(reads=(reads, "chosen"), makes=self.picked, size=picked, saves=("chosen",))
        if self.norm_topk_prob:
            yield Kernel(reads=("picked",), makes=self.normed, saves=(self.normed,))
        yield from self.scaling()

    def call(self, features: Dim) -> Call:
        if self.norm_topk_prob:
            return self.called("TopKRouter", "top_k_router", features)
        return self.called("SoftmaxRouter", "softmax_router", features)


@record(slots=False)
class SigmoidRouter(Router):
    """Shares are sigmoids of the scores, over their sum; a buffer corrects them before experts are chosen, from the
    `topk_group` best of `n_group` groups."""

    n_group: Dim
    topk_group: Dim

    def requires(self) -> Iterator[Requirement]:
        groups, each = self.n_group, self.num_experts // self.n_group
        yield divides(groups, self.num_experts), f"n_group={groups} must divide the {self.num_experts} experts"
        yield each >= 2, f"a group needs two experts or more, {groups} groups of {self.num_experts} have {each}"
        yield self.topk_group <= groups, f"topk_group={self.topk_group} of n_group={groups} are too many"
        left = self.topk_group * each
        yield self.top_k <= left, f"top_k={self.top_k} of the {left} experts in {self.topk_group} groups are too many"

    def weights(self, features: Dim) -> Iterator[Weight]:
        yield from super().weights(features)
        yield Weight("gate.e_score_correction_bias", (self.num_experts,), buffer=True)

    def chosen(self, items: Dim) -> Ops:
        k, n, rows = self.top_k, self.num_experts, items * self.top_k
        each = exact(n, self.n_group)
        compared = self.n_group * selected(each, 2) + selected(self.n_group, self.topk_group)
        compared += selected(self.topk_group * each, k)
        summed, divided = (rows - items, rows) if self.norm_topk_prob else (0, 0)
        added = items * (n + self.n_group) + summed
        scaled = rows if self.scaled else 0
        return Ops(compare=items * compared, add=added, exp=items * n, div=divided, mul=scaled)

    def kernels(self, n: Dim, dtype: str) -> Iterator[Kernel]:
        scores, picked = Tensor(n * self.num_experts, dtype), Tensor(n * self.top_k, dtype)
        chosen = Tensor(n * self.top_k, "int64")
        yield self.scored(n, dtype)
        yield Kernel(reads=("scores",), makes="probabilities", layout=PRESERVED, saves=("probabilities",))
        own = {"corrected": scores, "preferring": self.preferring(n, scores, chosen)}
        yield Kernel(reads=("probabilities",), makes="chosen", size=chosen, also=own)
        yield Kernel(reads=("probabilities", "chosen"), makes=self.picked, size=picked, saves=("chosen",))
        if self.norm_topk_prob:
            yield Kernel(reads=("picked",), makes="whole", size=Tensor(n, dtype), holds=("probabilities",))
            yield Kernel(reads=("picked", "whole"), makes=self.normed, saves=("picked", "whole"))
        yield from self.scaling()

    def preferring(self, n: Dim, scores: Tensor, chosen: Tensor) -> Tensor:
        """What it takes at its worst to prefer groups, in bytes: the two best of each, or the scores of the others
        masked, with the groups that are left and the scores of the chosen."""
        two, left = 2 * n * self.n_group, n * self.topk_group
        first = Tensor(two, scores.dtype).nbytes + Tensor(two, "int64").nbytes - chosen.nbytes
        picked = Tensor(chosen.numel, scores.dtype).nbytes
        last = scores.nbytes + Tensor(left, "int64").nbytes + n * self.n_group + picked
        return Tensor(maximum(first, last), "bool")

    def call(self, features: Dim) -> Call:
        groups: dict[str, Any] = dict(n_group=self.n_group, topk_group=self.topk_group)
        given = groups if self.norm_topk_prob else dict(groups, norm_topk_prob=False)
        return self.called("SigmoidRouter", "sigmoid_router", features, **given)
