"""Dropout of whole channels."""

from collections.abc import Iterator

from archcalc.core.kernel import Run, Tensor
from archcalc.core.layout import channels_before
from archcalc.core.volume import Volume, image
from archcalc.layer import Call, Example, Requirement, module
from archcalc.layers.dropout import AtRandom

FAMILY = "Dropout and sampling"


class ChannelDropout(
    AtRandom,
    name="channel_dropout",
    positional=("p",),
    aliases=("spatial_dropout", "dropout1d", "dropout2d", "dropout3d"),
):
    """Zeroes each channel of a sample with probability p and scales the others by 1 / (1 - p); in evaluation y = x.

    x: C at *spatial -> y: the same

    Neighbours in a map are alike, so that dropout of single elements leaves most of what they say. Counted in
    evaluation mode: no arithmetic.

    Sources: Tompson et al. 2015, arXiv:1411.4280; torch.nn.Dropout2d.
    """

    ranks = (1, 2, 3)

    p: float = 0.5

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield 0 <= self.p <= 1, f"channel_dropout needs a probability from 0 to 1, got p={self.p}"
        yield channels_before("channel_dropout", x)

    def numbers(self, run: Run, x: Volume) -> Tensor:
        return Tensor(x.batch * x.channels, x.dtype)

    def call(self, x: Volume) -> Call:
        return module(f"torch.nn.Dropout{x.rank}d", **self.stated())

    examples = (
        Example(
            given=dict(p=0.01), x=image(64, 128, 128), y=image(64, 128, 128),
            source="ENet, the bottlenecks of stage 1 on 512 x 512 pixels: Paszke et al. 2016, arXiv:1606.02147",
        ),
        Example(given=dict(p=0.1), x=image(8, 16), y=image(8, 16)),
        Example(given=dict(p=0.2), x=image(4, 3, 5, 7), y=image(4, 3, 5, 7)),
    )  # fmt: skip
