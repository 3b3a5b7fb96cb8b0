"""Activations: functions applied to each element separately."""

from collections.abc import Iterator

from archcalc.core.kernel import PRESERVED, Backward, Kernel, Run, tensor_of
from archcalc.core.operations import times_number
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.layer import Call, Example, Layer, Role, expression, module
from archcalc.record import replace

FAMILY = "Activations and softmax"


class Activation(Layer):
    """Abstract: the output has the shape of the input."""

    role = Role.ACTIVATION
    takes_plain = True

    def shape(self, x: Volume) -> Volume:
        return x


AS_MADE = Backward(as_made=True)
"""Torch goes by the order of what it saved, not of the gradient that came in."""


class ReLU(Activation, name="relu"):
    """y = max(x, 0): one comparison per element.

    Sources: Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines"; torch.nn.ReLU.
    """

    saves = ("y",)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield replace(self.applied(y, x), backward=AS_MADE)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.ReLU")

    examples = (
        Example(
            x=image(96, 55, 55), y=image(96, 55, 55), scalar=290_400,
            source="AlexNet, after conv1: Krizhevsky et al. 2012, section 3.1",
        ),
    )  # fmt: skip


class LeakyReLU(Activation, name="leaky_relu", positional=("negative_slope",)):
    """y = x where x > 0, else negative_slope * x: one comparison and one multiplication per element.

    Sources: Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve neural network acoustic models";
    torch.nn.LeakyReLU.
    """

    negative_slope: float = 0.01

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel, mul=x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield replace(self.applied(y, x), backward=AS_MADE)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.LeakyReLU", **self.stated())

    examples = (
        Example(
            given=dict(negative_slope=0.2), x=image(128, 32, 32), y=image(128, 32, 32), scalar=262_144,
            source="DCGAN discriminator: Radford et al. 2015, arXiv:1511.06434, section 4",
        ),
    )  # fmt: skip


class Tanh(Activation, name="tanh"):
    """y = tanh(x): one transcendental function per element.

    Source: torch.nn.Tanh.
    """

    saves = ("y",)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Tanh")

    examples = (
        Example(
            x=image(3, 64, 64), y=image(3, 64, 64), scalar=12_288,
            source="DCGAN generator, its output: Radford et al. 2015, arXiv:1511.06434, section 3",
        ),
    )  # fmt: skip


class ScaledTanh(Activation, name="scaled_tanh"):
    """y = 1.7159 tanh(2 x / 3): two multiplications and one transcendental function per element.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", appendix A.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel, mul=2 * x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        size = tensor_of(y)
        yield times_number(size, makes="scaled", layout=PRESERVED)
        yield Kernel(reads=("scaled",), makes="tanh", size=size, saves=("tanh",), layout=PRESERVED)
        yield times_number(size, "tanh", layout=PRESERVED)

    def call(self, x: Volume) -> Call:
        return expression("1.7159 * torch.tanh({0} * (2 / 3))")

    examples = (Example(x=flat(84), y=flat(84), scalar=252, source="LeNet-5 F6: LeCun et al. 1998, section II.B"),)


class Sigmoid(Activation, name="sigmoid"):
    """y = 1 / (1 + exp(-x)): one transcendental function per element.

    Source: torch.nn.Sigmoid.
    """

    saves = ("y",)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Sigmoid")

    examples = (
        Example(x=flat(256), y=flat(256), scalar=256, source="gate: Hu et al. 2017, arXiv:1709.01507, equation 3"),
    )
