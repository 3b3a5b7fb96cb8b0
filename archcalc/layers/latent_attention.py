"""Multi-head latent attention: the keys and values of all heads are computed from one short cached vector."""

from collections.abc import Iterator, Mapping

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction, macs_of
from archcalc.core.dim import Dim
from archcalc.core.kernel import CONTIGUOUS, NEW, VIEW, Gradient, Kernel, Run, Tensor, Unpredicted, tensor, tensor_of
from archcalc.core.operations import NUMBER, linear_map, product, slice_of, within
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens, widest
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, EarlierWindow
from archcalc.layer import Call, Example, Reference, Requirement, Role, inputs_list, module
from archcalc.layers.attention import of_pairs
from archcalc.layers.fused_attention import attended, unfused
from archcalc.layers.heads import table, turn
from archcalc.layers.linear import as_rows
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.rmsnorm import RMSNorm
from archcalc.layers.sequence import OfTokens
from archcalc.layers.sight import MASKED, WithMask, later
from archcalc.layers.softmax import softmax_ops
from archcalc.record import replace

FAMILY = "Attention"

OF_THE_INPUT = ("q_proj", "q_a_proj", "kv_a_proj_with_mqa")
"""The maps of the input itself."""


class LatentAttention(
    Parametrized, WithMask, OfTokens, name="latent_attention", positional=("num_heads",), aliases=("mla",)
):
    """Causal self-attention whose keys and values are computed from `kv_lora_rank` normalised features per token.

    x: C at T tokens -> y: the same

    Queries and keys have `qk_nope_head_dim` features without position and `qk_rope_head_dim` features rotated by RoPE;
    the rotated features of the keys are shared by all heads. Queries are computed from `q_lora_rank` normalised
    features, or from all features if it is not given. Decoding caches, per token, the `kv_lora_rank` features and the
    rotated ones. `mask` names a volume of numbers that are added to scores: T x T, or 1 x T, for all heads or for each.
    A token attends to itself and earlier tokens; MACs are counted for all T^2 pairs of tokens, as in
    torch's FlopCounterMode.

    MACs: the linear maps, and for each pair in a head the features of a query plus those of a value. Other operations:
    the norms; two multiplications and one addition per rotated feature (cosines and sines are tables); softmax, as in
    attention, and one addition for each pair in a head with `mask`.

    Sources: DeepSeek-AI 2024, arXiv:2405.04434, section 2.1; RoPE: Su et al. 2021, arXiv:2104.09864, section 3.2;
    transformers.models.deepseek_v3 (names of weights).
    """

    role = Role.CONTRACTION
    opaque = Unpredicted(autocast="its norms and attention products mix cast and uncast tensors")

    kv_lora_rank: Dim
    q_lora_rank: Dim | None = None
    qk_nope_head_dim: Dim = 128
    qk_rope_head_dim: Dim = 64
    v_head_dim: Dim = 128
    rope: float = 10_000.0

    def requires(self, x: Volume, *masks: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, num_heads=self.num_heads, kv_lora_rank=self.kv_lora_rank, v_head_dim=self.v_head_dim)
        yield from at_least(1, qk_nope_head_dim=self.qk_nope_head_dim, qk_rope_head_dim=self.qk_rope_head_dim)
        if self.q_lora_rank is not None:
            yield from at_least(1, q_lora_rank=self.q_lora_rank)
        n = self.qk_rope_head_dim
        yield n % 2 == 0, f"RoPE rotates pairs of features: qk_rope_head_dim={n} must be even"
        yield self.rope > 0, f"rope must be above 0, got {self.rope}"
        yield from self.needs_scores(masks, x.spatial[0], x.spatial[0])

    def windows(self, x: Volume, *masks: Volume) -> tuple[AnyWindow, ...]:
        return (EarlierWindow(),)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        own = self.windows(*xs)
        return own, *self.windows_of_masks(xs[1:], xs[0].spatial[0], own[0])

    def shape(self, x: Volume, *masks: Volume) -> Volume:
        return x

    @property
    def qk_head_dim(self) -> Dim:
        """The number of features of a query or a key in one head."""
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    def maps(self, x: Volume) -> Iterator[tuple[str, Dim, Dim]]:
        """Every linear map: its name, its output features and its input features."""
        queries = self.num_heads * self.qk_head_dim
        if self.q_lora_rank is None:
            yield "q_proj", queries, x.channels
        else:
            yield "q_a_proj", self.q_lora_rank, x.channels
            yield "q_b_proj", queries, self.q_lora_rank
        yield "kv_a_proj_with_mqa", self.kv_lora_rank + self.qk_rope_head_dim, x.channels
        yield "kv_b_proj", self.num_heads * (self.qk_nope_head_dim + self.v_head_dim), self.kv_lora_rank
        yield "o_proj", x.channels, self.num_heads * self.v_head_dim

    def norms(self) -> Iterator[tuple[str, Dim]]:
        """Every norm: its name and its number of features."""
        if self.q_lora_rank is not None:
            yield "q_a_layernorm", self.q_lora_rank
        yield "kv_a_layernorm", self.kv_lora_rank

    def weights(self, x: Volume, *masks: Volume) -> Iterator[Weight]:
        yield from (Weight(f"{name}.weight", (made, given)) for name, made, given in self.maps(x))
        yield from (Weight(f"{name}.weight", (n,)) for name, n in self.norms())

    def ops(self, y: Volume, x: Volume, *masks: Volume) -> Ops:
        items, pairs = x.positions, x.positions * x.spatial[0]
        scores, rows = self.num_heads * pairs, self.num_heads * items
        rotated = items * (self.num_heads + 1) * self.qk_rope_head_dim
        norms = [RMSNorm(eps=1e-6).ops(v, v) for v in (x.to(channels=n) for _, n in self.norms())]
        maps = list(self.maps(x))
        made = Ops(
            mac=macs_of(self.contractions(y, x, *masks)),
            sums=items * sum(made for _, made, _ in maps) + scores + rows * self.v_head_dim,
            mul=scores + 2 * rotated,
            add=rotated + (scores if self.mask else 0),
        )
        return sum(norms, made + softmax_ops(scores, rows))

    def contractions(self, y: Volume, x: Volume, *masks: Volume) -> Iterator[Contraction]:
        own, added = self.first(x, *masks), self.added(1)
        factors = {"o_proj": (own, WEIGHTS, *added)} | dict.fromkeys(OF_THE_INPUT, (own,))
        for name, made, given in self.maps(x):
            yield Contraction(x.positions * made * given, factors.get(name, (own, WEIGHTS)))
        queries, values = self.num_heads * self.qk_head_dim, self.num_heads * self.v_head_dim
        yield from of_pairs(x, queries, later, values, own=own, added=added)

    def cached(self, x: Volume, *masks: Volume) -> Dim:
        return self.kv_lora_rank + self.qk_rope_head_dim

    def unpredicted(self, run: Run, x: Volume, /, *masks: Volume) -> str:
        if self.mask is not None:
            return MASKED
        if self.num_heads == 1:
            return "with one head torch skips some copies, and which ones is not modelled"
        return super().unpredicted(run, x) or unfused(run, self.qk_head_dim)

    def kernels(self, run: Run, y: Volume, x: Volume, *masks: Volume) -> Iterator[Kernel]:
        """In the order of the module's code, whose variables live until it returns."""
        n, heads = x.positions, self.num_heads
        nope, rope, v = self.qk_nope_head_dim, self.qk_rope_head_dim, self.v_head_dim
        sizes = {name: Tensor(n * made, x.dtype) for name, made, _ in self.maps(x)}
        yield from table(x.spatial[0], rope, x.dtype)
        yield from self.mapped(run, x, sizes)
        yield slice_of("mapped", "what", Tensor(n * heads * nope, x.dtype))
        yield slice_of("mapped", "where", Tensor(n * heads * rope, x.dtype))
        yield from turn("where", ("mapped",))
        size = Tensor(n * heads * self.qk_head_dim, x.dtype)
        yield joined(("what", "turned where"), "query", size, ("mapped",))
        yield linear_map(sizes["kv_a_proj_with_mqa"], "kv_a_proj_with_mqa.weight", makes="both", **as_rows(x))
        yield slice_of("both", "latent", Tensor(n * self.kv_lora_rank, x.dtype))
        yield slice_of("both", "place", Tensor(n * rope, x.dtype))
        yield from turn("place", ("both",))
        yield from normed(run, x.to(channels=self.kv_lora_rank), "latent", "kv_a_layernorm", ("both",))
        size_of_both = sizes["kv_b_proj"]
        yield linear_map(size_of_both, "kv_b_proj.weight", reads="kv_a_layernorm", makes="pairs", holds=("both",))
        yield slice_of("pairs", "key of it", Tensor(n * heads * nope, x.dtype))
        yield slice_of("pairs", "value of it", Tensor(n * heads * v, x.dtype))
        yield Kernel(reads=("value of it",), makes="value", layout=CONTIGUOUS, gradient=Gradient.SAME)
        yield slice_of("turned place", "place of all", Tensor(n * heads * rope, x.dtype))
        names = ("pairs", "what", "where", "latent", "turned place", "value")
        yield joined(("key of it", "place of all"), "key", size, names)
        held = (*names, "cos", "sin", "query", "key")
        gathered = Tensor(n * heads * v, x.dtype)
        if self.qk_head_dim == v:
            yield attended(run, gathered, ("query", "key", "value"), heads, x)
        else:
            yield from plainly_attended(heads, self.qk_head_dim, v, x, held)
        alike = 1 in (heads, x.spatial[0])  # in memory, heads before tokens or after
        yield Kernel(
            reads=("gathered",), makes="rows", size=gathered, layout=VIEW if alike else NEW, gradient=Gradient.VIEW
        )
        yield linear_map(tensor_of(y), "o_proj.weight", reads="rows", holds=(*held, "gathered"))

    def mapped(self, run: Run, x: Volume, sizes: Mapping[str, Tensor]) -> Iterator[Kernel]:
        """The queries."""
        if self.q_lora_rank is None:
            yield linear_map(sizes["q_proj"], "q_proj.weight", makes="mapped", **as_rows(x))
            return
        yield linear_map(sizes["q_a_proj"], "q_a_proj.weight", makes="short", **as_rows(x))
        yield from normed(run, x.to(channels=self.q_lora_rank), "short", "q_a_layernorm", ("short",))
        yield linear_map(sizes["q_b_proj"], "q_b_proj.weight", reads="q_a_layernorm", makes="mapped")

    def call(self, x: Volume, *masks: Volume) -> Call:
        forward, stated = f"{{module}}({inputs_list(1 + len(masks))})", self.stated("mask")
        return module("LatentAttention", forward=forward, file="latent_attention", embed_dim=x.channels, **stated)

    examples = (
        Example(
            given=dict(num_heads=16, kv_lora_rank=16, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=4),
            x=tokens(6, 64), y=tokens(6, 64), params=13_456, macs=86_400, scalar=174_282,
            source="DeepSeek-V2-Lite, its widths divided by 32: DeepSeek-AI 2024, arXiv:2405.04434, appendix B.1",
        ),
        Example(
            given=dict(
                num_heads=2, kv_lora_rank=6, q_lora_rank=5, qk_nope_head_dim=3, qk_rope_head_dim=2, v_head_dim=4,
                rope=100.0,
            ),
            x=tokens(4, 8), y=tokens(4, 8), params=313, macs=1_496, scalar=3_196,
        ),
        Example(
            given=dict(
                num_heads=2, kv_lora_rank=6, q_lora_rank=5, qk_nope_head_dim=3, qk_rope_head_dim=2, v_head_dim=4,
                mask=Reference("padding"),
            ),
            x=(tokens(4, 8), image(1, 1, 4)), y=tokens(4, 8), params=313, macs=1_496, scalar=3_228,
        ),
    )  # fmt: skip


