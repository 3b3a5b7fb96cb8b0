"""Queries, keys and values of heads: the linear maps, norms and rotations that stand before attention."""

from collections.abc import Iterator
from typing import Literal

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, exact
from archcalc.core.kernel import Gradient, Kernel, Run, Tensor, tensor
from archcalc.core.operations import chunk, linear_map, sum_of, within
from archcalc.core.volume import Volume
from archcalc.core.weight import Weight
from archcalc.layer import Requirement
from archcalc.layers.linear import as_rows
from archcalc.layers.rmsnorm import RMSNorm
from archcalc.layers.sequence import OfTokens
from archcalc.record import replace

FAMILY = "Attention"


class OfHeads(OfTokens):
    """Abstract: a layer whose heads of queries share heads of keys and values, which may be normalised and rotated."""

    num_heads: Dim
    num_kv_heads: Dim | None = None
    head_dim: Dim | None = None
    qkv_bias: bool = False
    q_bias: bool | None = None
    k_bias: bool | None = None
    v_bias: bool | None = None
    out_bias: bool = False
    rope: float | None = None
    rotary_dim: Dim | None = None
    qk_norm: float | None = None
    qk_norm_over: Literal["head", "all"] = "head"

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, num_heads=self.num_heads, num_kv_heads=self.groups)
        text = f"num_kv_heads={self.groups} must divide num_heads={self.num_heads}"
        yield divides(self.groups, self.num_heads), text
        if self.head_dim is None:
            text = f"num_heads={self.num_heads} must divide the {x.channels} features, unless head_dim is given"
            yield divides(self.num_heads, x.channels), text
        yield from at_least(1, head_dim=self.features(x))
        if self.rope is not None:
            yield self.rope > 0, f"rope must be above 0, got {self.rope}"
            name, turned = "head_dim" if self.rotary_dim is None else "rotary_dim", self.rotated(x)
            yield divides(2, turned), f"rope rotates pairs of features: {name}={turned} must be even"
            yield from at_least(2, rotary_dim=turned)
            text = f"rotary_dim={turned} is more than the {self.features(x)} features of a head"
            yield turned <= self.features(x), text
        yield self.rotary_dim is None or self.rope is not None, "rotary_dim says what rope rotates: it needs rope"
        needed = self.qk_norm is not None or self.qk_norm_over == "head"
        yield needed, "qk_norm_over says what qk_norm covers: it needs qk_norm"
        yield self.qk_norm is None or self.qk_norm > 0, f"qk_norm is an eps and must be above 0, got {self.qk_norm}"

    @property
    def groups(self) -> Dim:
        """The number of heads of keys and values."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    def features(self, x: Volume) -> Dim:
        """The number of features of a head."""
        return exact(x.channels, self.num_heads) if self.head_dim is None else self.head_dim

    def rotated(self, x: Volume) -> Dim:
        """The number of features of a head that `rope` rotates."""
        return self.features(x) if self.rotary_dim is None else self.rotary_dim

    def biased(self, name: str) -> bool:
        """Whether a map of queries, keys or values has a bias."""
        own: bool | None = getattr(self, f"{name[0]}_bias")
        return self.qkv_bias if own is None else own

    def mapped(self, x: Volume) -> Iterator[tuple[str, Volume]]:
        """Queries, keys and values, those of all heads together."""
        for name, heads in (("query", self.num_heads), ("key", self.groups), ("value", self.groups)):
            yield name, x.to(channels=heads * self.features(x))

    def normed(self, x: Volume) -> Iterator[tuple[str, Volume]]:
        """Queries and keys as `qk_norm` sees them; head by head, these have an axis of their own."""
        for name, heads in (("query", self.num_heads), ("key", self.groups)):
            d, n = self.features(x), x.spatial[0]
            headed = self.qk_norm_over == "head"
            yield name, x.to(d if headed else heads * d, (n, heads) if headed else (n,))

    def weights(self, x: Volume, *masks: Volume) -> Iterator[Weight]:
        for name, each in self.mapped(x):
            yield Weight(f"{name[0]}_proj.weight", (each.channels, x.channels))
            if self.biased(name):
                yield Weight(f"{name[0]}_proj.bias", (each.channels,))
        if self.qk_norm is not None:
            yield from (Weight(f"{name[0]}_norm.weight", (each.channels,)) for name, each in self.normed(x))
        yield Weight("o_proj.weight", (x.channels, self.num_heads * self.features(x)))
        if self.out_bias:
            yield Weight("o_proj.bias", (x.channels,))

    def turned(self, name: str, heads: Dim, y: Volume, held: tuple[str, ...]) -> Iterator[Kernel]:
        """Queries or keys, of which all features or the first are rotated."""
        if self.rotary_dim is None:
            yield from turn(name, held)
            return
        where, rest, d = f"where of {name}", f"rest of {name}", self.features(y)
        widths = {where: self.rotary_dim, rest: d - self.rotary_dim}
        yield chunk(name, {part: Tensor(y.positions * heads * width, y.dtype) for part, width in widths.items()})
        yield from turn(where, (name, rest, *held))
        both, size = (f"turned {where}", rest), Tensor(y.positions * heads * d, y.dtype)
        gradient = Gradient.STRIDED_SLICE
        yield Kernel(reads=both, makes=f"turned {name}", size=size, gradient=gradient, holds=(name, *held))

    @property
    def prepared_names(self) -> tuple[str, ...]:
        """What `prepared` calls queries, keys and values in the end."""
        names: tuple[str, ...] = ("query", "key")
        names = names if self.qk_norm is None else tuple(f"normed {name}" for name in names)
        names = names if self.rope is None else tuple(f"turned {name}" for name in names)
        return (*names, "value")

    def prepared(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Queries, keys and values, mapped, normalised and rotated."""
        names: tuple[str, ...] = ("query", "key", "value")
        for name, each in self.mapped(x):
            bias = (f"{name[0]}_proj.bias",) * self.biased(name)
            size = Tensor(each.numel, y.dtype)
            yield linear_map(size, f"{name[0]}_proj.weight", bias, makes=name, **as_rows(x))
        if self.qk_norm is not None:
            for name, each in self.normed(x):
                each = replace(each, dtype=y.dtype)
                for kernel in within(RMSNorm().kernels(run, each, each), f"{name[0]}_norm", name, f"normed {name}"):
                    yield replace(kernel, holds=(name, *kernel.holds))
            names = ("normed query", "normed key", "value")
        if self.rope is not None:
            yield from table(x.spatial[0], self.rotated(x), y.dtype)
            query, key, _ = names
            names = (f"turned {query}", f"turned {key}", "value")
            yield from self.turned(query, self.num_heads, y, (key, "value", "cos", "sin"))
            yield from self.turned(key, self.groups, y, (names[0], "value", "cos", "sin"))


def table(length: Dim, features: Dim, dtype: str) -> Iterator[Kernel]:
    """Cosines and sines for every position and feature; angles and values before the cast are float32."""
    half = Tensor(length * exact(features, 2))
    own = {"angles": half, "steps": tensor(exact(features, 2))}
    yield Kernel(reads=(), makes="cos", size=Tensor(length * features, dtype), also=own)
    yield Kernel(reads=(), makes="sin", size=Tensor(length * features, dtype), also={"half of sin": half, "less": half})


def turn(name: str, held: tuple[str, ...]) -> Iterator[Kernel]:
    """x cos + roll(x) sin, one product after the other."""
    yield Kernel(reads=(name, "cos"), makes=f"{name} cos", saves=("cos",))
    yield Kernel(reads=(name,), makes=f"{name} rolled")
    yield Kernel(reads=(f"{name} rolled", "sin"), makes=f"{name} sin", saves=("sin",))
    both = (f"{name} cos", f"{name} sin")
    yield sum_of(None, *both, makes=f"turned {name}", holds=(name, *held))
