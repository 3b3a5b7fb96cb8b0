"""Rotary positions on their own: queries or keys that layers of any kind made, turned by their places."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, exact
from archcalc.core.kernel import Cast, Gradient, Kernel, Run, Tensor, tensor_of
from archcalc.core.operations import chunk, view
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, tokens
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.heads import table, turn
from archcalc.layers.sequence import OfTokens

FAMILY = "Attention"


class Rope(OfTokens, name="rope", positional=("num_heads", "base")):
    """Turns queries or keys by their places, as `rope` of `grouped_attention` does, for use before `attend`.

    x: H d at T tokens -> y: the same, each of `num_heads` heads turned

    Features i and i + r/2 of the first r = `rotary_dim` features of a head, by default all d, are turned by the angle
    t / base^(2 i / r) at place t. Each turned feature takes two multiplications and one addition. Tables that depend
    only on places are not counted.

    Source: Su et al. 2021, arXiv:2104.09864, equations 15 and 34; `rotary_dim`: Black et al. 2022, arXiv:2204.06745,
    section 2.1.
    """

    role = Role.MOVEMENT

    num_heads: Dim
    base: float = 10_000.0
    rotary_dim: Dim | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, num_heads=self.num_heads)
        yield divides(self.num_heads, x.channels), f"num_heads={self.num_heads} must divide the {x.channels} features"
        yield self.base > 0, f"base must be above 0, got {self.base}"
        name, turned = "a head" if self.rotary_dim is None else "rotary_dim", self.rotated(x)
        yield divides(2, turned), f"rope rotates pairs of features: {turned} of {name} must be even"
        yield from at_least(2, rotary_dim=turned)
        text = f"rotary_dim={turned} is more than the {self.features(x)} features of a head"
        yield turned <= self.features(x), text

    def features(self, x: Volume) -> Dim:
        """The number of features of a head."""
        return exact(x.channels, self.num_heads)

    def rotated(self, x: Volume) -> Dim:
        """The number of features of a head that are turned."""
        return self.features(x) if self.rotary_dim is None else self.rotary_dim

    def shape(self, x: Volume) -> Volume:
        return x

    def ops(self, y: Volume, x: Volume) -> Ops:
        turned = self.num_heads * self.rotated(x) * x.positions
        return Ops(mul=2 * turned, add=turned)

    def cast(self, x: Volume) -> Cast:
        return Cast.NONE

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        held, rest = ("cos", "sin"), self.features(x) - self.rotated(x)
        yield view("x", "heads")
        yield from table(x.spatial[0], self.rotated(x), y.dtype)
        if self.rotary_dim is None:
            yield from turn("heads", held)
            yield view("turned heads")
            return
        n = y.positions * self.num_heads
        parts = {"where": Tensor(n * self.rotary_dim, y.dtype), "rest": Tensor(n * rest, y.dtype)}
        yield chunk("heads", parts)
        yield from turn("where", ("heads", "rest", *held))
        gradient = Gradient.STRIDED_SLICE
        yield Kernel(reads=("turned where", "rest"), makes="joined", size=tensor_of(y), gradient=gradient, holds=held)
        yield view("joined")

    def call(self, x: Volume) -> Call:
        return module("Rope", file="rope", **self.stated())

    examples = (
        Example(
            given=dict(num_heads=32, base=5e5), x=tokens(16, 4096), y=tokens(16, 4096), scalar=196_608,
            source="the queries of Llama 3 8B: Grattafiori et al. 2024, arXiv:2407.21783, table 3",
        ),
        Example(
            given=dict(num_heads=4, rotary_dim=2), x=tokens(6, 32), y=tokens(6, 32), scalar=144,
            source="a quarter of a head, as in Pythia: Biderman et al. 2023, arXiv:2304.01373",
        ),
    )  # fmt: skip
