"""Patch merging: halves each axis and concatenates the features of four positions."""

from collections.abc import Iterator

from archcalc.core.kernel import CONTIGUOUS, Gradient, Kernel, Run, tensor_of
from archcalc.core.volume import Volume, grid
from archcalc.core.window import Window, slide
from archcalc.layer import Call, Example, Role, module
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.window_attention import OfMaps

FAMILY = "Reshaping, padding and cropping"


class PatchMerging(Parametrized, OfMaps, name="patch_merging"):
    """Concatenates the features of 2x2 neighbours, column by column; an odd axis is padded with zeros at its end.

    x: C at H x W, C last -> y: 4 C at ceil(H / 2) x ceil(W / 2), C last

    The norm and the linear map that follow, `layernorm -> fc(2 C, bias=false)`, are separate layers. The order of the
    four neighbours matters only to pretrained weights.

    Source: Liu et al. 2021, arXiv:2103.14030, section 3.1; torchvision.models.swin_transformer.PatchMerging.
    """

    role = Role.MOVEMENT

    def windows(self, x: Volume) -> tuple[Window, ...]:
        return tuple(Window(kernel=2, stride=2, end=n % 2) for n in x.spatial)

    def shape(self, x: Volume) -> Volume:
        return x.to(4 * x.channels, slide(self.windows(x), x.spatial))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        if self.odd(x):
            yield Kernel(makes="x", size=tensor_of(y))
        yield Kernel(
            size=tensor_of(y), layout=CONTIGUOUS, gradient=Gradient.VIEW if y.spatial[0] == 1 else Gradient.NEW
        )

    def odd(self, x: Volume) -> bool:
        return any(window.end == 1 for window in self.windows(x))

    def call(self, x: Volume) -> Call:
        return module("PatchMerging", file="patch_merging")

    examples = (
        Example(
            x=grid(56, 56, 96), y=grid(28, 28, 384),
            source="Swin-T, between stages 1 and 2: Liu et al. 2021, arXiv:2103.14030, section 3.1",
        ),
        Example(x=grid(7, 5, 3), y=grid(4, 3, 12), source="odd sizes: torchvision.models.swin_transformer"),
        Example(x=grid(2, 6, 3), y=grid(1, 3, 12)),
    )  # fmt: skip
