"""Attention: each token is replaced by a weighted sum over all tokens, or over itself and the earlier ones."""

from collections.abc import Callable, Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction, Factor, Operator, macs_of
from archcalc.core.dim import Dim, divides, exact
from archcalc.core.kernel import VIEW, Cast, Kernel, Run, Tensor, tensor_of
from archcalc.core.operations import linear_map, reshape, view
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, grid, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, EarlierWindow, WholeWindow
from archcalc.layer import Call, Example, Reference, Requirement, Role, inputs_list, module
from archcalc.layers.fused_attention import attended, unfused
from archcalc.layers.linear import as_rows
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.sequence import OfTokens, needs_rows, sequences
from archcalc.layers.sight import MASKED, WithMask, later
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class Attention(Parametrized, WithMask, OfTokens, name="attention", positional=("num_heads",)):
    """Self-attention: softmax(Q K^T / sqrt(d)) V in each of `num_heads` heads of d = C / num_heads features.

    x: C at T tokens -> y: the same

    One linear map computes Q, K and V; another combines the heads. With `causal`, a token attends to itself and
    earlier tokens, and decoding caches the keys and values of each token. With `rows`, x is a map whose features come
    last, and each of its rows is a sequence of its own: attention runs along the last axis only. `mask` names a volume
    of numbers that are added to scores: T x T, or 1 x T, for all heads or for each. MACs: 4 C^2 per
    token, and 2 C for each of the T^2 pairs of tokens; pairs that `causal` masks are included, as in torch's
    FlopCounterMode. In addition, each pair in a head takes one multiplication (the scale), one subtraction, one
    exponential and one division, with `mask` one addition; and all but one pair of each query take one comparison and
    one addition, as in softmax.

    Sources: Vaswani et al. 2017, arXiv:1706.03762, section 3.2; torch.nn.MultiheadAttention (names, weight layout);
    torch.nn.functional.scaled_dot_product_attention; `rows`: Ho et al. 2019, arXiv:1912.12180, section 3.
    """

    role = Role.CONTRACTION

    bias: bool = True
    causal: bool = False
    rows: bool = False

    def requires(self, x: Volume, *masks: Volume) -> Iterator[Requirement]:
        if self.rows:
            yield self.mask is None, "attention in rows has no mask: remove rows or mask"
            yield needs_rows(self.name, x)
            yield not self.causal, "attention in rows has no order of decoding: remove causal"
        else:
            yield from super().requires(x)
        yield from at_least(1, num_heads=self.num_heads)
        yield divides(self.num_heads, x.channels), f"num_heads={self.num_heads} must divide the {x.channels} features"
        yield from self.needs_scores(masks, x.spatial[-1], x.spatial[-1])

    def remedy(self, *xs: Volume) -> str:
        x = xs[0]
        if x.rank > 1 and x.channels_last and not self.rows:
            return "rearrange the positions to one sequence, or attend within each row: rows=true"
        return super().remedy(*xs)

    def windows(self, x: Volume, *masks: Volume) -> tuple[AnyWindow, ...]:
        own: AnyWindow = EarlierWindow() if self.causal else WholeWindow(x.spatial[-1])
        return (*(IDENTITY,) * (x.rank - 1), own)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        own = self.windows(*xs)
        return own, *self.windows_of_masks(xs[1:], xs[0].spatial[-1], own[-1])

    def shape(self, x: Volume, *masks: Volume) -> Volume:
        return x

    def weights(self, x: Volume, *masks: Volume) -> Iterator[Weight]:
        yield Weight("in_proj_weight", (3 * x.channels, x.channels))
        if self.bias:
            yield Weight("in_proj_bias", (3 * x.channels,))
        yield Weight("out_proj.weight", (x.channels, x.channels))
        if self.bias:
            yield Weight("out_proj.bias", (x.channels,))

    def ops(self, y: Volume, x: Volume, *masks: Volume) -> Ops:
        x = sequences(x)
        projected = 4 * x.numel  # queries, keys, values, and the output of the combined heads
        pairs = x.positions * x.spatial[0]
        scores, rows = self.num_heads * pairs, self.num_heads * x.positions
        return Ops(
            mac=macs_of(self.contractions(y, x, *masks)),
            sums=projected + scores + x.numel,
            bias=projected if self.bias else 0,
            mul=scores,
            add=scores if self.mask else 0,
        ) + softmax_ops(scores, rows)

    def contractions(self, y: Volume, x: Volume, *masks: Volume) -> Iterator[Contraction]:
        x, own = sequences(x), self.first(x, *masks)
        yield Contraction(3 * x.numel * x.channels, (own,))
        yield from of_pairs(x, x.channels, later if self.causal else None, own=own, added=self.added(1))
        yield Contraction(x.numel * x.channels, (own, WEIGHTS, *self.added(1)))

    def cached(self, x: Volume, *masks: Volume) -> Dim:
        return 2 * x.channels if self.causal else 0

    def unpredicted(self, run: Run, x: Volume, /, *masks: Volume) -> str:
        return MASKED if self.mask else unfused(run, exact(x.channels, self.num_heads))

    def cast(self, x: Volume, *masks: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, x: Volume, *masks: Volume) -> Iterator[Kernel]:
        """Queries, keys and values are views of one tensor."""
        first, last = (("in_proj_bias",), ("out_proj.bias",)) if self.bias else ((), ())
        mapped, own = Tensor(3 * x.numel, y.dtype), sequences(x)
        reads, makes = ("rows", "joined") if self.rows else ("x", "y")
        if self.rows:
            yield view("x", "rows") if x.batch == 1 else reshape("x", "rows")
        yield linear_map(mapped, "in_proj_weight", first, reads, makes="mapped", **as_rows(x))
        yield Kernel(reads=("mapped",), makes="heads", layout=VIEW, holds=(reads,))
        yield attended(run, tensor_of(y), ("heads",), self.num_heads, own, saves=("mapped",), holds=(reads,))
        held = ("mapped", reads)
        yield linear_map(tensor_of(y), "out_proj.weight", last, reads="gathered", makes=makes, holds=held)
        if self.rows:
            yield view("joined")

    def call(self, x: Volume, *masks: Volume) -> Call:
        given = dict(embed_dim=x.channels) | self.stated("rows", "mask")
        forward = f"{{module}}({inputs_list(1 + len(masks))})"
        if self.rows:
            forward = "{module}({0}.flatten(0, -3)).view({0}.shape)"
        return module("SelfAttention", forward=forward, file="self_attention", **given)

    examples = (
        Example(
            given=dict(num_heads=12), x=tokens(197, 768), y=tokens(197, 768), params=2_362_368, macs=524_391_936,
            scalar=1_050_956_388, source="ViT-B/16: Dosovitskiy et al. 2020, arXiv:2010.11929, table 1",
        ),
        Example(
            given=dict(num_heads=12, causal=True), x=tokens(1024, 768), y=tokens(1024, 768), params=2_362_368,
            macs=4_026_531_840, scalar=8_115_167_232,
            source="GPT-2 small: Radford et al. 2019, table 2",
        ),
        Example(
            given=dict(num_heads=2, bias=False), x=tokens(4, 6), y=tokens(4, 6), params=144, macs=768, scalar=1_560,
        ),
        Example(
            given=dict(num_heads=2, mask=Reference("padding")), x=(tokens(4, 6), image(1, 1, 4)), y=tokens(4, 6),
            params=168, macs=768, scalar=1_688,
            source="one number for each token, such as those that only fill up a sentence: Devlin et al. 2018, "
            "arXiv:1810.04805 (modeling.py, attention_layer)",
        ),
        Example(
            given=dict(num_heads=4, rows=True), x=grid(4, 16, 240), y=grid(4, 16, 240), params=231_360,
            macs=15_237_120, scalar=30_478_848,
            source="MobileViT-S at 64x64, its last stage: Mehta & Rastegari 2021, arXiv:2110.02178, section 3.1",
        ),
    )  # fmt: skip


COMPUTED: Factor = ("x", WEIGHTS)
"""A value that a layer computes from its input and its weights."""


def of_pairs(
    x: Volume,
    features: Dim,
    masked: Callable[[Dim, Dim], Dim] | None = None,
    values: Dim | None = None,
    operator: Operator = Operator.ATTENTION,
    own: str = "x",
    added: Factor = (),
) -> Iterator[Contraction]:
    """The scores of all pairs of tokens, from so many `features` of all heads, and the weighted sums of `values`.

    `masked(n, width)`: `width` times the pairs of n tokens that a mask removes; None: there is no mask. `own`: what the
    tokens are called among several inputs. `added`: what is added to scores.
    """
    pairs, made = x.positions * x.spatial[0], (own, WEIGHTS)
    for width, factor in ((features, made), (features if values is None else values, (*made, *added))):
        removed = 0 if masked is None else x.batch * masked(x.spatial[0], width)
        yield Contraction(pairs * width, factor, made, removed, operator)
