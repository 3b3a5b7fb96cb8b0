"""Windows of a map as columns, and back: im2col and col2im."""

from collections.abc import Iterator

from archcalc.core.arrangement import MixedWindow
from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, divides, exact, per_axis, prod, same
from archcalc.core.kernel import CONTIGUOUS, Kernel, Run, Unpredicted, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.moved import UnfoldedWindow
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.window import AnyWindow, Window, fits, slide, windows_along
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression

FAMILY = "Reshaping, padding and cropping"


class Sliding(Layer):
    """Abstract: the windows that slide over a map of two axes."""

    saves = ()

    kernel_size: PerAxis
    stride: PerAxis = 1
    padding: PerAxis = 0
    dilation: PerAxis = 1

    def well_formed(self) -> Iterator[Requirement]:
        given = dict(kernel_size=self.kernel_size, stride=self.stride, padding=self.padding, dilation=self.dilation)
        yield from one_for_each_axis(2, **given)
        yield from at_least(1, kernel_size=self.kernel_size, stride=self.stride, dilation=self.dilation)
        yield from at_least(0, padding=self.padding)

    def sliding(self) -> tuple[Window, ...]:
        around = tuple((n, n) for n in per_axis(self.padding, 2))
        return windows_along(2, self.kernel_size, self.stride, around, self.dilation)

    def taps(self) -> Dim:
        return prod(per_axis(self.kernel_size, 2))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(size=tensor_of(y), layout=CONTIGUOUS)

    def written(self, first: str) -> Call:
        given = {name: value for name, value in self.stated("output_size").items() if name != "kernel_size"}
        others = "".join(f", {name}={value}" for name, value in {"kernel_size": self.kernel_size, **given}.items())
        return expression(f"F.{self.name}({first}{others})")


class Unfold(Sliding, name="unfold", positional=("kernel_size", "stride")):
    """The values of every window, as features of a position: what a convolution multiplies with its weights.

    x: C at [H, W] -> y: C k k at L, one for every position of the window, the last axis running fastest

    Sources: torch.nn.Unfold; overlapping patches: Yuan et al. 2021, arXiv:2101.11986.
    """

    role = Role.MOVEMENT
    opaque = Unpredicted(always="what torch allocates where it takes windows apart, and adds them up, is not modelled")
    ranks = (2,)

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield channels_before("unfold", x)
        yield from self.well_formed()
        yield from fits(self.sliding(), x.spatial)

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        first, second = self.sliding()
        rows, columns = slide(self.sliding(), x.spatial)
        return UnfoldedWindow(first, rows, after=columns), UnfoldedWindow(second, columns, before=rows)

    def shape(self, x: Volume) -> Volume:
        return x.to(x.channels * self.taps(), (prod(slide(self.sliding(), x.spatial)),))

    def call(self, x: Volume) -> Call:
        return self.written("{0}")

    examples = (
        Example(
            given=dict(kernel_size=7, stride=4, padding=2), x=image(3, 224, 224), y=image(147, 3136),
            source="T2T-ViT, the first patches: Yuan et al. 2021, arXiv:2101.11986",
        ),
        Example(given=dict(kernel_size=(2, 3), dilation=(2, 1)), x=image(2, 6, 7), y=image(12, 20)),
        Example(given=dict(kernel_size=2, stride=2), x=image(4, 6, 4), y=image(16, 6)),
    )  # fmt: skip


class Fold(Sliding, name="fold", positional=("output_size", "kernel_size", "stride")):
    """Adds the columns of windows up to a map: the other way round from `unfold`.

    x: C k k at L -> y: C at `output_size`; one addition for every value

    Sources: torch.nn.Fold; patches that are put together again: Mehta & Rastegari 2021, arXiv:2110.02178, figure 1.
    """

    opaque = Unpredicted(always="what torch allocates where it adds windows up is not modelled")
    role = Role.RESAMPLING
    ranks = (1,)

    output_size: PerAxis

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield channels_before("fold", x)
        yield from self.well_formed()
        yield from one_for_each_axis(2, output_size=self.output_size)
        yield divides(self.taps(), x.channels), f"{x.channels} channels are no windows of {self.taps()} values"
        yield from fits(self.sliding(), self.size())
        count = prod(slide(self.sliding(), self.size()))
        yield same(count, x.spatial[0]), f"{count} windows slide over {self.size()}, and the input has {x.spatial[0]}"

    def size(self) -> tuple[Dim, ...]:
        return per_axis(self.output_size, 2)

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return (MixedWindow(self.size()[0]),)

    def shape(self, x: Volume) -> Volume:
        return x.to(exact(x.channels, self.taps()), self.size())

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=x.numel)

    def call(self, x: Volume) -> Call:
        return self.written(f"{{0}}, output_size={self.size()}")

    examples = (
        Example(
            given=dict(output_size=32, kernel_size=2, stride=2), x=image(576, 256), y=image(144, 32, 32),
            scalar=147_456, source="MobileViT-S, patches of 2 x 2: Mehta & Rastegari 2021, arXiv:2110.02178, table 4",
        ),
        Example(given=dict(output_size=(6, 7), kernel_size=(2, 3), dilation=(2, 1)), x=image(12, 20),
                y=image(2, 6, 7), scalar=240),
        Example(given=dict(output_size=(5, 4), kernel_size=3, padding=1), x=image(9, 20), y=image(1, 5, 4),
                scalar=180),
    )  # fmt: skip
