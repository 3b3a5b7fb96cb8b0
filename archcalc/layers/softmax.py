"""Softmax over the features, and the arithmetic of softmax."""

from archcalc.core.dim import Dim
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.layer import Call, Example, Layer, Role, module

FAMILY = "Activations and softmax"


def softmax_ops(elements: Dim, rows: Dim) -> Ops:
    """The arithmetic of softmax over rows with `elements` in total; each row's maximum and sum take one less."""
    return Ops(compare=elements - rows, add=elements + elements - rows, exp=elements, div=elements)


class OverFeatures(Layer):
    """Abstract: combines all features at a position; backward uses the output."""

    role = Role.SOFTMAX

    saves = ("y",)

    def shape(self, x: Volume) -> Volume:
        return x


class Softmax(OverFeatures, name="softmax"):
    """y_i = exp(x_i - max x) / sum_j exp(x_j - max x), over the features of each position.

    For V elements at R positions: V subtractions, V exponentials, V divisions, V - R comparisons and V - R additions.
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
