"""Global pooling: reduces all positions of a channel to one value."""

from collections.abc import Iterator

from archcalc.core.kernel import Kernel, Run, tensor_of
from archcalc.core.operations import largest
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression

FAMILY = "Pooling"


class GlobalPooling(Layer):
    """Abstract: reduces all positions of a channel to one value; the spatial axes are removed unless `keepdim`."""

    role = Role.ADAPTIVE_POOLING
    ranks = (1, 2, 3)

    keepdim: bool = False

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank >= 1, f"{self.name} needs positions to pool, got {x}"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return (WholeWindow(1),) * x.rank

    def shape(self, x: Volume) -> Volume:
        if self.keepdim:
            return x.to(spatial=(1,) * x.rank)
        return Volume(x.channels, (), x.batch, dtype=x.dtype)

    def reduction(self, x: Volume, method: str) -> Call:
        first = 1 if x.channels_last else 2
        axes = first if x.rank == 1 else tuple(range(first, first + x.rank))
        return expression(f"{{0}}.{method}(dim={axes}{', keepdim=True' if self.keepdim else ''})")


class GlobalAvgPool(GlobalPooling, name="global_avgpool", aliases=("gap", "global_pool")):
    """The average of each channel over all positions.

    x: C at *spatial -> y: C

    Source: Lin et al. 2013, arXiv:1312.4400, section 3.2.
    """

    saves = ()

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=x.numel - y.numel, div=y.numel)

    def call(self, x: Volume) -> Call:
        return self.reduction(x, "mean")

    examples = (
        Example(
            x=image(10, 8, 8), y=flat(10), scalar=640,
            source="Network in Network on CIFAR-10: Lin et al. 2013, arXiv:1312.4400, section 3.2",
        ),
        Example(
            given=dict(keepdim=True), x=image(2048, 7, 7), y=image(2048, 1, 1), scalar=100_352,
            source="squeeze: Hu et al. 2017, arXiv:1709.01507, equation 2",
        ),
        Example(x=tokens(196, 192), y=flat(192), scalar=37_632,
                source="average over patches: Zhai et al. 2021, arXiv:2106.04560, section 3.2"),
        Example(x=image(512, 1, 4, 4), y=flat(512), scalar=8_192,
                source="R(2+1)D, spatiotemporal average: Tran et al. 2018, arXiv:1711.11248"),
    )  # fmt: skip


class GlobalMaxPool(GlobalPooling, name="global_maxpool"):
    """The maximum of each channel over all positions.

    x: C at *spatial -> y: C

    Source: Qi et al. 2016, arXiv:1612.00593, section 4.2 (a symmetric function over all points).
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel - y.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield largest(tensor_of(x), tensor_of(y))

    def call(self, x: Volume) -> Call:
        return self.reduction(x, "amax")

    examples = (
        Example(x=image(1024, 1024), y=flat(1024), scalar=1_047_552,
                source="PointNet, max pool of 1,024 points: Qi et al. 2016, arXiv:1612.00593, figure 2"),
        Example(given=dict(keepdim=True), x=image(256, 13, 13), y=image(256, 1, 1), scalar=43_008,
                source="channel attention: Woo et al. 2018, arXiv:1807.06521, equation 2"),
        Example(x=image(2, 2, 3, 4), y=flat(2), scalar=46, source="torch.Tensor.amax"),
    )  # fmt: skip
