"""Attention over a second sequence."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction, Operator, macs_of
from archcalc.core.dim import Dim, divides
from archcalc.core.kernel import Cast, Kernel, Run, Tensor, tensor_of
from archcalc.core.operations import linear_map
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, module
from archcalc.layers.attention import attended
from archcalc.layers.linear import many
from archcalc.layers.sequence import needs_tokens
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class CrossAttention(Merge, name="cross_attention", positional=("num_heads", "memory")):
    """Attention from each token to the tokens of another sequence, `memory`, such as an encoder's output.

    x: C at T tokens, memory: M at S tokens -> y: C at T tokens

    softmax(Q K^T / sqrt(d)) V in each of `num_heads` heads of d = C / num_heads features, queries from x, keys and
    values from the memory. MACs: 2 C^2 per token, 2 C M per token of the memory, and 2 C for each of their T S pairs.
    The other operations per pair are those of `attention`. Keys and values are computed once; decoding adds none.

    Sources: Vaswani et al. 2017, arXiv:1706.03762, sections 3.2.2 and 3.2.3;
    torch.nn.functional.scaled_dot_product_attention.
    """

    role = Role.CONTRACTION
    reads = ("memory",)
    inputs = (1, 1)

    num_heads: Dim
    memory: Reference
    bias: bool = True

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, memory = xs
        yield needs_tokens(self.name, x)
        yield needs_tokens("its memory", memory)
        yield from at_least(1, num_heads=self.num_heads)
        yield divides(self.num_heads, x.channels), f"num_heads={self.num_heads} must divide the {x.channels} features"

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (IDENTITY,) * xs[0].rank

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        return (IDENTITY,), (WholeWindow(xs[0].spatial[0]),)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        x, memory = xs
        for name, features in (("q", x), ("k", memory), ("v", memory), ("out", x)):
            yield Weight(f"{name}_proj.weight", (x.channels, features.channels))
            if self.bias:
                yield Weight(f"{name}_proj.bias", (x.channels,))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        x, memory = xs
        pairs, made = x.positions * memory.spatial[0], memory.positions * x.channels
        scores, rows = self.num_heads * pairs, self.num_heads * x.positions
        return Ops(
            mac=macs_of(self.contractions(y, *xs)),
            sums=2 * x.numel + 2 * made + scores + x.numel,
            bias=2 * (x.numel + made) if self.bias else 0,
            mul=scores,
        ) + softmax_ops(scores, rows)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        x, memory = xs
        yield from across(x, memory, x.channels)

    def cached(self, *xs: Volume) -> Dim:
        return 0

    def cast(self, *xs: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        x, memory = xs
        made = {"query": ("x0", x), "key": ("x1", memory), "value": ("x1", memory)}
        for name, (reads, source) in made.items():
            weight, bias = f"{name[0]}_proj.weight", (f"{name[0]}_proj.bias",) * self.bias
            size = Tensor(source.positions * x.channels, y.dtype)
            yield linear_map(size, weight, bias, reads=reads, makes=name, reads_contiguous=many(source))
        names = tuple(made)
        yield attended(tensor_of(y), names, self.num_heads, x)
        last = ("out_proj.bias",) * self.bias
        yield linear_map(tensor_of(y), "out_proj.weight", last, reads="gathered", holds=names)

    def call(self, *xs: Volume) -> Call:
        x, memory = xs
        given = dict(embed_dim=x.channels, memory_dim=memory.channels) | self.stated("memory")
        return module("CrossAttention", forward="{module}({0}, {1})", file="cross_attention", **given)

    examples = (
        Example(
            given=dict(num_heads=2, memory=Reference("encoder")), x=(tokens(4, 8), tokens(6, 12)), y=tokens(4, 8),
            params=352, macs=2_048, scalar=4_288,
            source="torch.nn.MultiheadAttention(8, 2, kdim=12, vdim=12), which has as many weights",
        ),
        Example(
            given=dict(num_heads=2, memory=Reference("encoder"), bias=False), x=(tokens(3, 4), tokens(5, 6)),
            y=tokens(3, 4), params=80, macs=456, scalar=974,
        ),
    )  # fmt: skip


def across(x: Volume, memory: Volume, width: Dim) -> Iterator[Contraction]:
    """Attention of one sequence to another: heads of `width` features together, each map without or with a bias."""
    query, key = ("x0", WEIGHTS), ("x1", WEIGHTS)
    pairs = x.positions * memory.spatial[0]
    yield Contraction(x.numel * width, ("x0",))
    yield Contraction(2 * memory.numel * width, ("x1",))
    yield Contraction(pairs * width, query, key, operator=Operator.ATTENTION)
    yield Contraction(pairs * width, (*query, *key), key, operator=Operator.ATTENTION)
    yield Contraction(x.numel * width, (*query, *key))
