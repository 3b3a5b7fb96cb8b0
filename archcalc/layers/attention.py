"""Attention: each token is replaced by a weighted sum over all tokens, or over itself and the earlier ones."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction, Factor, Operator, macs_of
from archcalc.core.dim import Dim, divides
from archcalc.core.kernel import VIEW, Cast, Kernel, Run, Tensor, tensor, tensor_of
from archcalc.core.operations import linear_map
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, EarlierWindow, WholeWindow
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.linear import many
from archcalc.layers.sequence import OfTokens
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class Attention(OfTokens, name="attention", positional=("num_heads",)):
    """Self-attention: softmax(Q K^T / sqrt(d)) V in each of `num_heads` heads of d = C / num_heads features.

    x: C at T tokens -> y: the same

    One linear map computes Q, K and V; another combines the heads. With `causal`, a token attends to itself and earlier
    tokens, and decoding caches the keys and values of each token. MACs: 4 C^2 per token, and 2 C for each of the T^2
    pairs of tokens; pairs that `causal` masks are included, as in torch's FlopCounterMode. In addition, each pair in a
    head takes one multiplication (the scale), one subtraction, one exponential and one division; and all but one pair
    of each query take one comparison and one addition, as in softmax.

    Sources: Vaswani et al. 2017, arXiv:1706.03762, section 3.2; torch.nn.MultiheadAttention (names, weight layout);
    torch.nn.functional.scaled_dot_product_attention.
    """

    role = Role.CONTRACTION

    num_heads: Dim
    bias: bool = True
    causal: bool = False

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, num_heads=self.num_heads)
        yield divides(self.num_heads, x.channels), f"num_heads={self.num_heads} must divide the {x.channels} features"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return tuple(EarlierWindow() if self.causal else WholeWindow(n) for n in x.spatial)

    def shape(self, x: Volume) -> Volume:
        return x

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("in_proj_weight", (3 * x.channels, x.channels))
        if self.bias:
            yield Weight("in_proj_bias", (3 * x.channels,))
        yield Weight("out_proj.weight", (x.channels, x.channels))
        if self.bias:
            yield Weight("out_proj.bias", (x.channels,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        projected = 4 * x.numel  # queries, keys, values, and the output of the combined heads
        pairs = x.positions * x.spatial[0]
        scores, rows = self.num_heads * pairs, self.num_heads * x.positions
        return Ops(
            mac=macs_of(self.contractions(y, x)),
            sums=projected + scores + x.numel,
            bias=projected if self.bias else 0,
            mul=scores,
        ) + softmax_ops(scores, rows)

    def contractions(self, y: Volume, x: Volume) -> Iterator[Contraction]:
        yield Contraction(3 * x.numel * x.channels)
        yield from of_pairs(x, x.channels, x.spatial[0] if self.causal else None)
        yield Contraction(x.numel * x.channels, COMPUTED)

    def cached(self, x: Volume) -> Dim:
        return 2 * x.channels if self.causal else 0

    def cast(self, x: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Queries, keys and values are views of one tensor."""
        first, last = (("in_proj_bias",), ("out_proj.bias",)) if self.bias else ((), ())
        mapped = Tensor(3 * x.numel, y.dtype)
        yield linear_map(mapped, "in_proj_weight", first, makes="mapped", reads_contiguous=many(x))
        yield Kernel(reads=("mapped",), makes="heads", layout=VIEW)
        yield attended(tensor_of(y), ("heads",), self.num_heads, x, saves=("mapped",))
        yield linear_map(tensor_of(y), "out_proj.weight", last, reads="gathered", holds=("mapped",))

    def call(self, x: Volume) -> Call:
        return module("SelfAttention", file="self_attention", embed_dim=x.channels, **self.stated())

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
    )  # fmt: skip


COMPUTED: Factor = ("x", WEIGHTS)
"""A value that a layer computes from its input and its weights."""


def of_pairs(x: Volume, features: Dim, reach: Dim | None = None, values: Dim | None = None) -> Iterator[Contraction]:
    """The scores of all pairs of tokens, from so many `features` of all heads, and the weighted sums of `values`.

    `reach`: a mask leaves each token itself and those before it, so many in all; None: there is no mask.
    """
    pairs = x.positions * x.spatial[0]
    for width in (features, features if values is None else values):
        masked = 0 if reach is None else x.batch * masked_pairs(x.spatial[0], reach, width)
        yield Contraction(pairs * width, COMPUTED, COMPUTED, masked, Operator.ATTENTION)


def masked_pairs(n: Dim, reach: Dim, width: Dim) -> Dim:
    """`width` times the pairs of n tokens that a mask removes: later tokens, and those before the last `reach`.

    >>> masked_pairs(4, 4, 1), masked_pairs(4, 2, 1)
    (6, 9)
    """
    return width * n * (n - reach) + width * reach * (reach - 1) // 2


def attended(size: Tensor, reads: tuple[str, ...], heads: Dim, x: Volume, saves: tuple[str, ...] = ()) -> Kernel:
    """`scaled_dot_product_attention` in one kernel: the logarithms of softmax's sums stand for the scores.

    It saves what it reads, or `saves` where that is a view of it. A mask of truths becomes one of scores, and these
    are saved.
    """
    own = {"sums": Tensor(heads * x.positions, "float32")}
    if "mask" in reads:
        own["truths as scores"] = tensor(x.spatial[0], x.spatial[0], dtype=size.dtype)
    kept = saves or tuple(name for name in reads if name != "mask")
    return Kernel(reads=reads, makes="gathered", size=size, also=own, saves=(*kept, "gathered", *own))
