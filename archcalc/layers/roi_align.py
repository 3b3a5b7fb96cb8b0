"""RoIAlign: regions of a map, each resampled to the same size."""

from collections.abc import Iterator

from archcalc.core.agreement import same_batch, same_dtype
from archcalc.core.arrangement import MixedWindow
from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import Dim, PerAxis, per_axis
from archcalc.core.kernel import Unpredicted
from archcalc.core.layout import channels_before
from archcalc.core.moved import ChosenWindow
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens
from archcalc.core.window import AnyWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, module
from archcalc.record import replace

FAMILY = "Upsampling and resizing"


class RoIAlign(Merge, name="roi_align", positional=("boxes", "output_size")):
    """Resamples regions of a map to one size: each cell is the average of points that lie between elements of the map.

    x: C at [H, W]; boxes: x1, y1, x2, y2 of R regions, features last -> y: C at [R, *output_size]

    Boxes are in pixels of the image; `spatial_scale` times as large, they are places of the map. Each cell has
    `sampling_ratio` points along both axes. With `aligned`, the centre of an element is half a pixel inside it;
    without, a region is at least one element wide and high. Layers that follow work on each of the R regions: a
    convolution of 3 x 3 is conv([1, 3, 3], ...), and rearrange("b c r h w -> b r (c h w)", last) makes features.

    4 products and 3 sums for each point, and the average of a cell's points. Where the points lie is not counted.
    Values decide which elements are read, so the receptive field is the whole map.

    Sources: He et al. 2017, arXiv:1703.06870 (RoIAlign); torchvision.ops.roi_align (names, `aligned`).
    """

    opaque = Unpredicted(always="libraries have a kernel of their own for it, whose memory is another")
    role = Role.RESAMPLING
    inputs = (1, 1)
    reads = ("boxes",)

    boxes: Reference
    output_size: PerAxis
    spatial_scale: float = 1.0
    sampling_ratio: Dim = 2
    aligned: bool = False

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, boxes = xs
        yield channels_before("roi_align", x)
        yield x.rank == 2, f"roi_align needs a map of two axes, got {x}"
        four = boxes.rank == 1 and boxes.channels_last and boxes.channels == 4
        yield four, f"boxes must be 4 coordinates of each region, such as [1000, 4] with features last; got {boxes}"
        yield same_dtype(*xs)
        yield from same_batch(*xs)
        yield from one_for_each_axis(2, output_size=self.output_size)
        yield from at_least(1, output_size=self.output_size, sampling_ratio=self.sampling_ratio)
        yield self.spatial_scale > 0, f"spatial_scale must be above 0, got {self.spatial_scale}"

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return tuple(ChosenWindow(n) for n in per_axis(self.output_size, 2))

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        return self.windows(*xs), (MixedWindow(xs[1].spatial[0]),)

    def shape(self, *xs: Volume) -> Volume:
        x, boxes = xs
        return replace(x, spatial=(*boxes.spatial, *per_axis(self.output_size, 2)))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        points = y.numel * self.sampling_ratio**2
        return Ops(mul=4 * points, add=4 * points - y.numel, div=y.numel)

    def call(self, *xs: Volume) -> Call:
        given = {**self.stated("boxes"), "output_size": per_axis(self.output_size, 2)}
        return module("RoIAlign", file="roi_align", forward="{module}({0}, {1})", **given)

    examples = (
        Example(
            given=dict(boxes=Reference("proposals"), output_size=7, spatial_scale=0.25),
            x=(image(256, 50, 64), tokens(100, 4)), y=image(256, 100, 7, 7), scalar=40_140_800,
            source="the box head, 7 x 7: He et al. 2017, arXiv:1703.06870; maskrcnn_resnet50_fpn",
        ),
        Example(
            given=dict(boxes=Reference("proposals"), output_size=(3, 2), sampling_ratio=1, aligned=True),
            x=(image(3, 8, 9), tokens(5, 4)), y=image(3, 5, 3, 2), scalar=720, source="torchvision.ops.roi_align",
        ),
    )  # fmt: skip
