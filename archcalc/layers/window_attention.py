"""Attention within windows of a map: its cost is linear in the size of the map, not quadratic."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import Contraction, macs_of
from archcalc.core.dim import Dim, ceil_div, divides, maximum, minimum, prod
from archcalc.core.kernel import (
    CONTIGUOUS,
    NEW,
    VIEW,
    Backward,
    Cast,
    Gradient,
    Kernel,
    Run,
    Tensor,
    Unpredicted,
    tensor_of,
)
from archcalc.core.operations import linear_map, product, slice_of, view
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, grid
from archcalc.core.weight import Weight
from archcalc.core.window import BlockWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, module
from archcalc.layers.attention import COMPUTED
from archcalc.layers.linear import as_rows
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class OfMaps(Layer):
    """Abstract: the input is a map whose features come last."""

    def requires(self, x: Volume) -> Iterator[Requirement]:
        holds = x.rank == 2 and x.channels_last
        yield holds, f"{self.name} needs a map of two axes whose features come last, got {x}"

    def remedy(self, *xs: Volume) -> str:
        return "put the features last first: channels_last" if xs[0].rank == 2 and not xs[0].channels_last else ""


class WindowAttention(Parametrized, OfMaps, name="window_attention", positional=("window_size", "num_heads")):
    """Self-attention within windows: softmax(Q K^T / sqrt(d) + B) V in each of `num_heads` heads, window by window.

    x: C at H x W, C last -> y: the same, or `out_features` at H x W

    Windows are squares of w = `window_size` positions. `shift_size` shifts them, to connect positions that unshifted
    windows separate; an axis no longer than a window is not shifted. B is learned for each offset of two positions: a
    table of (2 w - 1)^2 entries per head. As in torchvision, zeros pad the last windows, and pairs from opposite sides
    of the map, which a shift brings together, are masked; both are computed and therefore counted.

    MACs: 4 C^2 (with `out_features` D, 3 C^2 + C D) and 2 C w^2 per position, including padding. In addition, each
    pair in a head takes the multiplication and the addition in softmax's argument, and the operations of softmax.

    Sources: Liu et al. 2021, arXiv:2103.14030, equations 2 and 4, section 3.2;
    torchvision.models.swin_transformer.ShiftedWindowAttention (names of weights).
    """

    opaque = Unpredicted(
        autocast="its products run in the lower dtype, but its bias table and therefore the scores in float32"
    )
    role = Role.CONTRACTION

    window_size: Dim
    num_heads: Dim
    shift_size: Dim = 0
    bias: bool = True
    out_features: Dim | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, window_size=self.window_size, num_heads=self.num_heads)
        yield divides(self.num_heads, x.channels), f"num_heads={self.num_heads} must divide the {x.channels} features"
        yield from at_least(0, shift_size=self.shift_size)
        yield from at_least(1, out_features=1 if self.out_features is None else self.out_features)
        yield (
            self.shift_size < self.window_size,
            f"shift_size={self.shift_size} must be less than window_size={self.window_size}",
        )

    def windows(self, x: Volume) -> tuple[BlockWindow, ...]:
        return tuple(BlockWindow(n, self.window_size, self.shift_size) for n in x.spatial)

    def shape(self, x: Volume) -> Volume:
        return x if self.out_features is None else x.to(self.out_features)

    def weights(self, x: Volume) -> Iterator[Weight]:
        c, w = x.channels, self.window_size
        yield Weight("relative_position_bias_table", ((2 * w - 1) ** 2, self.num_heads))
        yield Weight("relative_position_index", (w**4,), buffer=True, dtype="int64")
        yield Weight("qkv.weight", (3 * c, c))
        if self.bias:
            yield Weight("qkv.bias", (3 * c,))
        made = self.shape(x).channels
        yield Weight("proj.weight", (made, c))
        if self.bias:
            yield Weight("proj.bias", (made,))

    def padded(self, x: Volume) -> Volume:
        """The map, padded with zeros to a multiple of the window size."""
        return x.to(spatial=tuple(ceil_div(n, self.window_size) * self.window_size for n in x.spatial))

    def pairs(self, whole: Volume) -> Dim:
        """The number of pairs of positions within windows."""
        return whole.positions * self.window_size**2

    def ops(self, y: Volume, x: Volume) -> Ops:
        whole = self.padded(x)
        projected = 3 * whole.numel + self.shape(whole).numel  # queries, keys, values, and the heads together
        pairs = self.pairs(whole)
        scores, rows = self.num_heads * pairs, self.num_heads * whole.positions
        return Ops(
            mac=macs_of(self.contractions(y, x)),
            sums=projected + scores + whole.numel,
            bias=projected if self.bias else 0,
            mul=scores,
            add=scores,
        ) + softmax_ops(scores, rows)

    def contractions(self, y: Volume, x: Volume) -> Iterator[Contraction]:
        whole = self.padded(x)
        pairs, together = self.pairs(whole), x.batch * prod(map(self.together, x.spatial))
        yield Contraction(3 * whole.numel * x.channels)
        for _ in ("scores", "weighted sums"):
            yield Contraction(pairs * x.channels, COMPUTED, COMPUTED, (pairs - together) * x.channels)
        yield Contraction(whole.numel * y.channels, COMPUTED)

    def together(self, n: Dim) -> Dim:
        """Pairs along an axis that no mask removes: a shift leaves two parts of the last window."""
        w, shift = self.window_size, self.shift_size * minimum(1, maximum(0, n - self.window_size))
        return ceil_div(n, w) * w * w - 2 * shift * (w - shift)

    def cast(self, x: Volume) -> Cast:
        return Cast.LOWER

    def shifted(self, x: Volume) -> bool:
        return self.shift_size > 0 and any(n > self.window_size for n in x.spatial)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """The map is padded and shifted, cut into windows, and put together again."""
        whole = self.padded(x)
        into, out = tensor_of(whole), Tensor(self.shape(whole).numel, y.dtype)
        if whole != x:
            yield Kernel(makes="x", size=into)
        if self.shifted(x):
            yield Kernel(makes="x", size=into)
        yield self.regrouped("x", whole, into)
        if self.shifted(x):
            yield Kernel(reads=(), makes="apart", size=Tensor(self.pairs(whole) // x.batch, "bool"))
        yield from self.attended(y, whole)
        yield self.regrouped("y", whole, out)
        if self.shifted(x):
            yield Kernel(reads=("y",), size=out)
        if whole != x:
            yield Kernel(reads=("y",), size=tensor_of(y))

    def regrouped(self, name: str, whole: Volume, size: Tensor) -> Kernel:
        """Positions in another order: the same where there is one window side by side."""
        if 1 in (whole.spatial[1] // self.window_size, self.window_size):
            return view(name, name, size)
        return Kernel(reads=(name,), makes=name, size=size, layout=CONTIGUOUS)

    def attended(self, y: Volume, whole: Volume) -> Iterator[Kernel]:
        """Attention in all windows. The gradients of queries, keys and values are concatenated once all are ready."""
        mapped, joined = Tensor(3 * whole.numel, y.dtype), Tensor(whole.numel, y.dtype)
        first, last = (("qkv.bias",), ("proj.bias",)) if self.bias else ((), ())
        yield linear_map(mapped, "qkv.weight", first, makes="mapped", **as_rows(y))
        alone = whole.positions == 1
        gradient = Gradient.VIEW if alone else Gradient.NEW
        yield Kernel(reads=("mapped",), makes="heads", size=mapped, layout=VIEW if alone else NEW, gradient=gradient)
        yield view("heads", "query", joined)
        yield view("heads", "key", joined)
        yield slice_of("heads", "value", joined)
        yield from self.scored(y, whole)
        yield product(joined, "scores", "value", "gathered")
        flat = 1 in (self.num_heads, self.window_size)
        gradient = Gradient.VIEW if flat or whole.positions == self.window_size**2 else Gradient.NEW
        yield Kernel(reads=("gathered",), makes="joined", size=joined, layout=VIEW if flat else NEW, gradient=gradient)
        names = ("x", "heads", "scores", *(("apart",) if self.shifted(whole) else ()))
        made = Tensor(self.shape(whole).numel, y.dtype)
        yield linear_map(made, "proj.weight", last, reads="joined", **as_rows(y), holds=names)

    def scored(self, y: Volume, whole: Volume) -> Iterator[Kernel]:
        """The attention weights of all pairs."""
        table, pairs = "relative_position_bias_table", self.pairs(whole)
        bias, scores = (Tensor(self.num_heads * n, y.dtype) for n in (self.window_size**4, pairs))
        yield Kernel(reads=(), makes="bias", size=bias, weights=(table,))
        flat = 1 in (self.num_heads, self.window_size)
        yield Kernel(reads=("bias",), makes="bias", size=bias, layout=VIEW if flat else NEW, gradient=Gradient.VIEW)
        yield product(scores, "query", "key", "scores")
        yield Kernel(reads=("bias", "scores"), makes="scores", size=scores, backward=Backward(broadcast=("bias",)))
        if self.shifted(whole):
            yield Kernel(reads=("scores", "apart"), makes="scores", size=scores, saves=("apart",))
        yield Kernel(reads=("scores",), makes="scores", size=scores, saves=("scores",))

    def call(self, x: Volume) -> Call:
        return module("WindowAttention", file="window_attention", embed_dim=x.channels, **self.stated())

    examples = (
        Example(
            given=dict(window_size=7, num_heads=3), x=grid(56, 56, 96), y=grid(56, 56, 96), params=37_755,
            macs=145_108_992, scalar=292_664_064,
            source="Swin-T, stage 1: Liu et al. 2021, arXiv:2103.14030, section 3.1",
        ),
        Example(
            given=dict(window_size=7, num_heads=6, shift_size=3), x=grid(28, 28, 192), y=grid(28, 28, 192),
            params=149_238, macs=130_357_248, scalar=261_937_536,
            source="Swin-T, stage 2, shifted windows: Liu et al. 2021, arXiv:2103.14030, section 3.2",
        ),
        Example(
            given=dict(window_size=4, num_heads=2, shift_size=1, bias=False), x=grid(6, 9, 4), y=grid(6, 9, 4),
            params=162, macs=18_432, scalar=52_992,
        ),
        Example(
            given=dict(window_size=3, num_heads=1, shift_size=1), x=grid(2, 7, 3), y=grid(2, 7, 3),
            params=73, macs=2_430, scalar=6_183,
        ),
        Example(
            given=dict(window_size=4, num_heads=2, out_features=6), x=grid(4, 4, 4), y=grid(4, 4, 6), params=188,
            macs=3_200, scalar=9_344,
            source="from one width to the next, narrow, and otherwise as in CoAtNet: Dai et al. 2021, "
            "arXiv:2106.04803, appendix A.1 (timm, Attention2d)",
        ),
    )  # fmt: skip
