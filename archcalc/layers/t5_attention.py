"""T5 attention: no scale, no biases, and a learned bias that depends on the distance of two tokens."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction, macs_of
from archcalc.core.dim import Dim
from archcalc.core.kernel import Unpredicted
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, EarlierWindow, WholeWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, module
from archcalc.layers.attention import of_pairs
from archcalc.layers.cross_attention import across
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.sequence import needs_tokens
from archcalc.layers.sight import WithMask, later
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class T5Attention(Parametrized, WithMask, Merge, name="t5_attention", positional=("num_heads",)):
    """Attention softmax(Q K^T + B) V, where B is learned per head and distance bucket; no scale, no linear biases.

    x: C at T tokens; optional second sequence `memory`: M at S tokens -> y: C at T tokens

    Queries come from x, keys and values from x or from the `memory`; heads have `d_kv` features, by default
    C / num_heads. With `num_buckets`, B is added: half of the buckets (of each direction, if not causal) hold one
    distance each, the others hold increasingly wide ranges up to `max_distance`. `tie` names a layer whose B is used.
    `mask` names a volume of T x S numbers that are added to scores, or of 1 x S, for all heads or for each.
    MACs per head: C d_kv per token for queries and C d_kv per token to combine the heads; 2 M d_kv per token of the
    memory for keys and values; 2 d_kv for each pair of tokens. In addition, each pair in a head takes the operations of
    `attention`, with one addition (of B) in place of the multiplication by the scale, and one more with `mask`.

    Sources: Raffel et al. 2019, arXiv:1910.10683; Shaw et al. 2018, arXiv:1803.02155;
    T5Attention of Hugging Face's transformers (names, buckets).
    """

    role = Role.CONTRACTION
    reads = ("memory", "mask")
    inputs = (1, 1)
    ties: ClassVar[Mapping[str, str]] = {"tie": "relative_attention_bias.weight"}
    opaque = Unpredicted(
        always="torch's attention takes other kernels in training than in inference where what it adds to scores is "
        "learned"
    )

    d_kv: Dim | None = None
    memory: Reference | None = None
    causal: bool = False
    num_buckets: Dim | None = None
    max_distance: Dim = 128
    tie: Reference | None = None

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield needs_tokens(self.name, xs[0])
        yield needs_tokens("its memory", self.both(*xs)[1])
        yield from at_least(1, num_heads=self.num_heads)
        yield from at_least(1, d_kv=self.width(xs[0]))
        if self.memory is not None:
            yield (
                not self.causal and self.num_buckets is None,
                "causal and num_buckets apply to self-attention only: remove them, or memory",
            )
        if self.num_buckets is not None:
            least = 2 if self.causal else 4
            yield from at_least(least, num_buckets=self.num_buckets)
            text = f"max_distance={self.max_distance} must be greater than num_buckets={self.num_buckets}"
            yield self.max_distance > self.num_buckets, text
        yield (
            self.tie is None or self.num_buckets is not None,
            "tie shares the bias of num_buckets: it needs num_buckets",
        )
        x, memory = self.both(*xs)
        yield from self.needs_scores(self.masks(*xs), x.spatial[0], memory.spatial[0])

    def both(self, *xs: Volume) -> tuple[Volume, Volume]:
        """The tokens that attend, and those that are attended to."""
        return xs[0], xs[0] if self.memory is None else xs[1]

    def masks(self, *xs: Volume) -> tuple[Volume, ...]:
        return xs[1 if self.memory is None else 2 :]

    def width(self, x: Volume) -> Dim:
        """The number of features of a head."""
        return x.channels // self.num_heads if self.d_kv is None else self.d_kv

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        if self.memory is not None:
            return (IDENTITY,)
        return (EarlierWindow() if self.causal else WholeWindow(xs[0].spatial[0]),)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        n = xs[0].spatial[0]
        remembered = () if self.memory is None else ((WholeWindow(n),),)
        keys = None if self.memory is not None else self.windows(*xs)[0]
        return self.windows(*xs), *remembered, *self.windows_of_masks(self.masks(*xs), n, keys)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        x, memory = self.both(*xs)
        inner = self.num_heads * self.width(x)
        yield Weight("q.weight", (inner, x.channels))
        yield Weight("k.weight", (inner, memory.channels))
        yield Weight("v.weight", (inner, memory.channels))
        yield Weight("o.weight", (x.channels, inner))
        if self.num_buckets is not None:
            yield Weight("relative_attention_bias.weight", (self.num_buckets, self.num_heads))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        x, memory = self.both(*xs)
        inner = self.num_heads * self.width(x)
        queries, keys, scores = inner * x.positions, inner * memory.positions, self.scores(x, memory)
        rows = self.num_heads * x.positions
        return Ops(
            mac=macs_of(self.contractions(y, *xs)),
            sums=queries + 2 * keys + scores + queries + y.numel,
            add=(0 if self.num_buckets is None else scores) + (scores if self.mask else 0),
        ) + softmax_ops(scores, rows)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        x, memory = self.both(*xs)
        width = self.num_heads * self.width(x)
        if self.memory is not None:
            yield from across(x, memory, width, self.added(2))
            return
        own, added = self.first(*xs), self.added(1)
        yield Contraction(3 * x.numel * width, (own,))
        yield from of_pairs(x, width, later if self.causal else None, own=own, added=added)
        yield Contraction(x.numel * width, (own, WEIGHTS, *added))

    def scores(self, x: Volume, memory: Volume) -> Dim:
        """The number of pairs of tokens, over all heads."""
        return self.num_heads * x.positions * memory.spatial[0]

    def cached(self, *xs: Volume) -> Dim:
        return 2 * self.num_heads * self.width(xs[0]) if self.causal else 0

    def call(self, *xs: Volume) -> Call:
        x, memory = self.both(*xs)
        given: dict[str, Any] = dict(d_model=x.channels, num_heads=self.num_heads, d_kv=self.width(x))
        given |= dict(memory_dim=memory.channels) | self.stated("num_heads", "d_kv", "memory", "tie", "mask")
        inputs = [*range(len(xs))] if self.memory is not None else [0, *range(len(xs))]
        forward = f"{{module}}({', '.join(f'{{{i}}}' for i in inputs)})"
        return module("T5Attention", forward=forward, file="t5_attention", **given)

    examples = (
        Example(
            given=dict(num_heads=8, d_kv=64, num_buckets=32), x=tokens(16, 512), y=tokens(16, 512),
            params=1_048_832, macs=17_039_360, scalar=34_047_744,
            source="T5 small, its first layer: Raffel et al. 2019, arXiv:1910.10683; T5Config of Hugging Face",
        ),
        Example(
            given=dict(num_heads=2, causal=True, num_buckets=8, max_distance=20), x=tokens(12, 6), y=tokens(12, 6),
            params=160, macs=3_456, scalar=7_944,
        ),
        Example(
            given=dict(num_heads=2, d_kv=4, num_buckets=8, tie=Reference("first")), x=tokens(12, 6), y=tokens(12, 6),
            params=208, macs=4_608, scalar=10_152,
        ),
        Example(
            given=dict(num_heads=2, memory=Reference("encoder")), x=(tokens(3, 4), tokens(5, 6)), y=tokens(3, 4),
            params=80, macs=456, scalar=944,
        ),
        Example(
            given=dict(num_heads=2, num_buckets=8, causal=True, mask=Reference("padding")),
            x=(tokens(5, 6), image(1, 1, 5)), y=tokens(5, 6), params=160, macs=1_020, scalar=2_170,
            source="the mask of padding, narrow: T5Attention of Hugging Face (position_bias + causal_mask)",
        ),
    )  # fmt: skip