def joined(reads: tuple[str, ...], makes: str, size: Tensor, holds: tuple[str, ...]) -> Kernel:
    """Parts side by side; backward makes views of the gradient."""
    return Kernel(reads=reads, makes=makes, size=size, gradient=Gradient.STRIDED_SLICE, holds=holds)


def normed(run: Run, x: Volume, reads: str, name: str, holds: tuple[str, ...]) -> Iterator[Kernel]:
    """A norm whose input may be a view of part of a tensor; its output is contiguous."""
    for kernel in within(RMSNorm(eps=1e-6).kernels(run, x, x), name, reads, name):
        yield replace(kernel, layout=CONTIGUOUS, holds=(*kernel.holds, *holds))


def plainly_attended(heads: Dim, qk: Dim, v: Dim, x: Volume, held: tuple[str, ...]) -> Iterator[Kernel]:
    """`_scaled_dot_product_attention_math` in aten/src/ATen/native/transformers/attention.cpp, which the CPU runs if
    the heads of queries and values differ in size: it multiplies in float32 or wider."""
    wide, length, names = widest(x.dtype, "float32"), x.spatial[0], ("query", "key", "value")
    if wide != x.dtype:
        features = (qk, qk, v)
        for name, n in zip(names, features, strict=True):
            yield Kernel(reads=(name,), makes=f"wide {name}", size=Tensor(heads * x.positions * n, wide))
        names = ("wide query", "wide key", "wide value")
    query, key, value = names
    yield Kernel(reads=(query,), makes="scaled query", also=NUMBER)
    own = {"earlier": tensor(length, length, dtype="bool")}
    yield Kernel(reads=(), makes="mask", size=tensor(length, length, dtype=wide), also=own)
    yield Kernel(reads=(key,), makes="scaled key", also=NUMBER)
    scores = Tensor(heads * x.positions * length, wide)
    yield product(scores, "scaled query", "scaled key", "scores")
    yield Kernel(reads=("scores",), makes="shares", size=scores, saves=("shares",))
    holds = (*names, "scaled query", "mask", "shares", *held)
    if wide != x.dtype:  # it returns the shares, too, in the dtype of the queries
        yield Kernel(reads=("shares",), makes="returned shares", size=Tensor(scores.numel, x.dtype))
        holds = ("returned shares", *holds)
    size, made = Tensor(heads * x.positions * v, wide), "gathered" if wide == x.dtype else "wide"
    yield product(size, "shares", value, made, holds=holds)
    if wide != x.dtype:
        yield Kernel(reads=(made,), makes="gathered", size=Tensor(size.numel, x.dtype), holds=holds)
