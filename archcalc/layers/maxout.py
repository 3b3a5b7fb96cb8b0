"""Maxout: the maximum of several linear pieces, or of neighbouring maps."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, exact
from archcalc.core.kernel import Cast, Kernel, Run, Tensor, tensor_of
from archcalc.core.operations import largest, linear_map, reshape, view
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, module
from archcalc.layers.linear import across, as_rows, features, flattened
from archcalc.layers.parametrized import Parametrized
from archcalc.record import replace

FAMILY = "Linear, maxout and RBF layers"


class Maxout(Parametrized, name="maxout", positional=("out_features", "pieces")):
    """y_i = max_j (w_ij . x + b_ij): the maximum over `pieces` affine maps.

    x: features, alone or at every position -> y: out_features. A volume with channels before positions is flattened
    first, as in linear. For maxout over convolutional maps, use channel_maxpool after a conv. It has `pieces` times the
    parameters and MACs of linear.

    Source: Goodfellow et al. 2013, "Maxout networks", arXiv:1302.4389, section 3.
    """

    role = Role.CONTRACTION

    out_features: Dim
    pieces: Dim = 2
    bias: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, out_features=self.out_features, pieces=self.pieces)

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return across(x)

    def shape(self, x: Volume) -> Volume:
        return x.to(self.out_features, () if flattened(x) else x.spatial)

    def weights(self, x: Volume) -> Iterator[Weight]:
        maps = self.out_features * self.pieces
        yield Weight("weight", (maps, features(x)))
        if self.bias:
            yield Weight("bias", (maps,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        values = y.numel * self.pieces
        bias = values if self.bias else 0
        return Ops(mac=values * features(x), sums=values, bias=bias, compare=values - y.numel)

    def cast(self, x: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        reads = "flat" if flattened(x) else "x"
        if flattened(x):
            yield reshape(shape=(x.batch, features(x)), makes=reads, within_samples=True)
        pieces = Tensor(y.numel * self.pieces, y.dtype)
        bias = ("bias",) if self.bias else ()
        yield linear_map(pieces, "weight", bias, reads=reads, makes="maps", matrix=not y.rank, **as_rows(x))
        yield view("maps", "pieces")
        yield replace(largest(pieces, tensor_of(y), reads="pieces"), holds=(reads,))  # the caller's, until it returns

    def call(self, x: Volume) -> Call:
        forward = "{module}({0}.flatten(1))" if flattened(x) else "{module}({0})"
        given = dict(out_features=self.out_features, pieces=self.pieces, **self.stated("out_features", "pieces"))
        return module("Maxout", file="maxout", forward=forward, in_features=features(x), **given)

    examples = (
        Example(
            given=dict(out_features=240, pieces=5),
            x=flat(784), y=flat(240), params=942_000, macs=940_800, scalar=1_882_560,
            source="permutation-invariant MNIST, a maxout layer of 5 pieces: Goodfellow et al. 2013, arXiv:1302.4389",
        ),
        Example(
            given=dict(out_features=3, bias=False),
            x=tokens(4, 8), y=tokens(4, 3), params=48, macs=192, scalar=372,
            source="one unit's pieces at every position: Goodfellow et al. 2013, arXiv:1302.4389, section 3",
        ),
        Example(given=dict(out_features=3), x=image(2, 2, 2), y=flat(3), params=54, macs=48, scalar=99),
    )  # fmt: skip


class ChannelMaxPool(Layer, name="channel_maxpool", positional=("pieces",)):
    """The maximum of each group of `pieces` neighbouring channels at each position.

    x: C at *spatial -> y: C / pieces at *spatial

    Source: Goodfellow et al. 2013, "Maxout networks", arXiv:1302.4389, section 3 (maxout in a convolutional network
    pools over feature maps).
    """

    role = Role.ACTIVATION

    pieces: Dim

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, pieces=self.pieces)
        yield divides(self.pieces, x.channels), f"pieces={self.pieces} must divide the {x.channels} channels"

    def shape(self, x: Volume) -> Volume:
        return x.to(exact(x.channels, self.pieces))

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel - y.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield largest(tensor_of(x), tensor_of(y))

    def call(self, x: Volume) -> Call:
        axis = -1 if x.channels_last else 1
        forward = f"{{0}}.unflatten({axis}, (-1, {self.pieces})).amax({axis if axis < 0 else axis + 1})"
        return Call("", {}, forward)

    examples = (
        Example(
            given=dict(pieces=2), x=image(96, 24, 24), y=image(48, 24, 24), scalar=27_648,
            source="convolutional maxout, 2 pieces: Goodfellow et al. 2013, arXiv:1302.4389",
        ),
        Example(given=dict(pieces=3), x=tokens(4, 6), y=tokens(4, 2), scalar=16),
    )  # fmt: skip
