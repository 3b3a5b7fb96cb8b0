"""Softmax over the features, and the arithmetic of softmax."""

from collections.abc import Iterator

from archcalc.core.axes import CHANNELS, Axis, has_axis, place_of, windows_along
from archcalc.core.dim import Dim, exact
from archcalc.core.kernel import Cast, Run
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Activations and softmax"


def softmax_ops(elements: Dim, rows: Dim) -> Ops:
    """The arithmetic of softmax over rows with `elements` in total; each row's maximum and sum take one less."""
    return Ops(compare=elements - rows, add=elements + elements - rows, exp=elements, div=elements)


class OverFeatures(Layer):
    """Abstract: combines all features at a position; backward uses the output."""

    casts = Cast.FULL_ON_GPU
    role = Role.SOFTMAX

    saves = ("y",)

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        """torch.softmax has a kernel from float16 to float32, and casts what else comes in
        (aten/src/ATen/native/SoftMax.cpp)."""
        if run.autocast == "float16" and run.device != "cpu":
            return "under autocast on a GPU, softmax casts float16 in its own kernel, which is not modelled"
        return super().unpredicted(run, x)

    def shape(self, x: Volume) -> Volume:
        return x


class Softmax(OverFeatures, name="softmax", positional=("axis",)):
    """y_i = exp(x_i - max x) / sum_j exp(x_j - max x), over the features of each position, or along another axis.

    For V elements in R rows: V subtractions, V exponentials, V divisions, V - R comparisons and V - R additions.
    Source: torch.nn.Softmax.
    """

    takes_plain = True
    axis: Axis = CHANNELS

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield has_axis(self.name, self.axis, x)

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        place = place_of(self.axis, x)
        return windows_along(x, place, WholeWindow(x.item_shape[place - 1]))

    def ops(self, y: Volume, x: Volume) -> Ops:
        n = x.item_shape[place_of(self.axis, x) - 1]
        return softmax_ops(x.numel, x.positions if self.axis == CHANNELS else exact(x.numel, n))

    def call(self, x: Volume) -> Call:
        last = self.axis == CHANNELS and x.channels_last
        return module("torch.nn.Softmax", dim=-1 if last else place_of(self.axis, x))

    examples = (
        Example(
            x=flat(1000), y=flat(1000), scalar=4_998,
            source="1000-way softmax: Krizhevsky et al. 2012, section 3.5",
        ),
        Example(x=image(10, 2, 2), y=image(10, 2, 2), scalar=192),
        Example(x=tokens(7, 5), y=tokens(7, 5), scalar=161),
        Example(
            given=dict(axis=Axis("length")), x=tokens(196, 8), y=tokens(196, 8), scalar=7_824,
            source="weights over positions: Ilse, Tomczak & Welling 2018, arXiv:1802.04712",
        ),
        Example(given=dict(axis=Axis("height")), x=image(2, 3, 4), y=image(2, 3, 4), scalar=104),
    )  # fmt: skip
