"""Mixtures of experts: each token goes through a few of many MLPs, those that a router prefers for it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, exact
from archcalc.core.kernel import FACTOR, Gradient, Kernel, Run, Tensor, linear_map, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.volume import ITEMSIZE, Volume, tokens
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.linear import many
from archcalc.layers.sequence import OfTokens

WIDTH = 120

MIXTURE = '''\
class $NAME(nn.Module):
    """A mixture of experts, `top_k` for each token; names of weights as in Hugging Face's $MODEL."""

$INITIALISER
        super().__init__()
        self.num_experts, self.top_k = num_experts, top_k
        self.gate = nn.Linear(features, num_experts, bias=False)
$INIT\
        self.experts = nn.ParameterDict(
            {
                "$UP": torch.empty(num_experts, $WIDTH, features).normal_(std=0.02),
                "down_proj": torch.empty(num_experts, features, hidden_features).normal_(std=0.02),
            }
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(0, -2)
        share, chosen = self.route(tokens)
        expert, order = chosen.flatten().sort()
        token = order // self.top_k
        numbers = torch.arange(self.num_experts, device=x.device)
        ends = torch.searchsorted(expert, numbers, right=True, out_int32=True)
        y = self.mlp(tokens[token], expert, ends) * share.flatten()[order, None]
        $RETURN

    def route(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """How much each token takes of which experts."""
$ROUTE

    def mlp(self, rows: torch.Tensor, expert: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """The MLPs of the experts, each on the rows that are sent to it, which end where those of the next begin."""
$MLP

    def linear(self, name: str, rows: torch.Tensor, expert: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """Each row times the matrix of its expert."""
        weight = self.experts[name]
        if rows.is_meta or rows.dtype == torch.float64:  # which grouped_mm does not take
            return (weight[expert] @ rows[:, :, None]).squeeze(-1)
        return F.grouped_mm(rows, weight.mT, offs=ends)
'''

AMONG_CHOSEN = """\
        share, chosen = self.gate(tokens).topk(self.top_k)
        return share.softmax(-1)$SCALE, chosen"""

AMONG_ALL = """\
        share, chosen = self.gate(tokens).softmax(-1).topk(self.top_k)
        return share$SCALE, chosen"""

GROUPS = """\
        self.n_group, self.topk_group = n_group, topk_group
        self.gate.register_buffer("e_score_correction_bias", torch.zeros(num_experts))
"""

CORRECTED = '''\
        scores = self.gate(tokens).sigmoid()
        chosen = self.preferred(scores.detach() + self.gate.e_score_correction_bias)
        share = scores.gather(1, chosen)
        return share$SUM$SCALE, chosen

    def preferred(self, scores: torch.Tensor) -> torch.Tensor:
        """The best experts of the best groups: those whose two best experts score most together."""
        groups = scores.unflatten(-1, (self.n_group, -1))
        best = groups.topk(2).values.sum(-1).topk(self.topk_group).indices
        others = torch.ones(len(scores), self.n_group, dtype=torch.bool, device=scores.device).scatter(1, best, False)
        return groups.masked_fill(others[:, :, None], float("-inf")).flatten(1).topk(self.top_k).indices'''

SHARED = """\
        self.shared_experts = nn.ModuleDict(
            {
$GATE                "up_proj": nn.Linear(features, shared_features, bias=False),
                "down_proj": nn.Linear(shared_features, features, bias=False),
            }
        )
"""

SHARED_GATE = """\
                "gate_proj": nn.Linear(features, shared_features, bias=False),
"""

SHARED_MLP = '''
    def shared(self, x: torch.Tensor) -> torch.Tensor:
        """The MLP that every token goes through."""
        maps = self.shared_experts
        return maps["down_proj"]($INNER)
'''

GATED = """\
        gate, up = self.linear("gate_up_proj", rows, expert, ends).chunk(2, dim=-1)
        return self.linear("down_proj", F.$ACT(gate) * up, expert, ends)"""

PLAIN = """\
        hidden = F.$ACT(self.linear("up_proj", rows, expert, ends))
        return self.linear("down_proj", hidden, expert, ends)"""


def filled(template: str, **words: str) -> str:
    """A template with `$WORD` replaced.

    >>> filled("F.$ACT(x)", ACT="silu")
    'F.silu(x)'
    """
    for name, text in words.items():
        template = template.replace(f"${name}", text)
    return template


def initialiser(parameters: Sequence[str]) -> str:
    """The head of `__init__`, on lines of at most 120 characters."""
    line = f"    def __init__({', '.join(parameters)}) -> None:"
    if len(line) <= WIDTH:
        return line
    return "\n".join(("    def __init__(", *(f"        {each}," for each in parameters), "    ) -> None:"))


def selected(n: Dim, k: Dim) -> Dim:
    """Comparisons that pick the k largest of n, one after the other."""
    return k * (n - 1) - k * (k - 1) // 2


def grouped_map(size: Tensor, weight: str, reads: str, **more: Any) -> Kernel:
    """As torch.nn.functional.grouped_mm maps rows, each run with a matrix of its own."""
    own = (weight,)
    facts: dict[str, Any] = dict(crosswise=True, weights=own, copies=own, keeps=("ends",), shown=True)
    return Kernel(reads=(reads,), size=size, **facts, **more)


class Mixture(OfTokens, name="mixture", positional=("num_experts", "top_k", "hidden_features")):
    """Each token goes through `top_k` of `num_experts` MLPs, those that a router scores best, and through shared ones.

    x: C at T tokens -> y: the same

    An expert is down(act(gate(x)) * up(x)), or where it is not `gated` down(act(up(x))), without biases. The router is
    a linear map to a score for each expert. With `scoring: softmax` a token takes of the experts that it goes to the
    shares that softmax gives them among themselves, or where `norm_topk_prob` is off among all. With `scoring: sigmoid`
    a buffer corrects the scores before experts are chosen, from the `topk_group` best of `n_group` groups (by the sum
    of their two best scores); shares are the scores themselves, over their sum, times `routed_scaling_factor`.
    `shared_experts` of `shared_features` hidden features each (unsaid: as many as the others) are one wider MLP.

    MACs: of the experts that a token goes to, of the router, of the shared experts. Picking the k best of n takes
    n - 1, n - 2, ... comparisons; sorting tokens by expert moves them and counts nothing.

    Experts are stacked, and applied by torch.nn.functional.grouped_mm to the tokens in the order of their experts: no
    size depends on where tokens go, so that memory is exact. grouped_mm wants rows of a multiple of 16 bytes, has no
    float64 and on meta no float32, and FlopCounterMode does not count it: in float64 and on meta each row is
    multiplied with a copy of its matrix, which is as many MACs.

    Sources: Shazeer et al. 2017, arXiv:1701.06538, section 2; Jiang et al. 2024, arXiv:2401.04088, section 2.1; shared
    experts: Dai et al. 2024, arXiv:2401.06066, section 3.2; sigmoid and correction: DeepSeek-AI 2024, arXiv:2412.19437,
    section 2.1.2; transformers.models.mixtral and .deepseek_v3 (names of weights).
    """

    role = Role.CONTRACTION
    uncast = "grouped_mm is not cast, and what goes into it and comes out meets what is"

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

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, num_experts=self.num_experts, top_k=self.top_k, hidden_features=self.hidden_features)
        yield from at_least(0, shared_experts=self.shared_experts)
        yield from at_least(1, n_group=self.n_group, topk_group=self.topk_group)
        yield self.top_k <= self.num_experts, f"top_k={self.top_k} of num_experts={self.num_experts} are too many"
        least = 16 // ITEMSIZE[x.dtype]
        for n, what in ((x.channels, "features"), (self.hidden_features, "hidden features")):
            yield (
                divides(least, n),
                f"grouped_mm takes rows of a multiple of 16 bytes: {n} {what} are not {least} times n",
            )
        if self.scoring == "sigmoid":
            yield from self.grouped()

    def grouped(self) -> Iterator[Requirement]:
        """What must hold of groups."""
        groups, each = self.n_group, self.num_experts // self.n_group
        yield divides(groups, self.num_experts), f"n_group={groups} must divide the {self.num_experts} experts"
        yield each >= 2, f"a group needs two experts or more, {groups} groups of {self.num_experts} have {each}"
        yield self.topk_group <= groups, f"topk_group={self.topk_group} of n_group={groups} are too many"
        left = self.topk_group * each
        yield self.top_k <= left, f"top_k={self.top_k} of the {left} experts in {self.topk_group} groups are too many"

    def shape(self, x: Volume) -> Volume:
        return x

    @property
    def shared_width(self) -> Dim:
        """Hidden features of the shared experts together."""
        return self.shared_experts * (self.hidden_features if self.shared_features is None else self.shared_features)

    @property
    def width(self) -> Dim:
        """What the first map of an expert makes."""
        return (2 if self.gated else 1) * self.hidden_features

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("gate.weight", (self.num_experts, x.channels))
        if self.scoring == "sigmoid":
            yield Weight("gate.e_score_correction_bias", (self.num_experts,), buffer=True)
        shapes = {self.first: (self.width, x.channels), "down_proj": (x.channels, self.hidden_features)}
        for name, (rows, columns) in shapes.items():
            active = self.top_k * rows * columns
            yield Weight(f"experts.{name}", (self.num_experts, rows, columns), active=active)
        if self.shared_experts:
            for name in self.into:
                yield Weight(f"shared_experts.{name}.weight", (self.shared_width, x.channels))
            yield Weight("shared_experts.down_proj.weight", (x.channels, self.shared_width))

    @property
    def first(self) -> str:
        return "gate_up_proj" if self.gated else "up_proj"

    @property
    def into(self) -> tuple[str, ...]:
        """The maps into the shared experts."""
        return ("gate_proj", "up_proj") if self.gated else ("up_proj",)

    def ops(self, y: Volume, x: Volume) -> Ops:
        items, scores = x.positions, x.positions * self.num_experts
        rows, shared = items * self.top_k, x.numel if self.shared_experts else 0
        hidden = rows * self.hidden_features + items * self.shared_width
        maps = 3 if self.gated else 2
        curved = 0 if self.act == "relu" else hidden
        routed = self.routing(items)
        return Ops(
            mac=scores * x.channels + maps * hidden * x.channels,
            sums=scores + (maps - 1) * hidden + rows * x.channels + shared,
            mul=curved + (hidden if self.gated else 0) + rows * x.channels + routed.mul,
            exp=curved + routed.exp,
            compare=(hidden if self.act == "relu" else 0) + routed.compare,
            add=(rows - items) * x.channels + shared + routed.add,
            div=routed.div,
        )

    def routing(self, items: Dim) -> Ops:
        """What turns scores into experts and shares, of so many tokens."""
        k, n, rows = self.top_k, self.num_experts, items * self.top_k
        scaled = 0 if self.routed_scaling_factor == 1 else rows
        if self.scoring == "softmax":
            among = k if self.norm_topk_prob else n
            rest = items * (among - 1)
            compare = items * selected(n, k) + rest
            return Ops(compare=compare, add=items * among + rest, exp=items * among, div=items * among, mul=scaled)
        each = exact(n, self.n_group)
        compared = self.n_group * selected(each, 2) + selected(self.n_group, self.topk_group)
        compared += selected(self.topk_group * each, k)
        summed, divided = (rows - items, rows) if self.norm_topk_prob else (0, 0)
        added = items * (n + self.n_group) + summed
        return Ops(compare=items * compared, add=added, exp=items * n, div=divided, mul=scaled)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """In the order of the module's code, whose variables live until it returns."""
        n, rows, dtype = x.positions, x.positions * self.top_k, x.dtype
        held = ("tokens", "share", "chosen", "expert", "order", "token", "numbers", "ends")
        yield Kernel(makes="tokens", view=True, in_order=many(x), gradient=Gradient.VIEW)
        yield from self.route(n, dtype)
        yield Kernel(reads=("chosen",), makes="expert", size=Tensor(rows, "int64"))
        yield Kernel(reads=("chosen",), makes="order", size=Tensor(rows, "int64"))
        yield Kernel(reads=("order",), makes="token", size=Tensor(rows, "int64"), own=FACTOR)
        yield Kernel(reads=("order",), makes="numbers", size=Tensor(self.num_experts, "int64"))
        yield Kernel(reads=("expert", "numbers"), makes="ends", size=Tensor(self.num_experts, "int32"))
        yield Kernel(reads=("tokens", "token"), makes="rows", size=Tensor(rows * x.channels, dtype), keeps=("token",))
        yield from self.mlps(rows, x.channels, dtype)
        yield Kernel(reads=("share", "order"), makes="part", size=Tensor(rows, dtype), keeps=("order",))
        size = Tensor(rows * x.channels, dtype)
        yield Kernel(reads=("out", "part"), makes="weighted", size=size, crosswise=True, scratch=size.nbytes)
        yield Kernel(
            reads=("weighted", "token"), makes="summed", size=tensor_of(x), keeps=("weighted", "token"), holds=held
        )
        last = "routed" if self.shared_experts else "y"
        yield Kernel(reads=("summed",), makes=last, view=True, gradient=Gradient.VIEW, holds=held)
        if self.shared_experts:
            yield from self.shared(x)
            yield Kernel(reads=("routed", "shared"), size=tensor_of(y), gradient=Gradient.SAME, holds=held)

    def route(self, n: Dim, dtype: str) -> Iterator[Kernel]:
        """Which experts each of n tokens goes to, `chosen`, and how much it takes of each, `share`."""
        scores, picked = Tensor(n * self.num_experts, dtype), Tensor(n * self.top_k, dtype)
        chosen = Tensor(n * self.top_k, "int64")
        yield linear_map(scores, "gate.weight", reads="tokens", makes="scores")
        made = "picked" if self.changes_shares else "share"
        if self.scoring == "sigmoid":
            yield Kernel(reads=("scores",), makes="probabilities", keeps=("probabilities",), even=True)
            corrected = {"corrected": scores, "masked": scores}
            yield Kernel(reads=("probabilities",), makes="chosen", size=chosen, own=corrected)
            yield Kernel(reads=("probabilities", "chosen"), makes=made, size=picked, keeps=("chosen",))
            if self.norm_topk_prob:
                yield Kernel(reads=("picked",), makes="whole", size=Tensor(n, dtype), holds=("probabilities",))
        else:
            reads = "scores"
            if not self.norm_topk_prob:
                reads = "probabilities"
                yield Kernel(reads=("scores",), makes=reads, keeps=(reads,))
            yield Kernel(reads=(reads,), makes="chosen", size=chosen)
            yield Kernel(reads=(reads, "chosen"), makes=made, size=picked, keeps=("chosen",))
        yield from self.shares()

    @property
    def changes_shares(self) -> bool:
        """Whether the scores of the chosen are not yet the shares."""
        return self.norm_topk_prob or self.routed_scaling_factor != 1

    def shares(self) -> Iterator[Kernel]:
        """What becomes of the scores of the chosen experts."""
        scaled = self.routed_scaling_factor != 1
        if self.norm_topk_prob:
            made = "normed" if scaled else "share"
            if self.scoring == "sigmoid":
                yield Kernel(reads=("picked", "whole"), makes=made, keeps=("picked", "whole"))
            else:
                yield Kernel(reads=("picked",), makes=made, keeps=(made,))
        if scaled:
            reads = "normed" if self.norm_topk_prob else "picked"
            yield Kernel(reads=(reads,), makes="share", own=FACTOR, pins=("factor",), holds=("picked", "chosen"))

    def mlps(self, rows: Dim, features: Dim, dtype: str) -> Iterator[Kernel]:
        """All experts, on all rows at once."""
        hidden, act = Tensor(rows * self.width, dtype), Tensor(rows * self.hidden_features, dtype)
        yield grouped_map(hidden, f"experts.{self.first}", reads="rows", makes="hidden")
        if self.gated:
            own, keeps = {"activated": act}, ("hidden", "activated")
            yield Kernel(reads=("hidden",), makes="product", size=act, keeps=keeps, own=own)
        else:
            yield Kernel(reads=("hidden",), makes="product", keeps=self.kept("hidden", "product"))
        holds = ("rows", "hidden") if self.gated else ("rows",)
        size = Tensor(rows * features, dtype)
        yield grouped_map(size, "experts.down_proj", reads="product", makes="out", holds=holds)

    def kept(self, before: str, after: str) -> tuple[str, ...]:
        """What backward of the activation needs."""
        return (after,) if self.act == "relu" else (before,)

    def shared(self, x: Volume) -> Iterator[Kernel]:
        """The MLP that every token goes through."""
        size, turned = Tensor(x.positions * self.shared_width, x.dtype), many(x)
        names = tuple(f"shared_experts.{name}.weight" for name in self.into)
        yield linear_map(size, names[0], makes="before", in_order=turned)
        yield Kernel(reads=("before",), makes="after", keeps=self.kept("before", "after"), even=True)
        if self.gated:
            yield linear_map(size, names[1], makes="up", in_order=turned)
            yield Kernel(reads=("after", "up"), makes="both", crosswise=True)
        last = "both" if self.gated else "after"
        yield linear_map(tensor_of(x), "shared_experts.down_proj.weight", reads=last, makes="shared")

    def call(self, x: Volume) -> Call:
        given: dict[str, Any] = dict(num_experts=self.num_experts, top_k=self.top_k)
        given |= dict(hidden_features=self.hidden_features)
        if self.shared_experts:
            given["shared_features"] = self.shared_width
        if self.scoring == "sigmoid":
            given |= dict(n_group=self.n_group, topk_group=self.topk_group)
        if self.routed_scaling_factor != 1:
            given["routed_scaling_factor"] = self.routed_scaling_factor
        words = (
            "Corrected" if self.scoring == "sigmoid" else "",
            "" if self.norm_topk_prob else "Absolute",
            "Scaled" if self.routed_scaling_factor != 1 else "",
            "Shared" if self.shared_experts else "",
            "" if self.gated and self.act == "silu" else ("Gated" if self.gated else "") + self.act.title(),
            "Mixture",
        )
        name = "".join(words)
        return module(name, support=self.source(name, given), features=x.channels, **given)

    def source(self, name: str, given: Mapping[str, object]) -> str:
        """The text of its module."""
        parameters = ["self", "features: int", *(f"{word}: {type(value).__name__}" for word, value in given.items())]
        scaled = self.routed_scaling_factor != 1
        init = GROUPS if self.scoring == "sigmoid" else ""
        init += "        self.routed_scaling_factor = routed_scaling_factor\n" if scaled else ""
        result = "torch.zeros_like(tokens).index_add_(0, token, y).view_as(x)"
        if self.shared_experts:
            init += filled(SHARED, GATE=SHARED_GATE if self.gated else "")
            result += " + self.shared(x)"
        route = CORRECTED if self.scoring == "sigmoid" else AMONG_CHOSEN if self.norm_topk_prob else AMONG_ALL
        route = filled(
            route,
            SUM=" / share.sum(-1, keepdim=True)" if self.norm_topk_prob else "",
            SCALE=" * self.routed_scaling_factor" if scaled else "",
        )
        return filled(
            MIXTURE + (self.source_of_shared() if self.shared_experts else ""),
            NAME=name,
            MODEL="DeepseekV3MoE" if self.scoring == "sigmoid" else "MixtralSparseMoeBlock",
            INITIALISER=initialiser(parameters),
            INIT=init,
            UP=self.first,
            WIDTH="2 * hidden_features" if self.gated else "hidden_features",
            RETURN=f"return {result}",
            ROUTE=route,
            MLP=filled(GATED if self.gated else PLAIN, ACT=self.act),
        )

    def source_of_shared(self) -> str:
        """The text of its method for the shared experts."""
        first = "gate_proj" if self.gated else "up_proj"
        inner = f'F.{self.act}(maps["{first}"](x))'
        return filled(SHARED_MLP, INNER=f'{inner} * maps["up_proj"](x)' if self.gated else inner)

    examples = (
        Example(
            given=dict(num_experts=32, top_k=8, hidden_features=512), x=tokens(4, 1024), y=tokens(4, 1024),
            params=1, macs=1, scalar=1,
            source="Granite 3.0 1B-A400M",
        ),
        Example(
            given=dict(
                num_experts=16, top_k=4, hidden_features=32, shared_experts=2, shared_features=24, scoring="sigmoid",
                n_group=4, topk_group=2, routed_scaling_factor=2.5,
            ),
            x=tokens(12, 16), y=tokens(12, 16), params=1, macs=1, scalar=1,
        ),
        Example(
            given=dict(
                num_experts=8, top_k=3, hidden_features=24, shared_experts=1, norm_topk_prob=False, gated=False,
                act="gelu",
            ),
            x=tokens(10, 32), y=tokens(10, 32), params=1, macs=1, scalar=1,
        ),
    )  # fmt: skip
