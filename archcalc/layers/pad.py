"""Padding as a separate layer."""

from collections.abc import Iterator
from typing import Literal

from archcalc.core.axes import Axis, channels_place, has_axis, place_of
from archcalc.core.condition import at_least, one_for_each_axis
from archcalc.core.dim import is_number
from archcalc.core.kernel import Cast, Kernel, Run, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import of_maps
from archcalc.core.padding import Padding, amounts, pads, torch_pad
from archcalc.core.volume import Volume, grid, image, tokens
from archcalc.core.window import Window, slide, windows_along
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression

FAMILY = "Reshaping, padding and cropping"

ROOM = {"reflect": 1, "circular": 0}
"""How many more elements an axis must have than the padding that copies from it."""


class Pad(Layer, name="pad", positional=("pad",)):
    """Adds elements around the input: a number, its reflection, its edge values, or its opposite end.

    x: C at *spatial -> y: C at *(n + begin + end). With `axis`, elements along that axis alone, which can be the
    channels; `pad` is then a number, or [[begin, end]]. The number is `value`, 0 by default.

    Receptive fields treat all added elements as padding, even copies of the input.

    Source: torch.nn.functional.pad (modes; reflect needs less padding than units, circular no more than units).
    """

    role = Role.MOVEMENT
    takes_plain = True

    pad: Padding
    mode: Literal["constant", "reflect", "replicate", "circular"] = "constant"
    axis: Axis | None = None
    value: float = 0.0

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield not isinstance(self.pad, str), f"pad needs a number or [begin, end] for each axis, got {self.pad}"
        text = f"value={self.value} is what mode=constant adds: remove it, or mode={self.mode}"
        yield not self.value or self.mode == "constant", text
        if self.axis is not None:
            yield from self.along_one(self.axis, x)
            return
        numbers = f"axis=1 to {len(x.item_shape)}"
        yield not x.plain, f"the axes of {x} have no meaning: pad needs the number of one, {numbers}"
        yield channels_before("pad", x)
        yield (
            self.mode == "constant" or x.rank > 0,
            f"mode={self.mode} repeats values of positions, and {x} has none: remove it",
        )
        yield from one_for_each_axis(x.rank, pad=self.pad)
        yield from at_least(0, pad=amounts(self.pad))
        if self.mode in ROOM:
            for n, pair in zip(x.spatial, self.pads(x), strict=True):
                most = n - ROOM[self.mode]
                yield (
                    max(pair) <= most,
                    f"mode={self.mode} can add at most {most} to an axis of {n} elements, not {max(pair)}",
                )

    def remedy(self, *xs: Volume) -> str:
        less = any(is_number(each) and each < 0 for each in amounts(self.pad))
        return "slice(1, axis=height) takes elements away" if less else super().remedy(*xs)

    def along_one(self, axis: Axis, x: Volume) -> Iterator[Requirement]:
        yield has_axis("pad", axis, x)
        yield self.mode == "constant", f"along one axis pad adds zeros, not mode={self.mode}"
        count = len(self.pad) if isinstance(self.pad, tuple) else 1
        yield count == 1, f"pad has {count} entries, and axis={axis} is one: a number, or [[begin, end]]"
        yield from at_least(0, pad=amounts(self.pad))

    def each_axis(self, axis: Axis, x: Volume) -> tuple[tuple[int, int], ...]:
        """The elements added to the beginning and the end of every axis but the batch."""
        (added,) = pads(self.pad, x.shape[:1], 1)
        place = place_of(axis, x)
        return tuple(added if at == place else (0, 0) for at in range(1, len(x.shape)))

    def pads(self, x: Volume) -> tuple[tuple[int, int], ...]:
        if self.axis is None:
            return pads(self.pad, x.spatial, 1)
        each = self.each_axis(self.axis, x)
        return each[:-1] if x.channels_last else each[1:]

    def windows(self, x: Volume) -> tuple[Window, ...]:
        return windows_along(x.rank, 1, 1, self.pads(x))

    def shape(self, x: Volume) -> Volume:
        channels = x.channels
        if self.axis is not None:
            channels += sum(self.each_axis(self.axis, x)[channels_place(x) - 1])
        return x.to(channels, slide(self.windows(x), x.spatial))

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        if self.mode == "circular":
            return "the backward pass of circular padding copies slice by slice"
        return super().unpredicted(run, x)

    def cast(self, x: Volume) -> Cast:
        """The CPU's list of float32 operations does not have reflection padding along three axes (torch 2.13)."""
        return Cast.FULL_ON_CPU if self.mode == "replicate" or (self.mode == "reflect" and x.rank < 3) else Cast.NONE

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        saves = () if self.mode == "constant" else ("x",)
        yield Kernel(size=tensor_of(y), layout=of_maps(x), saves=saves, cast=self.cast(x))

    def call(self, x: Volume) -> Call:
        value = f", value={self.value}" if self.value else ""
        if self.axis is not None:
            amounts = torch_pad(self.each_axis(self.axis, x)[place_of(self.axis, x) - 1 :])
            return expression(f"F.pad({{0}}, {amounts}{value})")
        mode = value if self.mode == "constant" else f', mode="{self.mode}"'
        return expression(f"F.pad({{0}}, {torch_pad(self.pads(x))}{mode})")

    examples = (
        Example(
            given=dict(pad=3), x=image(3, 224, 224), y=image(3, 230, 230),
            source="Keras, keras.applications.ResNet50: conv1_pad",
        ),
        Example(
            given=dict(pad=((0, 1), (0, 1))), x=image(32, 112, 112), y=image(32, 113, 113),
            source="Keras, keras.applications.MobileNet: conv_pad_2",
        ),
        Example(
            given=dict(pad=3, mode="reflect"), x=image(3, 256, 256), y=image(3, 262, 262),
            source="CycleGAN generator: Zhu et al. 2017, arXiv:1703.10593, appendix 7.2",
        ),
        Example(given=dict(pad=(4,), mode="circular"), x=image(2, 4), y=image(2, 12), source="torch.nn.CircularPad1d"),
        Example(
            given=dict(pad=((0, 2), 1, 3), mode="replicate"), x=image(1, 2, 3, 4), y=image(1, 4, 5, 10),
            source="torch.nn.ReplicationPad3d",
        ),
        Example(
            given=dict(pad=((0, 16),), axis=Axis("channels")), x=image(16, 32, 32), y=image(32, 32, 32),
            source="a shortcut without parameters: He et al. 2015, arXiv:1512.03385, section 3.3, option A",
        ),
        Example(given=dict(pad=1, axis=Axis("length")), x=tokens(4, 6), y=tokens(6, 6)),
        Example(given=dict(pad=((2, 1),), axis=Axis("height")), x=grid(3, 4, 5), y=grid(6, 4, 5)),
        Example(
            given=dict(pad=((0, 1),), axis=Axis("channels"), value=1.0), x=tokens(196, 16), y=tokens(196, 17),
            source="a feature of ones, whose sum divides: Cai et al. 2022, arXiv:2205.14756, equation 3",
        ),
        Example(given=dict(pad=1, value=-0.5), x=image(3, 4, 4), y=image(3, 6, 6)),
    )  # fmt: skip
