"""Sparsemax: probabilities of which small ones are 0."""

from archcalc.core.axes import CHANNELS, Axis, windows_along
from archcalc.core.dim import exact
from archcalc.core.kernel import Unpredicted
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Role, module
from archcalc.layers.slicing import AlongAxis

FAMILY = "Activations and softmax"


class Sparsemax(AlongAxis, name="sparsemax", positional=("axis",)):
    """The probabilities nearest to the scores: y_i = max(x_i - t, 0), t such that their sum is 1. Small ones are 0.

    x: any volume -> y: the same, over the features of each position, or along another axis

    The k largest scores are above t, and t is their sum minus 1 over k. For rows of n elements: n (n - 1) / 2
    comparisons to sort them, as in `topk`; n - 1 additions for running sums, and n to subtract 1; n products with the
    rank, n comparisons and n - 1 additions to count; one division; n subtractions and n comparisons for y.

    Source: Martins & Astudillo 2016, arXiv:1602.02068, section 2.2, algorithm 1.
    """

    role = Role.SOFTMAX
    opaque = Unpredicted(always="what its operations keep is not modelled")

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return windows_along(x, self.place(x), WholeWindow(self.length(x)))

    def shape(self, x: Volume) -> Volume:
        return x

    def ops(self, y: Volume, x: Volume) -> Ops:
        n = self.length(x)
        rows = x.positions if self.axis == CHANNELS else exact(x.numel, n)
        sorting = rows * (n * (n - 1) // 2)
        return Ops(compare=sorting + 2 * x.numel, add=2 * (x.numel - rows) + 2 * x.numel, mul=x.numel, div=rows)

    def call(self, x: Volume) -> Call:
        return module("Sparsemax", file="sparsemax", dim=self.place(x))

    examples = (
        Example(
            x=flat(54), y=flat(54), scalar=1_808,
            source="the mask of 54 features of TabNet, Forest Cover Type: Arik & Pfister 2019, arXiv:1908.07442, "
            "equation 1, section 4",
        ),
        Example(given=dict(axis=Axis("length")), x=tokens(4, 3), y=tokens(4, 3), scalar=99),
        Example(x=image(3, 2, 2), y=image(3, 2, 2), scalar=92),
    )  # fmt: skip
