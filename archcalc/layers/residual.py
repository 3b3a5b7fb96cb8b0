"""Layers for the end of a residual branch: a learned factor per channel, and stochastic depth."""

from collections.abc import Iterator

from archcalc.core.kernel import PRESERVED, Backward, Cast, Kernel, Run, Tensor, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Layer, Requirement, Role, module
from archcalc.layers.dropout import AtRandom

FAMILY = "Residual branches and scaling"


class LayerScale(Layer, name="layer_scale", positional=("init",)):
    """y = x * weight, with a learned factor per channel: one multiplication per element.

    x: any volume -> y: the same

    The factors start at `init`, a small value, so that a deep network starts close to the identity.

    Sources: Touvron et al. 2021, arXiv:2103.17239, section 2; in ConvNeXt: Liu et al. 2022, arXiv:2201.03545,
    section 3.1.
    """

    role = Role.MERGE

    init: float = 1e-6

    def shape(self, x: Volume) -> Volume:
        return x

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", self.factors(x))

    def factors(self, x: Volume) -> tuple[int, ...]:
        return (x.channels,) if x.channels_last else (x.channels, *(1,) * x.rank)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mul=x.numel)

    def cast(self, x: Volume) -> Cast:
        return Cast.WIDEST

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Backward makes the factors' gradient for every element, and then sums it; where autocast has lowered the
        input, it makes both gradients in the dtype of the output, and then casts the first and sums the other."""
        both = ("x", "weight")
        made = dict.fromkeys(both if x.dtype != y.dtype else ("weight",), y.nbytes)
        backward = Backward(unreduced=made)
        yield Kernel(size=tensor_of(y), layout=PRESERVED, factors=both, weights=("weight",), backward=backward)

    def call(self, x: Volume) -> Call:
        given = self.stated() if x.channels_last or not x.rank else dict(rank=x.rank, **self.stated())
        return module("LayerScale", file="layer_scale", channels=x.channels, **given)

    examples = (
        Example(
            x=image(96, 56, 56), y=image(96, 56, 56), params=96, scalar=301_056,
            source="ConvNeXt-T, its first stage: Liu et al. 2022, arXiv:2201.03545, table 9",
        ),
        Example(
            given=dict(init=1e-5), x=tokens(196, 384), y=tokens(196, 384), params=384, scalar=75_264,
            source="CaiT-S24: Touvron et al. 2021, arXiv:2103.17239",
        ),
    )  # fmt: skip


class DropPath(AtRandom, name="drop_path", positional=("p",), aliases=("stochastic_depth",)):
    """Zeroes each sample of a batch with probability p and scales the others by 1 / (1 - p); in evaluation y = x.

    x: any volume -> y: the same

    At the end of a residual branch, a zeroed sample skips the block. Counted in evaluation mode: no arithmetic.

    Sources: Huang et al. 2016, arXiv:1603.09382, section 3; torchvision.ops.StochasticDepth, mode "row".
    """

    p: float

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield 0 <= self.p < 1, f"drop_path needs a probability of at least 0 and below 1, got p={self.p}"

    def numbers(self, run: Run, x: Volume) -> Tensor:
        return Tensor(x.batch, x.dtype)

    def call(self, x: Volume) -> Call:
        return module("DropPath", file="drop_path", p=self.p)

    examples = (
        Example(
            given=dict(p=0.5), x=image(64, 8, 8), y=image(64, 8, 8),
            source="the last block of 110 layers on CIFAR-10, p_L = 0.5: Huang et al. 2016, arXiv:1603.09382",
        ),
        Example(
            given=dict(p=0.1), x=tokens(196, 384), y=tokens(196, 384),
            source="CaiT-S24, its rate: Touvron et al. 2021, arXiv:2103.17239",
        ),
    )  # fmt: skip
