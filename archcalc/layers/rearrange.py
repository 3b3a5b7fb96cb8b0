"""Rearranging channels: reordering them, selecting some, or exchanging them with positions. No arithmetic."""

from collections.abc import Iterator

from archcalc.core.axes import channels_place
from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, exact
from archcalc.core.kernel import Kernel, Run, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import slice_of
from archcalc.core.volume import Volume, image, tokens
from archcalc.core.window import TransposedWindow, Window
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression, module
from archcalc.layers.slicing import counted, cut_of

FAMILY = "Reshaping, padding and cropping"

TRAINS_SINCE = "2.5"
"""The release of torch in which `channel_shuffle` has a derivative: derivatives.yaml."""


class ChannelShuffle(Layer, name="channel_shuffle", positional=("groups",)):
    """Interleaves the channels of `groups` groups: the first channel of each group, then the second of each, and so on.

    x: C at *spatial -> y: the same

    Channel j of group i becomes channel j groups + i; a group has C / groups channels. This mixes the channels that
    grouped convolutions keep separate.

    Sources: Zhang et al. 2017, arXiv:1707.01083, section 3.1; torch.nn.ChannelShuffle.
    """

    role = Role.MOVEMENT
    ranks = (1, 2, 3)
    interleaves = True
    saves = ()

    groups: Dim

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank >= 1, f"channel_shuffle needs positions, got {x}"
        yield channels_before("channel_shuffle", x)
        yield from at_least(1, groups=self.groups)
        yield divides(self.groups, x.channels), f"groups={self.groups} must divide the {x.channels} channels"

    def shape(self, x: Volume) -> Volume:
        return x

    def call(self, x: Volume) -> Call:
        return module("torch.nn.ChannelShuffle", since=TRAINS_SINCE, groups=self.groups)

    examples = (
        Example(
            given=dict(groups=3), x=image(240, 28, 28), y=image(240, 28, 28),
            source="ShuffleNet, 3 groups, stage 2: Zhang et al. 2017, arXiv:1707.01083, table 1",
        ),
        Example(
            given=dict(groups=2), x=image(116, 28, 28), y=image(116, 28, 28),
            source="ShuffleNetV2, the two halves of a unit: Ma et al. 2018, arXiv:1807.11164, figure 3",
        ),
        Example(given=dict(groups=2), x=image(6, 5), y=image(6, 5)),
        Example(given=dict(groups=4), x=image(8, 2, 3, 4), y=image(8, 2, 3, 4)),
    )  # fmt: skip


class Channels(Layer, name="channels", positional=("begin", "end")):
    """Selects the channels from `begin` up to but not including `end`; without `end`, all from `begin`.

    x: C at *spatial -> y: end - begin at *spatial

    Both count from the end where they are below zero.

    `concat: [channels(0, 58), channels(58) -> ...]` splits a volume into two paths.

    Source: the channel split: Ma et al. 2018, arXiv:1807.11164, section 3.
    """

    role = Role.MOVEMENT

    begin: Dim = 0
    end: Dim | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        begin, end = self.bounds(x)
        yield begin >= 0, f"begin={self.begin} lies before the {x.channels} channels of the input"
        yield end <= x.channels, f"end={end} is more than the {x.channels} channels of the input"
        yield begin < end, f"channels needs begin below end, got begin={begin} and end={end}"

    def bounds(self, x: Volume) -> tuple[Dim, Dim]:
        """Both counted from the beginning."""
        return counted(self.begin, x.channels), x.channels if self.end is None else counted(self.end, x.channels)

    def shape(self, x: Volume) -> Volume:
        begin, end = self.bounds(x)
        return x.to(end - begin)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """A view; backward puts its gradient into zeros of the size before."""
        yield slice_of("x", "y", tensor_of(y), cut=cut_of(x, channels_place(x), y.channels))

    def call(self, x: Volume) -> Call:
        some = f"{self.begin or ''}:{'' if self.end is None else self.end}"
        return expression(f"{{0}}[..., {some}]" if x.channels_last else f"{{0}}[:, {some}]")

    examples = (
        Example(
            given=dict(end=58), x=image(116, 28, 28), y=image(58, 28, 28),
            source="ShuffleNetV2 x1.0, stage 2, the half that stays: Ma et al. 2018, arXiv:1807.11164, table 5",
        ),
        Example(
            given=dict(begin=58), x=image(116, 28, 28), y=image(58, 28, 28),
            source="ShuffleNetV2 x1.0, stage 2, the half that is convolved: Ma et al. 2018, arXiv:1807.11164, table 5",
        ),
        Example(given=dict(begin=1, end=3), x=tokens(4, 6), y=tokens(4, 2)),
        Example(given=dict(begin=-3, end=-1), x=image(5, 2, 2), y=image(2, 2, 2), source="torch.Tensor.__getitem__"),
    )  # fmt: skip


