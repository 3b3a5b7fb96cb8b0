"""Mixtures of experts: each token goes through a few of many MLPs, those that a router prefers for it."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, ceil_div, divides, exact, maximum
from archcalc.core.kernel import PRESERVED, Backward, Gradient, Kernel, Layout, Run, Tensor, Unpredicted, tensor_of
from archcalc.core.operations import NUMBER, linear_map, product, sum_of, times_number, view
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

$FORWARD

    def route(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """How much each token takes of which experts."""
$ROUTE

$MLP\
'''

FORWARD = """\
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(0, -2)
        share, chosen = self.route(tokens)
        expert, order = chosen.flatten().sort()
        token = order // self.top_k
        numbers = torch.arange(self.num_experts, device=x.device)
        ends = torch.searchsorted(expert, numbers, right=True, out_int32=True)
        y = self.mlp(tokens[token], expert, ends) * share.flatten()[order, None]
        $RETURN
"""

FORWARD_IN_SLOTS = """\
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens, (items, length) = x.flatten(0, -2), x.shape[:2]
        share, chosen = self.route(tokens)
        item = torch.arange(len(tokens), device=x.device) // length
        queue, order = (chosen * items + item[:, None]).flatten().sort(stable=True)
        queues = torch.arange(self.num_experts * items, device=x.device)
        begin, end = (torch.searchsorted(queue, queues, right=last)[:, None] for last in (False, True))
        slots = $SLOTS
        place = begin + torch.arange(slots, device=x.device)
        choice = order[place.clamp(max=len(order) - 1)]
        token = (choice // self.top_k).view(self.num_experts, -1)
        share = share.flatten()[choice] * (place < end)  # an empty slot counts nothing
        y = self.mlp(tokens[token]) * share.view(self.num_experts, -1, 1)
        $RETURN
"""

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

MLP = '''\
    def mlp(self, rows: torch.Tensor, expert: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """The MLPs of the experts, each on the rows that are sent to it, which end where those of the next begin."""
$HIDDEN
        return self.linear("down_proj", hidden, expert, ends)

    def linear(self, name: str, rows: torch.Tensor, expert: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """Each row times the matrix of its expert."""
        weight = self.experts[name]
        if rows.is_meta or rows.dtype == torch.float64:  # which grouped_mm does not take
            return (weight[expert] @ rows[:, :, None]).squeeze(-1)
        return F.grouped_mm(rows, weight.mT, offs=ends)
'''

MLP_IN_SLOTS = '''\
    def mlp(self, rows: torch.Tensor) -> torch.Tensor:
        """The MLPs of the experts, each on the slots that are its own."""
$HIDDEN
        return torch.bmm(hidden, self.experts["down_proj"].mT)
'''

GATED = """\
        gate, up = $MAPPED.chunk(2, dim=-1)
        hidden = F.$ACT(gate) * up"""

PLAIN = """\
        hidden = F.$ACT($MAPPED)"""


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
    facts: dict[str, Any] = dict(factors=(reads, weight), weights=(weight,), backward=Backward(weight_views=True))
    return Kernel(reads=(reads,), size=size, saves=("ends",), **facts, **more)


class Mixture(OfTokens, name="mixture", positional=("num_experts", "top_k", "hidden_features")):
    """Each token goes through `top_k` of `num_experts` MLPs, those that a router scores best, and through shared ones.

    x: C at T tokens -> y: the same

    An expert is down(act(gate(x)) * up(x)), or where it is not `gated` down(act(up(x))), without biases. The router is
    a linear map to a score for each expert. With `scoring: softmax` a token takes of the experts that it goes to the
    shares that softmax gives them among themselves, or where `norm_topk_prob` is off among all. With `scoring: sigmoid`
    a buffer corrects the scores before experts are chosen, from the `topk_group` best of `n_group` groups (by the sum
    of their two best scores); shares are the scores themselves, over their sum, times `routed_scaling_factor`.
    `shared_experts` of `shared_features` hidden features each (unsaid: as many as the others) are one wider MLP.

    With `capacity_factor` f every expert has f k T / E slots for the tokens of an item, rounded up, of E experts and
    k = `top_k`; later tokens that find none are dropped. All slots are computed, empty ones too. Whether there is one
    depends on the tokens before, which is a choice, and no part of the receptive field.

    MACs: of the experts that a token goes to, or of all slots, of the router, of the shared experts. Picking the k best
    of n takes n - 1, n - 2, ... comparisons; sorting tokens by expert moves them and counts nothing.

    Experts are stacked, and applied by torch.nn.functional.grouped_mm to the tokens in the order of their experts: no
    size depends on where tokens go, so that memory is exact. grouped_mm wants rows of a multiple of 16 bytes, has no
    float64 and on meta no float32, and FlopCounterMode does not count it: in float64 and on meta each row is
    multiplied with a copy of its matrix, which is as many MACs.

    Sources: Shazeer et al. 2017, arXiv:1701.06538, section 2; Jiang et al. 2024, arXiv:2401.04088, section 2.1; shared
    experts: Dai et al. 2024, arXiv:2401.06066, section 3.2; sigmoid and correction: DeepSeek-AI 2024, arXiv:2412.19437,
    section 2.1.2; slots: Fedus et al. 2021, arXiv:2101.03961, equation 3; transformers.models.mixtral and .deepseek_v3
    (names of weights).
    """

    role = Role.CONTRACTION
    opaque = Unpredicted(autocast="grouped_mm is not cast, and what goes into it and comes out meets what is")

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
        yield self.top_k <= self.num_experts, f"top_k={self.top_k} of num_experts={self.num_experts} are too many"
        least = 16 // ITEMSIZE[x.dtype]
        for n, what in ((x.channels, "features"), (self.hidden_features, "hidden features")):
            yield (
                divides(least, n),
                f"grouped_mm takes rows of a multiple of 16 bytes: {n} {what} are not {least} times n",
            )
        yield self.n_group == 1 or self.scoring == "sigmoid", f"n_group={self.n_group} needs scoring=sigmoid"
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
    def capacity(self) -> tuple[int, int]:
        """The capacity factor as a fraction: 1.25 is 5 / 4."""
        return Fraction(str(self.capacity_factor)).as_integer_ratio()

    def applied_to(self, x: Volume) -> Dim:
        """How many rows experts are applied to: for every token `top_k`, or every slot."""
        if self.capacity_factor is None:
            return x.positions * self.top_k
        times, over = self.capacity
        slots = ceil_div(times * self.top_k * x.spatial[0], over * self.num_experts)
        return x.batch * self.num_experts * slots

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
        rows, shared = self.applied_to(x), x.numel if self.shared_experts else 0
        emptied, added = (0, rows - items) if self.capacity_factor is None else (rows, rows)
        hidden = rows * self.hidden_features + items * self.shared_width
        maps = 3 if self.gated else 2
        curved = 0 if self.act == "relu" else hidden
        routed = self.routing(items)
        return Ops(
            mac=scores * x.channels + maps * hidden * x.channels,
            sums=scores + (maps - 1) * hidden + rows * x.channels + shared,
            mul=curved + (hidden if self.gated else 0) + rows * x.channels + emptied + routed.mul,
            exp=curved + routed.exp,
            compare=(hidden if self.act == "relu" else 0) + routed.compare,
            add=added * x.channels + shared + routed.add,
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

    def unpredicted(self, run: Run, x: Volume) -> str:
        if self.capacity_factor is not None:
            return "how the queues before its experts take memory is not worked out"
        if x.dtype == "float64":
            return "grouped_mm has no float64, and what is done instead copies weights"
        return super().unpredicted(run, x)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """In the order of the module's code, whose variables live until it returns."""
        n, rows, dtype = x.positions, x.positions * self.top_k, x.dtype
        held = ("tokens", "share", "chosen", "expert", "order", "token", "numbers", "ends")
        yield Kernel(makes="tokens", layout=Layout(view=True, reads_contiguous=many(x)), gradient=Gradient.VIEW)
        yield from self.route(n, dtype)
        yield Kernel(reads=("chosen",), makes="expert", size=Tensor(rows, "int64"))
        yield Kernel(reads=("chosen",), makes="order", size=Tensor(rows, "int64"))
        yield Kernel(reads=("order",), makes="token", size=Tensor(rows, "int64"), also=NUMBER)
        yield Kernel(reads=("order",), makes="numbers", size=Tensor(self.num_experts, "int64"))
        yield Kernel(reads=("expert", "numbers"), makes="ends", size=Tensor(self.num_experts, "int32"))
        yield Kernel(reads=("tokens", "token"), makes="rows", size=Tensor(rows * x.channels, dtype), saves=("token",))
        yield from self.mlps(rows, x.channels, dtype)
        yield Kernel(reads=("share", "order"), makes="part", size=Tensor(rows, dtype), saves=("order",))
        size = Tensor(rows * x.channels, dtype)
        yield product(size, "out", "part", "weighted", backward=Backward(scratch=size.nbytes))
        yield Kernel(
            reads=("weighted", "token"), makes="summed", size=tensor_of(x), saves=("weighted", "token"), holds=held
        )
        last = "routed" if self.shared_experts else "y"
        yield view("summed", last, holds=held)
        if self.shared_experts:
            yield from self.shared(x)
            yield sum_of(tensor_of(y), "routed", "shared", holds=held)

    def route(self, n: Dim, dtype: str) -> Iterator[Kernel]:
        """Which experts each of n tokens goes to, `chosen`, and how much it takes of each, `share`."""
        scores, picked = Tensor(n * self.num_experts, dtype), Tensor(n * self.top_k, dtype)
        chosen = Tensor(n * self.top_k, "int64")
        yield linear_map(scores, "gate.weight", reads="tokens", makes="scores", matrix=True)
        made = "picked" if self.changes_shares else "share"
        if self.scoring == "sigmoid":
            yield Kernel(reads=("scores",), makes="probabilities", layout=PRESERVED, saves=("probabilities",))
            own = {"corrected": scores, "preferring": self.preferring(n, scores, chosen)}
            yield Kernel(reads=("probabilities",), makes="chosen", size=chosen, also=own)
            yield Kernel(reads=("probabilities", "chosen"), makes=made, size=picked, saves=("chosen",))
            if self.norm_topk_prob:
                yield Kernel(reads=("picked",), makes="whole", size=Tensor(n, dtype), holds=("probabilities",))
        else:
            reads = "scores"
            if not self.norm_topk_prob:
                reads = "probabilities"
                yield Kernel(reads=("scores",), makes=reads, saves=(reads,))
            yield Kernel(reads=(reads,), makes="chosen", size=chosen)
            yield Kernel(reads=(reads, "chosen"), makes=made, size=picked, saves=("chosen",))
        yield from self.shares()

    def preferring(self, n: Dim, scores: Tensor, chosen: Tensor) -> Tensor:
        """What it takes at its worst to prefer groups, in bytes: the two best of each, or the scores of the others
        masked, with the groups that are left and the scores of the chosen."""
        two, left = 2 * n * self.n_group, n * self.topk_group
        first = Tensor(two, scores.dtype).nbytes + Tensor(two, "int64").nbytes - chosen.nbytes
        picked = Tensor(chosen.numel, scores.dtype).nbytes
        last = scores.nbytes + Tensor(left, "int64").nbytes + n * self.n_group + picked
        return Tensor(maximum(first, last), "bool")

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
                yield Kernel(reads=("picked", "whole"), makes=made, saves=("picked", "whole"))
            else:
                yield Kernel(reads=("picked",), makes=made, saves=(made,))
        if scaled:
            reads = "normed" if self.norm_topk_prob else "picked"
            yield times_number(None, reads, "share", holds=("picked", "chosen"))

    def mlps(self, rows: Dim, features: Dim, dtype: str) -> Iterator[Kernel]:
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

    def kept(self, before: str, after: str) -> tuple[str, ...]:
        """What backward of the activation needs."""
        return (after,) if self.act == "relu" else (before,)

    def shared(self, x: Volume) -> Iterator[Kernel]:
        """The MLP that every token goes through."""
        size, turned = Tensor(x.positions * self.shared_width, x.dtype), many(x)
        names = tuple(f"shared_experts.{name}.weight" for name in self.into)
        yield linear_map(size, names[0], makes="before", reads_contiguous=turned)
        yield Kernel(reads=("before",), makes="after", layout=PRESERVED, saves=self.kept("before", "after"))
        if self.gated:
            yield linear_map(size, names[1], makes="up", reads_contiguous=turned)
            yield product(None, "after", "up", "both")
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
            "" if self.capacity_factor is None else f"Capacity{self.capacity[0]}To{self.capacity[1]}",
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
        slotted = self.capacity_factor is not None
        added = "token.flatten(), y.flatten(0, 1)" if slotted else "token, y"
        result = f"torch.zeros_like(tokens).index_add_(0, {added}).view_as(x)"
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
            ROUTE=route,
            FORWARD=(FORWARD_IN_SLOTS if slotted else FORWARD).rstrip(),
            MLP=MLP_IN_SLOTS if slotted else MLP,
            HIDDEN=filled(GATED if self.gated else PLAIN, ACT=self.act),
            MAPPED=f'torch.bmm(rows, self.experts["{self.first}"].mT)'
            if slotted
            else f'self.linear("{self.first}", rows, expert, ends)',
            SLOTS=self.slots if slotted else "",
            RETURN=f"return {result}",
        )

    @property
    def slots(self) -> str:
        """Slots of an expert for an item, rounded up, as the module computes them."""
        times, over = self.capacity
        experts = "self.num_experts" if over == 1 else f"({over} * self.num_experts)"
        return f"-(-{times} * self.top_k * length // {experts})"

    def source_of_shared(self) -> str:
        """The text of its method for the shared experts."""
        first = "gate_proj" if self.gated else "up_proj"
        inner = f'F.{self.act}(maps["{first}"](x))'
        return filled(SHARED_MLP, INNER=f'{inner} * maps["up_proj"](x)' if self.gated else inner)

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
    )  # fmt: skip
