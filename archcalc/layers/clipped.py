"""Piecewise linear activations with two bounds, and the gates built on them."""

from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.layer import Call, Example, module
from archcalc.layers.activation import Activation

FAMILY = "Activations and softmax"


class ReLU6(Activation, name="relu6"):
    """y = min(max(x, 0), 6): two comparisons per element.

    Sources: Sandler et al. 2018, arXiv:1801.04381, section 4; torch.nn.ReLU6.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=2 * x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.ReLU6")

    examples = (
        Example(
            x=image(32, 112, 112), y=image(32, 112, 112), scalar=802_816,
            source="MobileNetV2, after its first convolution: Sandler et al. 2018, arXiv:1801.04381, table 2",
        ),
    )  # fmt: skip


class HardSigmoid(Activation, name="hardsigmoid"):
    """y = min(max(x + 3, 0), 6) / 6: one addition, two comparisons and one division per element.

    Sources: Howard et al. 2019, arXiv:1905.02244, section 5.2; torch.nn.Hardsigmoid.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=x.numel, compare=2 * x.numel, div=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Hardsigmoid")

    examples = (
        Example(
            x=image(72, 1, 1), y=image(72, 1, 1), scalar=288,
            source="MobileNetV3-Large, gate of a squeeze and excitation: Howard et al. 2019, arXiv:1905.02244, table 1",
        ),
    )  # fmt: skip


class HardSwish(Activation, name="hardswish"):
    """y = x min(max(x + 3, 0), 6) / 6: one addition, two comparisons, one multiplication and one division per element.

    Sources: Howard et al. 2019, arXiv:1905.02244, section 5.2; torch.nn.Hardswish.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=x.numel, compare=2 * x.numel, mul=x.numel, div=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Hardswish")

    examples = (
        Example(
            x=image(16, 112, 112), y=image(16, 112, 112), scalar=1_003_520,
            source="MobileNetV3-Large, after its first convolution: Howard et al. 2019, arXiv:1905.02244, table 1",
        ),
    )  # fmt: skip