class PixelShuffle(Layer, name="pixel_shuffle", positional=("upscale_factor",), aliases=("depth_to_space",)):
    """Moves channels to positions: r^2 channels at one position become r x r positions of one channel.

    x: C at [H, W] -> y: C / r^2 at [r H, r W], r the `upscale_factor`

    Sources: Shi et al. 2016, arXiv:1609.05158, section 2.2; torch.nn.PixelShuffle (order of the channels).
    """

    role = Role.MOVEMENT
    ranks = (2,)
    saves = ()

    upscale_factor: Dim

    def requires(self, x: Volume) -> Iterator[Requirement]:
        r = self.upscale_factor
        yield not x.channels_last and x.rank == 2, f"pixel_shuffle needs channels at two spatial axes, got {x}"
        yield from at_least(1, upscale_factor=r)
        yield divides(r * r, x.channels), f"upscale_factor={r} needs a multiple of {r * r} channels, got {x.channels}"

    def windows(self, x: Volume) -> tuple[TransposedWindow, ...]:
        return (TransposedWindow(kernel=self.upscale_factor, stride=self.upscale_factor),) * x.rank

    def shape(self, x: Volume) -> Volume:
        r = self.upscale_factor
        return x.to(exact(x.channels, r * r), tuple(n * r for n in x.spatial))

    def call(self, x: Volume) -> Call:
        return module("torch.nn.PixelShuffle", upscale_factor=self.upscale_factor)

    examples = (
        Example(
            given=dict(upscale_factor=3), x=image(27, 85, 85), y=image(3, 255, 255),
            source="ESPCN, by 3 at its end: Shi et al. 2016, arXiv:1609.05158, section 2",
        ),
        Example(given=dict(upscale_factor=2), x=image(4, 3, 5), y=image(1, 6, 10), source="torch.nn.PixelShuffle"),
    )  # fmt: skip


class PixelUnshuffle(Layer, name="pixel_unshuffle", positional=("downscale_factor",), aliases=("space_to_depth",)):
    """Moves positions to channels: r x r positions of one channel become r^2 channels at one position.

    x: C at [H, W] -> y: C r^2 at [H / r, W / r], r the `downscale_factor`

    Sources: Shi et al. 2016, arXiv:1609.05158, section 2.2, the other way round; torch.nn.PixelUnshuffle (order of the
    channels).
    """

    role = Role.MOVEMENT
    ranks = (2,)
    saves = ()

    downscale_factor: Dim

    def requires(self, x: Volume) -> Iterator[Requirement]:
        r = self.downscale_factor
        yield not x.channels_last and x.rank == 2, f"pixel_unshuffle needs channels at two spatial axes, got {x}"
        yield from at_least(1, downscale_factor=r)
        for n in x.spatial:
            yield divides(r, n), f"downscale_factor={r} must divide every spatial axis, got {n}"

    def windows(self, x: Volume) -> tuple[Window, ...]:
        return (Window(kernel=self.downscale_factor, stride=self.downscale_factor),) * x.rank

    def shape(self, x: Volume) -> Volume:
        r = self.downscale_factor
        return x.to(x.channels * r * r, tuple(exact(n, r) for n in x.spatial))

    def call(self, x: Volume) -> Call:
        return module("torch.nn.PixelUnshuffle", downscale_factor=self.downscale_factor)

    examples = (
        Example(
            given=dict(downscale_factor=2), x=image(64, 26, 26), y=image(256, 13, 13),
            source="YOLOv2's passthrough as its code has it, 64 channels: Redmon & Farhadi 2016, arXiv:1612.08242",
        ),
        Example(given=dict(downscale_factor=3), x=image(1, 6, 9), y=image(9, 2, 3), source="torch.nn.PixelUnshuffle"),
    )  # fmt: skip
