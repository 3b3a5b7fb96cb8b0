"""An LSTM on maps: each frame of a video meets a state that is a map, too."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction
from archcalc.core.dim import Dim, prod
from archcalc.core.kernel import Unpredicted
from archcalc.core.layout import channels_before
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, EarlierWindow, Window
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.parametrized import Parametrized

FAMILY = "Recurrent layers"


class ConvLSTM(Parametrized, name="conv_lstm", positional=("hidden_channels", "kernel_size")):
    """An LSTM whose maps are convolutions, over the frames of a video; a map is one frame.

    x: C at [T, H, W] or [H, W] -> y: H, the `hidden_channels`, at the same positions

    At every frame the input and the state are convolved to four gates of H channels, with padding that keeps the size;
    there are no connections from the cell to the gates. The first state is zero, and is convolved like any other.

    Source: Shi et al. 2015, arXiv:1506.04214, equation 3.
    """

    opaque = Unpredicted(always="it is a loop over frames, whose many small operations are not modelled")
    role = Role.CONTRACTION
    ranks = (2, 3)

    hidden_channels: Dim
    kernel_size: Dim = 3
    bias: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield channels_before("conv_lstm", x)
        yield from at_least(1, hidden_channels=self.hidden_channels, kernel_size=self.kernel_size)
        yield self.kernel_size % 2 == 1, f"kernel_size={self.kernel_size} must be odd, so that the state keeps its size"

    def frames(self, x: Volume) -> Dim:
        return x.spatial[0] if x.rank == 3 else 1

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        """Each frame later, the state has been convolved once more."""
        side = self.frames(x) * (self.kernel_size // 2)
        around = Window(kernel=2 * side + 1, begin=side, end=side)
        return (EarlierWindow(), around, around) if x.rank == 3 else (around, around)

    def shape(self, x: Volume) -> Volume:
        return x.to(self.hidden_channels)

    def weights(self, x: Volume) -> Iterator[Weight]:
        gates, kernel = 4 * self.hidden_channels, (self.kernel_size, self.kernel_size)
        yield Weight("input_map.weight", (gates, x.channels, *kernel))
        if self.bias:
            yield Weight("input_map.bias", (gates,))
        yield Weight("state_map.weight", (gates, self.hidden_channels, *kernel))

    def ops(self, y: Volume, x: Volume) -> Ops:
        """Both maps, their sum, and for each value of the state 3 sigmoids, 2 tanh, 3 products and 1 sum."""
        gates, fan_in = 4 * y.numel, (x.channels + self.hidden_channels) * self.kernel_size**2
        return Ops(
            mac=gates * fan_in,
            sums=2 * gates,
            bias=gates if self.bias else 0,
            add=gates + y.numel,
            mul=3 * y.numel,
            exp=5 * y.numel,
        )

    def contractions(self, y: Volume, x: Volume) -> Iterator[Contraction]:
        """The first frame meets a state of zeros, later ones what the layer made of it."""
        taps = 4 * self.kernel_size**2
        yield Contraction(y.numel * taps * x.channels)
        first = y.batch * self.hidden_channels * prod(x.spatial[-2:])
        yield Contraction(first * taps * self.hidden_channels, ())
        yield Contraction((y.numel - first) * taps * self.hidden_channels, ("x", WEIGHTS))

    def call(self, x: Volume) -> Call:
        return module("ConvLSTM", file="conv_lstm", in_channels=x.channels, **self.stated())

    examples = (
        Example(
            given=dict(hidden_channels=16), x=image(32, 16, 16), y=image(16, 16, 16), params=27_712, macs=7_077_888,
            scalar=14_192_640, source="4 (9 (32 + 16) 16 + 16) weights: Shi et al. 2015, arXiv:1506.04214, equation 3",
        ),
        Example(
            given=dict(hidden_channels=3, kernel_size=1, bias=False), x=image(2, 4, 5, 6), y=image(3, 4, 5, 6),
            params=60, macs=7_200, scalar=16_200,
        ),
        Example(given=dict(hidden_channels=2, kernel_size=5), x=image(3, 2, 12, 12), y=image(2, 2, 12, 12),
                params=1_008, macs=288_000, scalar=581_184),
    )  # fmt: skip
