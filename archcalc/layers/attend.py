"""Attention of given queries to given keys and values, without maps of its own."""

from collections.abc import Iterator
from typing import Any

from archcalc.core.agreement import same_batch
from archcalc.core.condition import at_least
from archcalc.core.contraction import Contraction, Operator, macs_of
from archcalc.core.dim import Dim, divides, exact, same
from archcalc.core.kernel import Backward, Cast, Kernel, Run, tensor_of
from archcalc.core.operations import view
from archcalc.core.ops import Ops
from archcalc.core.release import OLDEST
from archcalc.core.volume import Volume, image, tokens
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, inputs_list, module
from archcalc.layers.fused_attention import IN_GROUPS, attended, unfused
from archcalc.layers.grouped_attention import CAPPED
from archcalc.layers.sequence import needs_tokens
from archcalc.layers.sight import MASKED, WithSight
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class Attend(WithSight, Merge, name="attend", positional=("num_heads", "num_kv_heads")):
    """Attention of given queries to given keys and values: softmax(Q K^T scale) V in each of `num_heads` heads.

    x: queries H d at T tokens, keys G d at S tokens, values G e at S tokens -> y: H e at T tokens

    It has no weights: the three inputs come from layers of any kind. H is `num_heads`; G is `num_kv_heads`, by default
    H, and H / G heads share one head of keys and values. `scale` is 1 / sqrt(d) by default. `causal`, `window`,
    `dilation`, `global_tokens`, `softcap` and `mask` are those of `grouped_attention`. `{attend: [q, k, v], num_heads:
    8, causal: true}` is how to write it.

    MACs: H (d + e) for each pair of tokens, masked pairs included. The other operations per pair are those of
    `grouped_attention`. Decoding caches keys and values if it is causal.

    Sources: Vaswani et al. 2017, arXiv:1706.03762, equation 1; torch.nn.functional.scaled_dot_product_attention.
    """

    role = Role.CONTRACTION
    inputs = (3, 3)

    num_kv_heads: Dim | None = None
    scale: float | None = None
    softcap: float | None = None

    @property
    def groups(self) -> Dim:
        """The number of heads of keys and values."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        query, key, value, *masks = xs
        for name, x in zip(("its queries", "its keys", "its values"), xs, strict=False):
            yield needs_tokens(name, x)
        yield from at_least(1, num_heads=self.num_heads, num_kv_heads=self.groups)
        text = f"num_kv_heads={self.groups} must divide num_heads={self.num_heads}"
        yield divides(self.groups, self.num_heads), text
        for n, x in ((self.num_heads, query), (self.groups, key), (self.groups, value)):
            yield divides(n, x.channels), f"{n} heads must divide the {x.channels} features of {x}"
        text = f"queries and keys of a head must have as many features: {query} and {key}"
        yield same(query.channels * self.groups, key.channels * self.num_heads), text
        yield same(key.spatial[0], value.spatial[0]), f"keys and values must be as many: {key} and {value}"
        yield from same_batch(query, key)
        if self.causal:
            text = f"causal compares places in one sequence: {query} and {key} must be equally long"
            yield same(query.spatial[0], key.spatial[0]), text
        if self.window is not None:
            text = f"window compares places in one sequence: {query} and {key} must be equally long"
            yield same(query.spatial[0], key.spatial[0]), text
        yield from self.seeing(key.spatial[0])
        yield self.softcap is None or self.softcap > 0, f"softcap must be above 0, got {self.softcap}"
        yield from self.needs_scores(tuple(masks), query.spatial[0], key.spatial[0])

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (IDENTITY,)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        n = xs[0].spatial[0]
        seen = self.sight(n)
        return (IDENTITY,), (seen,), (seen,), *self.windows_of_masks(xs[3:], n, seen)

    def shape(self, *xs: Volume) -> Volume:
        query, _, value, *_ = xs
        return query.to(channels=self.num_heads * exact(value.channels, self.groups))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        scores, rows = self.num_heads * xs[0].positions * xs[1].spatial[0], self.num_heads * xs[0].positions
        capped = 0 if self.softcap is None else scores
        return Ops(
            mac=macs_of(self.contractions(y, *xs)),
            sums=scores + y.numel,
            mul=scores + capped,
            exp=capped,
            add=scores if self.mask else 0,
        ) + softmax_ops(scores, rows)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        query, key = xs[:2]
        n, operator = key.spatial[0], Operator.ATTENTION if self.softcap is None else Operator.PRODUCT
        sides = ((("x0",), ("x1",), query.channels), (("x0", "x1", *self.added(3)), ("x2",), y.channels))
        for left, right, width in sides:
            masked = query.batch * self.masked(n, width) if self.limited else 0
            yield Contraction(query.positions * n * width, left, right, masked, operator)

    def cached(self, *xs: Volume) -> Dim:
        return xs[1].channels + xs[2].channels if self.causal else 0

    def unpredicted(self, run: Run, *xs: Volume) -> str:
        if self.softcap is not None:
            return CAPPED
        if self.mask is not None:
            return MASKED
        if any(x.channels == 1 for x in xs[:3]):
            return "with a single feature, torch's kernels go by how far apart tokens lie in memory"
        alike = xs[0].channels * self.groups == xs[2].channels * self.num_heads
        if not alike:
            return "torch's kernels differ where keys and values have heads of different sizes"
        d, grouped = exact(xs[0].channels, self.num_heads), self.groups != self.num_heads
        return unfused(run, d, masked=self.window is not None, grouped=grouped)

    def cast(self, *xs: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        names: tuple[str, ...] = ("x0", "x1", "x2")
        if self.window is not None:
            yield from self.sighted(xs[0].spatial[0])
            names = (*names, "mask")
        all_three = Backward(all_in=y.dtype)
        yield attended(run, tensor_of(y), names, self.num_heads, xs[0], cast=Cast.LOWER, backward=all_three)
        yield view("gathered", holds=names[3:])

    def call(self, *xs: Volume) -> Call:
        heads: dict[str, Any] = dict(num_heads=self.num_heads, num_kv_heads=self.groups)
        given = heads | self.stated("num_heads", "num_kv_heads", "mask")
        forward = f"{{module}}({inputs_list(len(xs))})"
        return module("Attend", forward=forward, file="attend", since=OLDEST if self.softcap else IN_GROUPS, **given)

    examples = (
        Example(
            given=dict(num_heads=8), x=(tokens(25, 512), tokens(30, 512), tokens(30, 512)), y=tokens(25, 512),
            macs=768_000, scalar=1_552_800,
            source="the base model: Vaswani et al. 2017, arXiv:1706.03762, table 3",
        ),
        Example(
            given=dict(num_heads=4, num_kv_heads=2),
            x=(tokens(6, 16), tokens(6, 8), tokens(6, 8)), y=tokens(6, 16), macs=1_152, scalar=2_880,
        ),
        Example(
            given=dict(num_heads=2, scale=0.5, mask=Reference("pairs")),
            x=(tokens(3, 4), tokens(5, 4), tokens(5, 6), image(2, 3, 5)), y=tokens(3, 6), macs=150, scalar=450,
        ),
        Example(
            given=dict(num_heads=2, causal=True, window=2, softcap=20.0), x=(tokens(4, 6), tokens(4, 6), tokens(4, 6)),
            y=tokens(4, 6), macs=192, scalar=568,
            source="scores between -20 and 20, as in Gemma 2: Gemma team 2024, arXiv:2408.00118, section 2",
        ),
        Example(
            given=dict(num_heads=2, window=3, dilation=2, global_tokens=1),
            x=(tokens(9, 8), tokens(9, 8), tokens(9, 8)), y=tokens(9, 8), macs=1_296, scalar=3_294,
            source="a dilated window and a global token: Beltagy et al. 2020, arXiv:2004.05150, section 3.1",
        ),
    )  # fmt: skip
