"""The position of the feature axis of a map: first, as convolutions expect, or last, as linear maps expect."""

from collections.abc import Iterator

from archcalc.core.kernel import Kernel, Run
from archcalc.core.operations import turned, view
from archcalc.core.volume import Volume, grid, image
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression
from archcalc.record import replace

FAMILY = "Reshaping, padding and cropping"


class ChannelsOrder(Layer):
    """Abstract: the same values with the feature axis moved to the other end."""

    role = Role.MOVEMENT

    def shape(self, x: Volume) -> Volume:
        return replace(x, channels_last=not x.channels_last)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield view(order=turned(x))


class ChannelsLast(ChannelsOrder, name="channels_last"):
    """Moves the features last, so that linear maps, norms and attention work on the features at each position.

    x: C at *spatial -> y: the same, C last

    Sources: torch.movedim; torchvision.ops.Permute in torchvision.models.swin_t.
    """

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank >= 1, f"channels_last needs positions, got {x}"
        yield not x.channels_last, f"the features of {x} already come last"

    def call(self, x: Volume) -> Call:
        return expression("{0}.movedim(1, -1)")

    examples = (
        Example(
            x=image(96, 56, 56), y=grid(56, 56, 96),
            source="Swin-T, after the patch embedding: Liu et al. 2021, arXiv:2103.14030, section 3.1",
        ),
        Example(x=image(3, 2, 4, 5), y=grid(2, 4, 5, 3)),
    )  # fmt: skip


class ChannelsFirst(ChannelsOrder, name="channels_first"):
    """Moves the features first, as convolutions and pooling expect.

    x: C at *spatial, C last -> y: the same, C first

    Sources: torch.movedim; torchvision.ops.Permute in torchvision.models.swin_t.
    """

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank >= 1, f"channels_first needs positions, got {x}"
        yield x.channels_last, f"the features of {x} already come first"

    def call(self, x: Volume) -> Call:
        return expression("{0}.movedim(-1, 1)")

    examples = (
        Example(
            x=grid(7, 7, 768), y=image(768, 7, 7),
            source="Swin-T, before the average over positions: torchvision.models.swin_t",
        ),
        Example(x=grid(5, 4), y=image(4, 5)),
    )  # fmt: skip
