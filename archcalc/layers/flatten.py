"""Flattening: positions become features."""

from collections.abc import Iterator

from archcalc.core.dim import prod
from archcalc.core.kernel import Kernel, Run
from archcalc.core.operations import reshape
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Role, module

FAMILY = "Reshaping, padding and cropping"


class Flatten(Layer, name="flatten"):
    """Turns all axes but the batch into one axis of features.

    Source: torch.nn.Flatten.
    """

    role = Role.MOVEMENT

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return (WholeWindow(1),) * x.rank

    def shape(self, x: Volume) -> Volume:
        return Volume(x.channels * prod(x.spatial), (), x.batch, dtype=x.dtype)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield reshape(shape=y.shape, within_samples=True)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Flatten")

    examples = (
        Example(
            x=image(512, 7, 7), y=flat(25_088),
            source="VGG-16, before fc6: Simonyan & Zisserman 2014, arXiv:1409.1556",
        ),
        Example(x=tokens(4, 3), y=flat(12)),
    )  # fmt: skip
