"""The identity, for blocks in which a layer is optional."""

from collections.abc import Iterator

from archcalc.core.kernel import Kernel, Layout, Run
from archcalc.core.volume import Volume, image
from archcalc.layer import Call, Example, Layer, Role, module

FAMILY = "Residual branches and scaling"


class Identity(Layer, name="identity"):
    """y = x.

    Source: identity shortcuts: He et al. 2015, arXiv:1512.03385, section 3.2; torch.nn.Identity.
    """

    role = Role.MOVEMENT
    takes_plain = True

    def shape(self, x: Volume) -> Volume:
        return x

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(layout=Layout(view=True, same=True))

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Identity")

    examples = (
        Example(
            x=image(256, 56, 56), y=image(256, 56, 56),
            source="a shortcut that keeps its volume: He et al. 2015, arXiv:1512.03385, equation 1",
        ),
    )  # fmt: skip
