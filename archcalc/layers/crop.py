"""Cropping: the centre of the input, or the input without its border."""

from collections.abc import Iterator

from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import PerAxis, per_axis
from archcalc.core.gaps import Cut
from archcalc.core.kernel import PRESERVED, Backward, Kernel, Run, tensor, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import of_maps, slice_of
from archcalc.core.ops import Ops
from archcalc.core.padding import Padding, Pair, amounts, pads, torch_pad
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.core.window import Window, slide
from archcalc.layer import Call, Example, Layer, Reference, Requirement, Role, expression, module

FAMILY = "Reshaping, padding and cropping"


class Crop(Layer, name="crop"):
    """The centre of the input: cropped to another layer's output (`like`), to a `size`, or by a `border`.

    x: C at *spatial -> y: C at the spatial axes of `like`, or at *size, or at *(n - begin - end)

    If the number of elements to remove is odd, the end loses one more than the beginning.

    Source: Ronneberger et al. 2015, arXiv:1505.04597, figure 1 ("copy and crop").
    """

    role = Role.MOVEMENT
    ranks = (1, 2, 3)
    reads = ("like",)
    carries = 1

    like: Reference | None = None
    size: PerAxis | None = None
    border: Padding | None = None

    def requires(self, x: Volume, like: Volume | None = None, /) -> Iterator[Requirement]:
        stated = [key for key in ("like", "size", "border") if getattr(self, key) is not None]
        yield len(stated) == 1, f"crop takes one of like, size, border; got {' and '.join(stated) or 'none of them'}"
        yield channels_before("crop", x)
        yield not isinstance(self.border, str), f"border must be numbers, got {self.border}"
        if like is not None:
            yield like.rank == x.rank, f"{x} cannot be cropped to the {like.rank} spatial axes of {like}"
        yield from one_for_each_axis(x.rank, size=self.size, border=self.border)
        if self.border is not None:
            yield from at_least(0, border=amounts(self.border))
        for n, (begin, end) in zip(x.spatial, self.borders(x, like), strict=True):
            kept = n - begin - end
            yield kept >= 1, f"an axis of {n} elements cannot be cropped to {kept}"
            yield kept <= n, f"an axis of {n} elements cannot be cropped to {kept}"

    def borders(self, x: Volume, like: Volume | None) -> tuple[Pair, ...]:
        """The number of elements removed from the beginning and the end of each axis."""
        if self.border is not None:
            return pads(self.border, x.spatial, 1)
        kept = like.spatial if like is not None else per_axis(self.size or x.spatial, x.rank)
        return tuple(((n - m) // 2, n - m - (n - m) // 2) for n, m in zip(x.spatial, kept, strict=True))

    def windows(self, x: Volume, like: Volume | None = None, /) -> tuple[Window, ...]:
        return tuple(Window(begin=-begin, end=-end) for begin, end in self.borders(x, like))

    def shape(self, x: Volume, like: Volume | None = None, /) -> Volume:
        return x.to(spatial=slide(self.windows(x, like), x.spatial))

    def weights(self, x: Volume, like: Volume | None = None, /) -> Iterator[Weight]:
        yield from ()

    def ops(self, y: Volume, x: Volume, like: Volume | None = None, /) -> Ops:
        return Ops()

    def kernels(self, run: Run, y: Volume, x: Volume, like: Volume | None = None, /) -> Iterator[Kernel]:
        """Axis by axis a view; backward puts each gradient into zeros of the size before."""
        lengths, reads = list(x.spatial), "x"
        if self.border is None:
            for i, n in enumerate(y.spatial):
                cut = Cut((x.batch, x.channels, *lengths), i + 2, n)
                lengths[i], makes = n, "y" if i == y.rank - 1 else f"cut{i}"
                size = tensor(x.batch, x.channels, *lengths, dtype=x.dtype)
                yield slice_of(reads, makes, size, cut=cut)
                reads = makes
            return
        layout = PRESERVED if x.rank == 1 else of_maps(x)
        yield Kernel(size=tensor_of(y), layout=layout, backward=Backward(contiguous=x.rank == 1))

    def call(self, x: Volume, like: Volume | None = None, /) -> Call:
        if self.border is not None:
            gone = tuple(-n for n in torch_pad(self.borders(x, like)))
            return expression(f"F.pad({{0}}, {gone})")
        if like is not None:
            second = "{1}.movedim(-1, 1)" if like.channels_last else "{1}"
            return module("CentreCrop", file="centre_crop", forward=f"{{module}}({{0}}, {second})")
        return module("CentreCrop", file="centre_crop", size=per_axis(self.size or x.spatial, x.rank))

    examples = (
        Example(
            given=dict(like=Reference("up")),
            x=(image(512, 64, 64), image(512, 56, 56)), y=image(512, 56, 56),
            source="U-Net, first skip connection: Ronneberger et al. 2015, arXiv:1505.04597, figure 1",
        ),
        Example(
            given=dict(size=224), x=image(3, 256, 256), y=image(3, 224, 224),
            source="central 224x224 patch: Krizhevsky et al. 2012, section 4.1",
        ),
        Example(given=dict(size=(4, 2, 3)), x=image(2, 5, 5, 5), y=image(2, 4, 2, 3)),
        Example(
            given=dict(border=((1, 0), 2)), x=image(2, 9, 9), y=image(2, 8, 5), source="keras.layers.Cropping2D"
        ),
        Example(given=dict(border=(2,)), x=image(1, 6), y=image(1, 2), source="keras.layers.Cropping1D"),
    )  # fmt: skip
