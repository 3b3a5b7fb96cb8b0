"""Sub-sampling with weights, as in the first convolutional networks."""

from collections.abc import Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import PerAxis, per_axis, prod
from archcalc.core.kernel import Kernel, Run, Unpredicted, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import sum_of, times_weight
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.core.window import Window, fits, slide, windows_along
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Pooling"


class Subsampling(Layer, name="subsampling", positional=("kernel_size", "stride")):
    """The sum of each window, times a learned coefficient per map, plus a learned bias per map.

    x: C at *spatial -> y: C at *spatial', y = w_c * sum(window) + b_c

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B (layer S2: 12
    trainable parameters and 5,880 connections).
    """

    role = Role.POOLING
    opaque = Unpredicted(autocast="its sums run in the lower dtype, its weights in float32, and its gradients in both")
    ranks = (2,)
    followed_by = ("act",)

    kernel_size: PerAxis
    stride: PerAxis | None = None

    @property
    def step(self) -> PerAxis:
        return self.kernel_size if self.stride is None else self.stride

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield channels_before("subsampling", x)
        yield from one_for_each_axis(x.rank, kernel_size=self.kernel_size, stride=self.step)
        yield from at_least(1, kernel_size=self.kernel_size, stride=self.step)
        yield from fits(self.windows(x), x.spatial)

    def windows(self, x: Volume) -> tuple[Window, ...]:
        return windows_along(x.rank, self.kernel_size, self.step, ((0, 0),) * x.rank)

    def shape(self, x: Volume) -> Volume:
        return x.to(spatial=slide(self.windows(x), x.spatial))

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (x.channels, 1, 1))
        yield Weight("bias", (x.channels, 1, 1))

    def ops(self, y: Volume, x: Volume) -> Ops:
        window = prod(per_axis(self.kernel_size, x.rank))
        return Ops(add=y.numel * (window - 1), mul=y.numel, bias=y.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        size = tensor_of(y)
        yield Kernel(makes="average", size=size, saves=("x",))
        yield times_weight(size, "average", "scaled")
        yield sum_of(size, "scaled", bias=("bias",))

    def call(self, x: Volume) -> Call:
        kernel, stride = per_axis(self.kernel_size, 2), per_axis(self.step, 2)
        return module("Subsampling2d", file="subsampling2d", channels=x.channels, kernel_size=kernel, stride=stride)

    examples = (
        Example(
            given=dict(kernel_size=2),
            x=image(6, 28, 28), y=image(6, 14, 14), params=12, scalar=5_880,
            source="LeNet-5 S2: LeCun et al. 1998, section II.B",
        ),
        Example(
            given=dict(kernel_size=(3, 2), stride=2),
            x=image(2, 8, 7), y=image(2, 3, 3), params=4, scalar=126,
        ),
    )  # fmt: skip
