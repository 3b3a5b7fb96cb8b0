"""Flattening: positions become features."""

from archcalc.core.dim import prod
from archcalc.core.volume import Volume, flat, image
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Role, module


class Flatten(Layer, name="flatten"):
    """Every position's features in one row; what follows sees all of the input at once. Source: torch.nn.Flatten."""

    role = Role.MOVEMENT

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return (WholeWindow(1),) * x.rank

    def shape(self, x: Volume) -> Volume:
        return Volume(x.channels * prod(x.spatial), (), x.batch, dtype=x.dtype)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Flatten")

    examples = (Example(x=image(512, 7, 7), y=flat(25_088)),)
