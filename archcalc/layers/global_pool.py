"""Global pooling."""

from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Role, expression


class GlobalAvgPool(Layer, name="global_avgpool", aliases=("gap",)):
    """The mean of every channel. Source: Lin et al. 2013, arXiv:1312.4400, section 3.2."""

    role = Role.ADAPTIVE_POOLING
    keepdim: bool = False

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return (WholeWindow(1),) * x.rank

    def shape(self, x: Volume) -> Volume:
        return x.to(spatial=(1,) * x.rank if self.keepdim else ())

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=x.numel - y.numel, div=y.numel)

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}.mean(dim={tuple(range(2, 2 + x.rank))}, keepdim={self.keepdim})")

    examples = (Example(x=image(1024, 7, 7), y=flat(1024)),)
