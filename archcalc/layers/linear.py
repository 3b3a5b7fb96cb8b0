"""Linear layers: an affine map of the features."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, prod
from archcalc.core.kernel import Cast, Kernel, Run, tensor_of
from archcalc.core.operations import linear_map, reshape
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Reference, Requirement, Role, module
from archcalc.layers.parametrized import Parametrized

FAMILY = "Linear, maxout and RBF layers"


def flattened(x: Volume) -> bool:
    """Whether the volume is flattened first, because channels come before positions."""
    return x.rank > 0 and not x.channels_last


def features(x: Volume) -> Dim:
    """The number of inputs of each output feature."""
    return x.channels * prod(x.spatial) if flattened(x) else x.channels


def across(x: Volume) -> tuple[AnyWindow, ...]:
    """The window of an output element: all positions if the volume is flattened, otherwise its own."""
    return tuple(WholeWindow(1) if flattened(x) else IDENTITY for _ in x.spatial)


def as_rows(x: Volume) -> Mapping[str, Any]:
    """How `linear_map` reads a volume that has its features last: as a matrix of rows that are all equally far apart,
    for which it is copied where they are not; with a single sample the matrix may also be transposed."""
    if flattened(x) or not x.rank:
        return {}
    shape = (x.positions, x.channels)
    return {"reads_contiguous": x.batch != 1, "reads_as": shape, "within_samples": prod(x.spatial) == 1}


class Linear(Parametrized, name="linear", positional=("out_features",)):
    """y = x W^T + b: every output feature depends on every input feature.

    x: features, alone or at every position -> y: out_features

    `linear` acts on the last axis, as torch's does, and rejects a volume with channels before positions. `fc` is
    `linear` with `flatten=true`: it flattens such a volume first, as the lectures write `pool(2) -> fc(100)`.

    `tie` names a layer whose `weight` is used instead of its own. `parametrization`: the weight is normalised each
    time, by `weight_norm` along axis `norm_dim`, or by `spectral_norm`; computing it is not counted.

    Sources: torch.nn.Linear; tied weights: Press & Wolf 2016, arXiv:1608.05859; normalised weights:
    Salimans & Kingma 2016, arXiv:1602.07868, Miyato et al. 2018, arXiv:1802.05957.
    """

    role = Role.CONTRACTION
    takes_plain = True
    presets: ClassVar[Mapping[str, Mapping[str, bool]]] = {"fc": {"flatten": True}}
    ties: ClassVar[Mapping[str, str]] = {"tie": "weight"}
    followed_by = ("norm", "act")

    out_features: Dim
    bias: bool = True
    tie: Reference | None = None
    flatten: bool = False

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, out_features=self.out_features)
        yield self.flatten or not flattened(x), f"linear acts on the last axis, but the channels of {x} come first"

    def remedy(self, *xs: Volume) -> str:
        call, before = f"linear({self.out_features})", "tokens" if xs[0].rank == 1 else "channels_last"
        each = f"conv(1, {self.out_features}) or {before} -> {call}"
        return f"flatten -> {call} for all positions at once; {each} for each position"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return across(x)

    def shape(self, x: Volume) -> Volume:
        return x.to(self.out_features, () if flattened(x) else x.spatial)

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (self.out_features, features(x)))
        if self.bias:
            yield Weight("bias", (self.out_features,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mac=y.numel * features(x), sums=y.numel, bias=y.numel if self.bias else 0)

    def cast(self, x: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        if flattened(x):
            yield reshape(shape=(x.batch, features(x)), makes="flat", within_samples=True)
        bias = ("bias",) if self.bias else ()
        reads = "flat" if flattened(x) else "x"
        yield linear_map(tensor_of(y), "weight", bias, reads=reads, matrix=not y.rank, **as_rows(x))

    def call(self, x: Volume) -> Call:
        forward = "{module}({0}.flatten(1))" if flattened(x) else "{module}({0})"
        return module("torch.nn.Linear", in_features=features(x), forward=forward, **self.stated("tie", "flatten"))

    examples = (
        Example(
            given=dict(out_features=4096, flatten=True),
            x=image(512, 7, 7), y=flat(4096), params=102_764_544, macs=102_760_448, scalar=205_520_896,
            source="VGG-16 fc6: Simonyan & Zisserman 2014, arXiv:1409.1556",
        ),
        Example(
            given=dict(out_features=32_000, bias=False, tie=Reference("embedding")),
            x=tokens(5, 650), y=tokens(5, 32_000), params=20_800_000, macs=104_000_000, scalar=207_840_000,
            source="word scores from the embedding's own vectors: Press & Wolf 2016, arXiv:1608.05859",
        ),
        Example(
            given=dict(out_features=4, parametrization="weight_norm", norm_dim=0), x=flat(3), y=flat(4), params=20,
            macs=12, scalar=24, source="Salimans & Kingma 2016, arXiv:1602.07868, equation 2",
        ),
        Example(
            given=dict(out_features=4, parametrization="spectral_norm"), x=tokens(5, 3), y=tokens(5, 4), params=16,
            macs=60, scalar=120, source="Miyato et al. 2018, arXiv:1802.05957, equation 8",
        ),
    )  # fmt: skip
