"""Grouped-query attention: self-attention in which several query heads share one head of keys and values."""

from collections.abc import Iterator
from typing import Any

from archcalc.core.contraction import WEIGHTS, Contraction, Operator, macs_of
from archcalc.core.dim import Dim, summed
from archcalc.core.kernel import Cast, Kernel, Run, Tensor, tensor_of
from archcalc.core.operations import NUMBER, linear_map
from archcalc.core.ops import Ops
from archcalc.core.release import OLDEST
from archcalc.core.volume import Volume, image, tokens
from archcalc.core.window import AnyWindow
from archcalc.layer import Call, Example, Reference, Requirement, Role, inputs_list, module
from archcalc.layers.attention import of_pairs
from archcalc.layers.fused_attention import IN_GROUPS, attended, unfused
from archcalc.layers.heads import OfHeads
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.rmsnorm import RMSNorm
from archcalc.layers.sight import MASKED, WithSight
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class GroupedAttention(
    Parametrized,
    WithSight,
    OfHeads,
    name="grouped_attention",
    positional=("num_heads", "num_kv_heads"),
    aliases=("gqa",),
):
    """Self-attention in which `num_heads` heads of queries share `num_kv_heads` heads of keys and values.

    x: C at T tokens -> y: the same

    With `num_kv_heads` equal to `num_heads` (the default) this is multi-head attention; with 1 it is multi-query
    attention. Heads have d = `head_dim` features, by default C / num_heads. With `causal`, a token attends to itself
    and earlier tokens; `window` limits this to `window` tokens, including itself; without `causal`, to an
    odd number of tokens around it. With `dilation`, these tokens are so far apart. The first `global_tokens` attend to
    all tokens and all attend to them, whatever the window, but with `causal` to no later ones. `mask` names a volume of
    numbers that are added to scores: T x T, or 1 x T, for all heads or for each. `rope` rotates queries and keys by
    angles that depend on the position t: t / rope^(2 i / r) for features i and i + r/2 of the first r = `rotary_dim`
    features of a head, by default all d. `alibi` lowers scores by 2^(-8 h / H) per token of distance, in head h of H.
    `qk_norm` applies an rmsnorm with this eps to the queries and keys: of each head, or of all heads together
    (`qk_norm_over: all`). Scores are multiplied by `scale`, by default 1 / sqrt(d); with
    `softcap` c, s becomes c tanh(s / c). `q_bias`, `k_bias` and `v_bias`
    replace `qkv_bias` for one of the three maps. Decoding caches the keys and values of each token; with `window`,
    those of the last tokens that it covers, and of global ones.

    MACs: C d for each token and each head of queries, keys and values; C d for each token and query head to combine
    the heads; and 2 d for each of the T^2 pairs of tokens in each head, including masked pairs, as in torch's
    FlopCounterMode. Each pair in a head takes the operations of `attention`, and one addition with `alibi` and with
    `mask`, or one transcendental function and one multiplication with `softcap`. Each
    rotated feature takes two multiplications and one addition. Tables that depend only on positions are not counted.

    Sources: Ainslie et al. 2023, arXiv:2305.13245, section 2.2; Shazeer 2019, arXiv:1911.02150, section 3; `rope`:
    Su et al. 2021, arXiv:2104.09864, equations 15 and 34; `rotary_dim`: Black et al. 2022, arXiv:2204.06745, section
    2.1; `qk_norm_over`: OLMo team 2024, arXiv:2501.00656, section 2.1; `window`, `dilation` and `global_tokens`:
    Beltagy et al. 2020, arXiv:2004.05150, section 3.1; `alibi`: Press et al. 2021, arXiv:2108.12409, section 3;
    `softcap`: Gemma team 2024, arXiv:2408.00118, section 2; torch.nn.functional.scaled_dot_product_attention.
    """

    role = Role.CONTRACTION

    alibi: bool = False
    scale: float | None = None
    softcap: float | None = None

    def requires(self, x: Volume, *masks: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from self.seeing(x.spatial[0])
        yield from self.needs_scores(masks, x.spatial[0], x.spatial[0])
        yield self.softcap is None or self.softcap > 0, f"softcap must be above 0, got {self.softcap}"
        if self.alibi:
            yield self.softcap is None, "softcap and alibi both change scores: remove one of them"
            yield self.causal, "alibi depends on the distance to earlier tokens: it needs causal=true"
            yield self.window is None, "alibi covers all earlier tokens, window does not: remove one of them"

    def windows(self, x: Volume, *masks: Volume) -> tuple[AnyWindow, ...]:
        return (self.sight(x.spatial[0]),)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        own = self.windows(*xs)
        return own, *self.windows_of_masks(xs[1:], xs[0].spatial[0], own[0])

    def shape(self, x: Volume, *masks: Volume) -> Volume:
        return x

    def ops(self, y: Volume, x: Volume, *masks: Volume) -> Ops:
        d, pairs = self.features(x), x.positions * x.spatial[0]
        mapped = (self.num_heads + 2 * self.groups) * d * x.positions
        gathered = self.num_heads * d * x.positions
        turned = 0 if self.rope is None else (self.num_heads + self.groups) * self.rotated(x) * x.positions
        scores, rows = self.num_heads * pairs, self.num_heads * x.positions
        made = Ops(
            mac=macs_of(self.contractions(y, x, *masks)),
            sums=mapped + scores + gathered + y.numel,
            bias=summed(each.numel for name, each in self.mapped(x) if self.biased(name)) + self.out_bias * y.numel,
            mul=(1 if self.softcap is None else 2) * scores + 2 * turned,
            exp=0 if self.softcap is None else scores,
            add=turned + (scores if self.alibi else 0) + (scores if self.mask else 0),
        )
        norms = (RMSNorm().ops(each, each) for _, each in self.normed(x)) if self.qk_norm is not None else ()
        return sum(norms, made + softmax_ops(scores, rows))

    def contractions(self, y: Volume, x: Volume, *masks: Volume) -> Iterator[Contraction]:
        d, own, added = self.features(x), self.first(x, *masks), self.added(1)
        yield Contraction((self.num_heads + 2 * self.groups) * d * x.numel, (own,))
        operator = Operator.ATTENTION if self.softcap is None else Operator.PRODUCT
        masked = self.masked if self.limited else None
        yield from of_pairs(x, self.num_heads * d, masked, operator=operator, own=own, added=added)
        yield Contraction(self.num_heads * d * x.numel, (own, WEIGHTS, *added))

    def cached(self, x: Volume, *masks: Volume) -> Dim:
        return 2 * self.groups * self.features(x) if self.causal else 0

    def unpredicted(self, run: Run, x: Volume, /, *masks: Volume) -> str:
        plain = MASKED if self.mask else CAPPED if self.softcap is not None else ""
        masked, grouped = self.window is not None or self.alibi, self.groups != self.num_heads
        return plain or unfused(run, self.features(x), masked=masked, grouped=grouped)

    def cast(self, x: Volume, *masks: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, x: Volume, *masks: Volume) -> Iterator[Kernel]:
        """Keys and values stay in their groups."""
        d, turned = self.features(x), self.rope is not None
        yield from self.prepared(run, y, x)
        names = self.prepared_names
        if self.window is not None:
            yield from self.sighted(x.spatial[0])
            names = (*names, "mask")
        if self.alibi:
            yield from falling(x.spatial[0], self.num_heads, y.dtype)
            names = (*names, "scores")
        yield attended(run, Tensor(x.positions * self.num_heads * d, y.dtype), names, self.num_heads, x)
        last = ("o_proj.bias",) if self.out_bias else ()
        holds = (*names, *(("cos", "sin") if turned else ()))
        yield linear_map(tensor_of(y), "o_proj.weight", last, reads="gathered", holds=holds)

    def call(self, x: Volume, *masks: Volume) -> Call:
        heads = dict(embed_dim=x.channels, num_heads=self.num_heads, num_kv_heads=self.groups)
        stated = self.stated("num_heads", "num_kv_heads", "mask")
        given: dict[str, Any] = heads | dict(head_dim=self.features(x)) | stated
        forward = f"{{module}}({inputs_list(1 + len(masks))})"
        since = OLDEST if self.softcap else IN_GROUPS
        return module("GroupedAttention", forward=forward, file="grouped_attention", since=since, **given)

    examples = (
        Example(
            given=dict(num_heads=32, num_kv_heads=8, causal=True, rope=5e5), x=tokens(16, 4096), y=tokens(16, 4096),
            params=41_943_040, macs=673_185_792, scalar=1_346_427_904,
            source="Llama 3 8B: Grattafiori et al. 2024, arXiv:2407.21783, table 3",
        ),
        Example(
            given=dict(num_heads=14, num_kv_heads=2, qkv_bias=True, causal=True, rope=1e6), x=tokens(16, 896),
            y=tokens(16, 896), params=1_836_160, macs=29_818_880, scalar=59_675_712,
            source="Qwen2.5 0.5B: Qwen team 2024, arXiv:2412.15115, table 1",
        ),
        Example(
            given=dict(num_heads=4, num_kv_heads=1, head_dim=8, causal=True, window=3, out_bias=True), x=tokens(7, 12),
            y=tokens(7, 12), params=972, macs=9_856, scalar=20_076,
        ),
        Example(
            given=dict(num_heads=4, causal=True, alibi=True), x=tokens(5, 8), y=tokens(5, 8), params=256, macs=1_680,
            scalar=3_720, source="the slopes of 4 heads, 1/4 to 1/256: Press et al. 2021, arXiv:2108.12409, section 3",
        ),
        Example(
            given=dict(num_heads=4, num_kv_heads=2, head_dim=6, causal=True, rope=1e6, qk_norm=1e-6), x=tokens(7, 16),
            y=tokens(7, 16), params=1_164, macs=10_416, scalar=23_030,
            source="narrow, and otherwise as in Qwen3: Qwen team 2025, arXiv:2505.09388, section 2",
        ),
        Example(
            given=dict(num_heads=4, rope=1e4, rotary_dim=2, causal=True, qkv_bias=True), x=tokens(6, 32),
            y=tokens(6, 32), params=4_192, macs=26_880, scalar=54_336,
            source="narrow, and otherwise as in Pythia: a quarter of a head is rotated; Biderman et al. 2023, "
            "arXiv:2304.01373",
        ),
        Example(
            given=dict(num_heads=4, num_kv_heads=2, qk_norm=1e-6, qk_norm_over="all"), x=tokens(5, 16),
            y=tokens(5, 16), params=792, macs=4_640, scalar=9_930,
            source="norms over all heads, as in OLMo 2: OLMo team 2024, arXiv:2501.00656, section 2.1",
        ),
        Example(
            given=dict(num_heads=2, q_bias=True, k_bias=False, v_bias=True, scale=0.25), x=tokens(5, 8),
            y=tokens(5, 8), params=272, macs=1_680, scalar=3_470,
            source="no bias for keys, as in Whisper: Radford et al. 2022, arXiv:2212.04356; openai/whisper, model.py",
        ),
        Example(
            given=dict(num_heads=4, num_kv_heads=2, head_dim=8, causal=True, window=3, softcap=50.0), x=tokens(5, 16),
            y=tokens(5, 16), params=1_536, macs=9_280, scalar=18_660,
            source="narrow, and otherwise as in Gemma 2: Gemma team 2024, arXiv:2408.00118, section 2",
        ),
        Example(
            given=dict(num_heads=2, window=5, out_bias=True), x=tokens(9, 8), y=tokens(9, 8), params=264, macs=3_600,
            scalar=7_686, source="5 tokens around each: Beltagy et al. 2020, arXiv:2004.05150, section 3.1",
        ),
        Example(
            given=dict(num_heads=2, window=3, dilation=2, global_tokens=2, out_bias=True), x=tokens(11, 8),
            y=tokens(11, 8), params=264, macs=4_752, scalar=10_318,
            source="a dilated window and global tokens: Beltagy et al. 2020, arXiv:2004.05150, section 3.1",
        ),
        Example(
            given=dict(num_heads=2, window=3, dilation=3, causal=True), x=tokens(11, 8), y=tokens(11, 8), params=256,
            macs=4_752, scalar=10_230,
            source="as dilated causal convolutions see: van den Oord et al. 2016, arXiv:1609.03499, section 2.1",
        ),
        Example(
            given=dict(num_heads=2, window=2, global_tokens=2, causal=True), x=tokens(7, 8), y=tokens(7, 8), params=256,
            macs=2_576, scalar=5_334,
            source="the first tokens stay in sight of all later ones: Xiao et al. 2023, arXiv:2309.17453, section 3.2",
        ),
        Example(
            given=dict(num_heads=4, num_kv_heads=2, causal=True, rope=1e4, mask=Reference("padding")),
            x=(tokens(6, 16), image(1, 1, 6)), y=tokens(6, 16), params=768, macs=5_760, scalar=12_384,
            source="a number for each token, such as those that fill up a batch; otherwise narrow, as in Llama 3",
        ),
        Example(
            given=dict(num_heads=2, softcap=30.0, mask=Reference("pairs")), x=(tokens(5, 8), image(2, 5, 5)),
            y=tokens(5, 8), params=256, macs=1_680, scalar=3_540,
        ),
    )  # fmt: skip


CAPPED = "torch has no kernel for scores that are capped, and the plain products in its place are not modelled"
"""Why memory is not predicted with a `softcap`."""


def falling(length: Dim, heads: Dim, dtype: str) -> Iterator[Kernel]:
    """The bias that is added to the score of each pair of tokens in each head."""
    pairs, scores = length * length, heads * length * length
    held = ("places", "heads", "ahead", "slanted")
    yield Kernel(reads=(), makes="places", size=Tensor(length, "int64"))
    yield Kernel(reads=(), makes="heads", size=Tensor(heads, "int64"))
    yield Kernel(reads=("places",), makes="ahead", size=Tensor(pairs, "int64"))
    yield Kernel(reads=("heads",), makes="numbers", size=Tensor(heads, "int64"), also=NUMBER)
    yield Kernel(reads=("numbers",), makes="eighths", size=Tensor(heads, "int64"), also=NUMBER)
    yield Kernel(reads=("eighths",), makes="exponents", size=Tensor(heads))
    yield Kernel(reads=("exponents",), makes="slopes", size=Tensor(heads))
    yield Kernel(reads=("slopes", "ahead"), makes="slanted", size=Tensor(scores))
    yield Kernel(reads=("ahead",), makes="later", size=Tensor(pairs, "bool"))
    made = "scores" if dtype == "float32" else "scores in float32"
    yield Kernel(reads=("slanted", "later"), makes=made, size=Tensor(scores), holds=held)
    if made != "scores":
        yield Kernel(reads=(made,), makes="scores", size=Tensor(scores, dtype), holds=held)
