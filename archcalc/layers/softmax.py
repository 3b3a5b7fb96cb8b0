"""Softmax over the features, and what has its arithmetic."""

from archcalc.core.dim import Dim
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.layer import Call, Example, Layer, Role, module


def softmax_ops(units: Dim, rows: Dim) -> Ops:
    """The arithmetic of softmax over rows of `units` units in all: a row's maximum and its sum leave one unit out."""
    return Ops(compare=units - rows, add=units + units - rows, exp=units, div=units)


class OverFeatures(Layer):
    """Abstract: what compares all features of a position with one another; backward takes what came out."""

    role = Role.SOFTMAX

    saves = ("y",)

    def shape(self, x: Volume) -> Volume:
        return x


class Softmax(OverFeatures, name="softmax"):
    """y_i = exp(x_i - max x) / sum_j exp(x_j - max x), over the features of each position.

    For each of V units and R positions: V subtractions and exponentials and divisions, V - R comparisons and additions.
    Source: torch.nn.Softmax.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return softmax_ops(x.numel, x.positions)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Softmax", dim=-1 if x.channels_last else 1)

    examples = (
        Example(
            x=flat(1000), y=flat(1000), scalar=4_998,
            source="1000-way softmax: Krizhevsky et al. 2012, section 3.5",
        ),
        Example(x=image(10, 2, 2), y=image(10, 2, 2), scalar=192),
        Example(x=tokens(7, 5), y=tokens(7, 5), scalar=161),
    )  # fmt: skip
