"""The experts of a mixture: those that tokens are sent to, and those that every token goes through."""

from abc import ABC
from collections.abc import Iterator
from typing import Any

from archcalc.core.contraction import WEIGHTS, Contraction, Operator, macs_of
from archcalc.core.dim import Dim
from archcalc.core.kernel import PRESERVED, Backward, Kernel, Tensor, tensor_of
from archcalc.core.operations import linear_map, product
from archcalc.core.ops import Ops
from archcalc.core.release import OLDEST
from archcalc.core.volume import Volume
from archcalc.core.weight import Weight
from archcalc.layer import Call, module
from archcalc.layers.activation import Activation
from archcalc.layers.linear import as_rows
from archcalc.record import record

GROUPED_SINCE = "2.10"
"""The release of torch that has torch.nn.functional.grouped_mm."""


def grouped_map(size: Tensor, weight: str, reads: str, **more: Any) -> Kernel:
    """As torch.nn.functional.grouped_mm maps rows, each run with a matrix of its own."""
    facts: dict[str, Any] = dict(factors=(reads, weight), weights=(weight,), backward=Backward(weight_views=True))
    return Kernel(reads=(reads,), size=size, saves=("ends",), **facts, **more)


@record(slots=False)
class MLP(ABC):
    """Abstract: down(act(gate(x)) * up(x)), or where it is not `gated` down(act(up(x))), without biases."""

    hidden_features: Dim
    gated: bool
    activation: Activation

    @property
    def into(self) -> tuple[str, ...]:
        """The maps into it."""
        return ("gate_proj", "up_proj") if self.gated else ("up_proj",)

    def ops(self, rows: Dim, features: Dim) -> Ops:
        """On so many rows."""
        hidden, into = rows * self.hidden_features, len(self.into)
        curved = Volume(self.hidden_features, batch=rows)
        return Ops(
            mac=macs_of(self.contractions(rows, features)),
            sums=into * hidden + rows * features,
            mul=hidden if self.gated else 0,
        ) + self.activation.ops(curved, curved)

    def contractions(self, rows: Dim, features: Dim, operator: Operator = Operator.PRODUCT) -> Iterator[Contraction]:
        """The maps into it and the one out of it, of so many rows."""
        each = rows * self.hidden_features * features
        yield Contraction(len(self.into) * each, operator=operator)
        yield Contraction(each, ("x", WEIGHTS), operator=operator)

    def kept(self, before: str, after: str) -> tuple[str, ...]:
        """What backward of the activation needs."""
        return tuple({"x": before, "y": after}[name] for name in self.activation.saves)

    def called(self, *words: str, since: str = OLDEST, **given: Any) -> Call:
        """The module of that class, or of the gated one."""
        words = ("Gated", *words) if self.gated else words
        act = self.activation.call(Volume(self.hidden_features))
        given |= dict(hidden_features=self.hidden_features)
        return module("".join(words), file="_".join(words).lower(), parts={"act": act}, since=since, **given)


@record(slots=False)
class Experts(MLP):
    """`num_experts` MLPs, their matrices stacked; a token goes through `top_k` of them."""

    num_experts: Dim
    top_k: Dim

    @property
    def first(self) -> str:
        """The map into an expert; gate and up are one."""
        return "gate_up_proj" if self.gated else "up_proj"

    @property
    def width(self) -> Dim:
        """What it makes."""
        return len(self.into) * self.hidden_features

    def weights(self, features: Dim) -> Iterator[Weight]:
        shapes = {self.first: (self.width, features), "down_proj": (features, self.hidden_features)}
        for name, (rows, columns) in shapes.items():
            active = self.top_k * rows * columns
            yield Weight(f"experts.{name}", (self.num_experts, rows, columns), active=active)

    def kernels(self, rows: Dim, features: Dim, dtype: str) -> Iterator[Kernel]:
        """All experts, on all rows at once."""
        hidden, act = Tensor(rows * self.width, dtype), Tensor(rows * self.hidden_features, dtype)
        yield grouped_map(hidden, f"experts.{self.first}", reads="rows", makes="hidden")
        if self.gated:
            saves = ("hidden", "activated")
            yield Kernel(reads=("hidden",), makes="product", size=act, also={"activated": act}, saves=saves)
        else:
            yield Kernel(reads=("hidden",), makes="product", saves=self.kept("hidden", "product"))
        holds = ("rows", "hidden") if self.gated else ("rows",)
        size = Tensor(rows * features, dtype)
        yield grouped_map(size, "experts.down_proj", reads="product", makes="out", holds=holds)

    def call(self, features: Dim, *, slotted: bool) -> Call:
        words, since = (("Slotted", "Experts"), OLDEST) if slotted else (("Experts",), GROUPED_SINCE)
        return self.called(*words, since=since, features=features, num_experts=self.num_experts)


@record(slots=False)
class SharedExperts(MLP):
    """The MLP that every token goes through."""

    def weights(self, features: Dim) -> Iterator[Weight]:
        for name in self.into:
            yield Weight(f"shared_experts.{name}.weight", (self.hidden_features, features))
        yield Weight("shared_experts.down_proj.weight", (features, self.hidden_features))

    def kernels(self, x: Volume) -> Iterator[Kernel]:
        size, turned = Tensor(x.positions * self.hidden_features, x.dtype), as_rows(x)
        names = tuple(f"shared_experts.{name}.weight" for name in self.into)
        yield linear_map(size, names[0], makes="before", **turned)
        yield Kernel(reads=("before",), makes="after", layout=PRESERVED, saves=self.kept("before", "after"))
        if self.gated:
            yield linear_map(size, names[1], makes="up", **turned)
            yield product(None, "after", "up", "both")
        last = "both" if self.gated else "after"
        yield linear_map(tensor_of(x), "shared_experts.down_proj.weight", reads=last, makes="shared")

    def call(self, features: Dim) -> Call:
        return self.called("MLP", features=features)
