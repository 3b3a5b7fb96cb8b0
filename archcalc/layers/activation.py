"""Activations: one value in, one value out, at every unit alike."""

from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.layer import Call, Example, Layer, Role, expression, module


class Activation(Layer):
    """Keeps the volume as it is."""

    role = Role.ACTIVATION

    def shape(self, x: Volume) -> Volume:
        return x


class ReLU(Activation, name="relu"):
    """y = max(x, 0). One comparison a unit. Source: Nair & Hinton 2010, "Rectified linear units"; torch.nn.ReLU."""

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.ReLU")

    examples = (Example(x=image(64, 8, 8), y=image(64, 8, 8), scalar=4_096),)


class LeakyReLU(Activation, name="leaky_relu", positional=("negative_slope",)):
    """y = x where x > 0, else negative_slope * x. A comparison and a multiplication a unit. As torch."""

    negative_slope: float = 0.01

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel, mul=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.LeakyReLU", **self.stated())

    examples = (Example(given=dict(negative_slope=0.2), x=image(64, 8, 8), y=image(64, 8, 8), scalar=8_192),)


class Tanh(Activation, name="tanh"):
    """y = tanh(x). One transcendental function a unit. Source: torch.nn.Tanh."""

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Tanh")

    examples = (Example(x=flat(84), y=flat(84), scalar=84),)


class ScaledTanh(Activation, name="scaled_tanh"):
    """y = 1.7159 tanh(2 x / 3). Two multiplications and a transcendental function a unit. Source: LeCun et al. 1998."""

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel, mul=2 * x.numel)

    def call(self, x: Volume) -> Call:
        return expression("1.7159 * torch.tanh({0} * (2 / 3))")

    examples = (Example(x=image(6, 28, 28), y=image(6, 28, 28), scalar=14_112),)


class Sigmoid(Activation, name="sigmoid"):
    """y = 1 / (1 + exp(-x)). One transcendental function a unit. Source: torch.nn.Sigmoid."""

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Sigmoid")

    examples = (Example(x=flat(100), y=flat(100), scalar=100),)
