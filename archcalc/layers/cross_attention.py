"""Attention over a second sequence."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction, Factor, Operator, macs_of
from archcalc.core.dim import Dim, divides, exact, summed
from archcalc.core.kernel import Backward, Cast, Kernel, Run, Tensor, tensor_of
from archcalc.core.operations import linear_map
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, inputs_list, module
from archcalc.layers.fused_attention import attended, unfused
from archcalc.layers.linear import as_rows
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.sequence import needs_tokens
from archcalc.layers.sight import MASKED, WithMask
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class CrossAttention(Parametrized, WithMask, Merge, name="cross_attention", positional=("num_heads", "memory")):
    """Attention from each token to the tokens of another sequence, `memory`, such as an encoder's output.

    x: C at T tokens, memory: M at S tokens -> y: C at T tokens

    softmax(Q K^T / sqrt(d)) V in each of `num_heads` heads of d = `head_dim` features, by default C / num_heads. The
    queries come from x, keys and values from the memory. `bias` is that of all four maps; `q_bias`, `k_bias`, `v_bias`
    and `out_bias` replace it for one of them. `mask` names a volume of T x S numbers, which are added to scores, or of
    1 x S, for all heads or for each.

    MACs, for W = num_heads d: 2 C W per token, 2 M W per token of the memory, and 2 W for each of their T S pairs. The
    other operations per pair are those of `attention`, and one addition with `mask`. Keys and values are computed once;
    decoding adds none.

    Sources: Vaswani et al. 2017, arXiv:1706.03762, sections 3.2.2 and 3.2.3; biases apart: Radford et
    al. 2022, arXiv:2212.04356 (openai/whisper, model.py), and Rombach et al. 2021, arXiv:2112.10752 (attention.py);
    torch.nn.functional.scaled_dot_product_attention.
    """

    role = Role.CONTRACTION
    reads = ("memory", "mask")
    inputs = (1, 1)

    memory: Reference
    bias: bool = True
    q_bias: bool | None = None
    k_bias: bool | None = None
    v_bias: bool | None = None
    out_bias: bool | None = None
    head_dim: Dim | None = None

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, memory, *masks = xs
        yield needs_tokens(self.name, x)
        yield needs_tokens("its memory", memory)
        yield from at_least(1, num_heads=self.num_heads)
        if self.head_dim is None:
            text = f"num_heads={self.num_heads} must divide the {x.channels} features, unless head_dim is given"
            yield divides(self.num_heads, x.channels), text
        else:
            yield from at_least(1, head_dim=self.head_dim)
        yield from self.needs_scores(tuple(masks), x.spatial[0], memory.spatial[0])

    def width(self, x: Volume) -> Dim:
        """The number of features of all heads together."""
        return x.channels if self.head_dim is None else self.num_heads * self.head_dim

    def biased(self, name: str) -> bool:
        """Whether the map of queries, keys, values or the output has a bias."""
        own: bool | None = getattr(self, f"{name}_bias")
        return self.bias if own is None else own

    def unpredicted(self, run: Run, *xs: Volume) -> str:
        return MASKED if self.mask else unfused(run, exact(self.width(xs[0]), self.num_heads))

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (IDENTITY,) * xs[0].rank

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        n = xs[0].spatial[0]
        return (IDENTITY,), (WholeWindow(n),), *self.windows_of_masks(xs[2:], n)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        x, memory = xs[:2]
        inner = self.width(x)
        sizes = (("q", inner, x), ("k", inner, memory), ("v", inner, memory), ("out", x.channels, x.to(channels=inner)))
        for name, features, each in sizes:
            yield Weight(f"{name}_proj.weight", (features, each.channels))
            if self.biased(name):
                yield Weight(f"{name}_proj.bias", (features,))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        x, memory = xs[:2]
        pairs, inner = x.positions * memory.spatial[0], self.width(x)
        queries, keys = x.positions * inner, memory.positions * inner
        scores, rows = self.num_heads * pairs, self.num_heads * x.positions
        biases = (("q", queries), ("k", keys), ("v", keys), ("out", y.numel))
        return Ops(
            mac=macs_of(self.contractions(y, *xs)),
            sums=2 * queries + 2 * keys + scores + y.numel,
            bias=summed(count for name, count in biases if self.biased(name)),
            mul=scores,
            add=scores if self.mask else 0,
        ) + softmax_ops(scores, rows)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        x, memory = xs[:2]
        yield from across(x, memory, self.width(x), self.added(2))

    def cached(self, *xs: Volume) -> Dim:
        return 0

    def cast(self, *xs: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        x, memory = xs[:2]
        made = {"query": ("x0", x), "key": ("x1", memory), "value": ("x1", memory)}
        for name, (reads, source) in made.items():
            weight, bias = f"{name[0]}_proj.weight", (f"{name[0]}_proj.bias",) * self.biased(name[0])
            size = Tensor(source.positions * self.width(x), y.dtype)
            yield linear_map(size, weight, bias, reads=reads, makes=name, **as_rows(source))
        names = tuple(made)
        gathered, all_three = Tensor(x.positions * self.width(x), y.dtype), Backward(all_in=y.dtype)
        yield attended(run, gathered, names, self.num_heads, x, backward=all_three)
        last = ("out_proj.bias",) * self.biased("out")
        yield linear_map(tensor_of(y), "out_proj.weight", last, reads="gathered", holds=names)

    def call(self, *xs: Volume) -> Call:
        x, memory = xs[:2]
        given = dict(embed_dim=x.channels, memory_dim=memory.channels) | self.stated("memory", "mask")
        return module("CrossAttention", forward=f"{{module}}({inputs_list(len(xs))})", file="cross_attention", **given)

    examples = (
        Example(
            given=dict(num_heads=2, memory=Reference("encoder")), x=(tokens(4, 8), tokens(6, 12)), y=tokens(4, 8),
            params=352, macs=2_048, scalar=4_288,
            source="torch.nn.MultiheadAttention(8, 2, kdim=12, vdim=12), which has as many weights",
        ),
        Example(
            given=dict(num_heads=2, memory=Reference("encoder"), k_bias=False), x=(tokens(3, 4), tokens(5, 6)),
            y=tokens(3, 4), params=92, macs=456, scalar=1_018,
        ),
        Example(
            given=dict(num_heads=2, memory=Reference("context"), head_dim=6, bias=False, out_bias=True),
            x=(tokens(4, 8), tokens(5, 6)), y=tokens(4, 8), params=344, macs=1_968, scalar=3_904,
            source="narrow, and otherwise as in Stable Diffusion: Rombach et al. 2021, arXiv:2112.10752, section 3.3",
        ),
        Example(
            given=dict(
                num_heads=2, memory=Reference("sound"), bias=False, q_bias=True, v_bias=True, out_bias=True,
                mask=Reference("pairs"),
            ),
            x=(tokens(4, 8), tokens(5, 8), image(1, 4, 5)), y=tokens(4, 8), params=280, macs=1_472, scalar=3_096,
            source="no bias for keys, as in Whisper: Radford et al. 2022, arXiv:2212.04356",
        ),
    )  # fmt: skip


def across(x: Volume, memory: Volume, width: Dim, added: Factor = ()) -> Iterator[Contraction]:
    """Attention of one sequence to another: heads of `width` features together, each map without or with a bias.

    `added`: what is added to scores.
    """
    query, key = ("x0", WEIGHTS), ("x1", WEIGHTS)
    pairs = x.positions * memory.spatial[0]
    yield Contraction(x.numel * width, ("x0",))
    yield Contraction(2 * memory.numel * width, ("x1",))
    yield Contraction(pairs * width, query, key, operator=Operator.ATTENTION)
    yield Contraction(pairs * width, (*query, *key, *added), key, operator=Operator.ATTENTION)
    yield Contraction(x.numel * width, (*query, *key, *added))
