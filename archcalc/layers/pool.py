"""Pooling windows."""

from collections.abc import Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import PerAxis, per_axis, prod
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.window import Window, fits, slide, windows_along
from archcalc.layer import Call, Example, Layer, Requirement, Role, module


class Pooling(Layer):
    """A window that owns nothing: volume and receptive field follow from it."""

    role = Role.POOLING
    ranks = (1, 2, 3)

    kernel_size: PerAxis
    stride: PerAxis | None = None
    padding: PerAxis = 0
    ceil_mode: bool = False

    def requires(self, x: Volume) -> Iterator[Requirement]:
        stride = self.kernel_size if self.stride is None else self.stride
        yield not x.channels_last, f"{self.name} needs channels before positions, got {x}"
        yield from one_for_each_axis(x.rank, kernel_size=self.kernel_size, stride=stride, padding=self.padding)
        yield from at_least(1, kernel_size=self.kernel_size, stride=stride)
        yield from at_least(0, padding=self.padding)
        for p, k in zip(per_axis(self.padding, x.rank), per_axis(self.kernel_size, x.rank), strict=True):
            yield 2 * p <= k, f"padding={p} must be at most half of the kernel of {k}"
        yield from fits(self.windows(x), x.spatial)

    def windows(self, x: Volume) -> tuple[Window, ...]:
        stride = self.kernel_size if self.stride is None else self.stride
        pads = tuple((p, p) for p in per_axis(self.padding, x.rank))
        return windows_along(x.rank, self.kernel_size, stride, pads, 1, self.ceil_mode)

    def shape(self, x: Volume) -> Volume:
        return x.to(spatial=slide(self.windows(x), x.spatial))

    def taps(self, x: Volume) -> int:
        return x.batch * x.channels * prod(w.taps(n) for w, n in zip(self.windows(x), x.spatial, strict=True))


class MaxPool(Pooling, name="maxpool", positional=("kernel_size", "stride"), aliases=("pool",)):
    """The largest value in every window. Source: torch.nn.MaxPool2d."""

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=self.taps(x) - y.numel)

    def call(self, x: Volume) -> Call:
        return module(f"torch.nn.MaxPool{x.rank}d", **self.stated())

    examples = (Example(given=dict(kernel_size=3, stride=2, padding=1), x=image(64, 112, 112), y=image(64, 56, 56)),)


class AvgPool(Pooling, name="avgpool", positional=("kernel_size", "stride"), aliases=("avg",)):
    """The mean of every window. Source: torch.nn.AvgPool2d."""

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=self.taps(x) - y.numel, div=y.numel)

    def call(self, x: Volume) -> Call:
        return module(f"torch.nn.AvgPool{x.rank}d", **self.stated())

    examples = (Example(given=dict(kernel_size=7), x=image(1024, 7, 7), y=image(1024, 1, 1)),)
