"""Softmax over the features, and the arithmetic of softmax."""

from collections.abc import Iterator

from archcalc.core.axes import CHANNELS, Axis, has_axis, place_of, windows_along
from archcalc.core.dim import Dim, exact
from archcalc.core.kernel import Cast, Run, Unpredicted
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


class Sparsemax(Layer, name="sparsemax", positional=("axis",)):
    """The probabilities nearest to the scores: y_i = max(x_i - t, 0), t such that their sum is 1. Small ones are 0.

    x: any volume -> y: the same, over the features of each position, or along another axis

    The k largest scores are above t, and t is their sum minus 1 over k. For rows of n elements: n (n - 1) / 2
    comparisons to sort them, as in `topk`; n - 1 additions for running sums, and n to subtract 1; n products with the
    rank, n comparisons and n - 1 additions to count; one division; n subtractions and n comparisons for y.

    Source: Martins & Astudillo 2016, arXiv:1602.02068, section 2.2, algorithm 1.
    """

    takes_plain = True
    role = Role.SOFTMAX
    opaque = Unpredicted(always="what its operations keep is not modelled")
    axis: Axis = CHANNELS

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield has_axis(self.name, self.axis, x)

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        place = place_of(self.axis, x)
        return windows_along(x, place, WholeWindow(x.item_shape[place - 1]))

    def shape(self, x: Volume) -> Volume:
        return x

    def ops(self, y: Volume, x: Volume) -> Ops:
        n = x.item_shape[place_of(self.axis, x) - 1]
        rows = x.positions if self.axis == CHANNELS else exact(x.numel, n)
        sorting = rows * (n * (n - 1) // 2)
        return Ops(compare=sorting + 2 * x.numel, add=2 * (x.numel - rows) + 2 * x.numel, mul=x.numel, div=rows)

    def call(self, x: Volume) -> Call:
        return module("Sparsemax", file="sparsemax", dim=place_of(self.axis, x))

    examples = (
        Example(
            x=flat(54), y=flat(54), scalar=1_808,
            source="the mask of 54 features of TabNet, Forest Cover Type: Arik & Pfister 2019, arXiv:1908.07442, "
            "equation 1, section 4",
        ),
        Example(given=dict(axis=Axis("length")), x=tokens(4, 3), y=tokens(4, 3), scalar=99),
        Example(x=image(3, 2, 2), y=image(3, 2, 2), scalar=92),
    )  # fmt: skip
