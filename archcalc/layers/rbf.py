"""Radial basis function units: the squared distance of the features from learned or fixed centres."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction
from archcalc.core.dim import Dim
from archcalc.core.kernel import Backward, Gradient, Kernel, Run, Tensor, Unpredicted, tensor_of
from archcalc.core.operations import sum_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.parametrized import Parametrized

FAMILY = "Linear, maxout and RBF layers"


class RBF(Parametrized, name="rbf", positional=("out_features",)):
    """y_i = sum_j (x_j - w_ij)^2 + b_i: the squared Euclidean distance from each of `out_features` centres.

    x: features -> y: out_features

    The sum of squares is a contraction of the difference with itself and counts as one multiply-accumulate per feature
    and centre; the differences are additions. For fixed centres write `freeze: true`.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", equation 7 (without a bias).
    """

    role = Role.CONTRACTION
    opaque = Unpredicted(autocast="whether einsum casts the difference it squares depends on sizes")

    out_features: Dim
    bias: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, out_features=self.out_features)
        yield x.rank == 0, f"rbf needs features without positions, got {x}: flatten or pool first"

    def shape(self, x: Volume) -> Volume:
        return x.to(self.out_features)

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (self.out_features, x.channels))
        if self.bias:
            yield Weight("bias", (self.out_features,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        squares = y.numel * x.channels
        return Ops(mac=squares, sums=y.numel, bias=y.numel if self.bias else 0, add=squares)

    def contractions(self, y: Volume, x: Volume) -> Iterator[Contraction]:
        difference = ("x", WEIGHTS)
        yield Contraction(self.ops(y, x).mac, difference, difference)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        difference, last = Tensor(y.numel * x.channels, x.dtype), "squares" if self.bias else "y"
        yield Kernel(
            makes="difference",
            size=difference,
            weights=("weight",),
            backward=Backward(unreduced={"weight": difference.nbytes}),
        )
        both, kept = ("difference", "difference"), ("difference",)
        yield Kernel(reads=both, makes=last, size=tensor_of(y), saves=kept, gradient=Gradient.NEW_STRIDED)
        if self.bias:
            yield sum_of(tensor_of(y), "squares", holds=kept, bias=("bias",))

    def call(self, x: Volume) -> Call:
        return module("RBF", file="rbf", in_features=x.channels, **self.stated())

    examples = (
        Example(
            given=dict(out_features=10), x=flat(84), y=flat(10), params=850, macs=840, scalar=2_520,
            source="LeNet-5 as lectures table it, 850 operations: Y. Avrithis 2018, lecture 7",
        ),
        Example(
            given=dict(out_features=10, bias=False), x=flat(84), y=flat(10), params=840, macs=840, scalar=2_510,
            source="LeNet-5 output, codes of 7x12 pixels: LeCun et al. 1998, section II.B",
        ),
    )  # fmt: skip
