"""Activations with exponentials and logarithms."""

from archcalc.core.kernel import Cast
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.layer import Call, Example, module
from archcalc.layers.activation import Activation

FAMILY = "Activations and softmax"


class Softplus(Activation, name="softplus", positional=("beta",)):
    """y = log(1 + exp(beta x)) / beta: one exponential, one addition and one logarithm per element.

    A `beta` other than 1 adds one multiplication and one division.

    Sources: Glorot, Bordes & Bengio 2011, "Deep sparse rectifier neural networks"; torch.nn.Softplus.
    """

    casts = Cast.FULL_ON_GPU
    beta: float = 1.0

    def ops(self, y: Volume, x: Volume) -> Ops:
        scaled = x.numel if self.beta != 1 else 0
        return Ops(exp=2 * x.numel, add=x.numel, mul=scaled, div=scaled)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Softplus", **self.stated())

    examples = (
        Example(x=flat(1000), y=flat(1000), scalar=3_000, source="torch.nn.Softplus"),
        Example(given=dict(beta=2.0), x=image(2, 3), y=image(2, 3), scalar=30),
    )  # fmt: skip


class Mish(Activation, name="mish"):
    """y = x tanh(log(1 + exp(x))).

    One exponential, one addition, one logarithm, one tanh and one multiplication per element.

    Sources: Misra 2019, arXiv:1908.08681; torch.nn.Mish.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=3 * x.numel, add=x.numel, mul=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Mish")

    examples = (
        Example(
            x=image(32, 256, 256), y=image(32, 256, 256), scalar=10_485_760,
            source="CSPDarknet53 on 256x256 images, after its first convolution: Bochkovskiy et al. 2020, "
            "arXiv:2004.10934, section 3.4",
        ),
        Example(x=flat(10), y=flat(10), scalar=50),
    )  # fmt: skip


class SELU(Activation, name="selu"):
    """y = s x where x > 0, else s a (exp(x) - 1); a = 1.6733, s = 1.0507.

    The operations of elu, and one more multiplication per element.

    Sources: Klambauer et al. 2017, arXiv:1706.02515, equation 2; torch.nn.SELU.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel, exp=x.numel, add=x.numel, mul=2 * x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.SELU")

    examples = (
        Example(
            x=flat(1024), y=flat(1024), scalar=5_120,
            source="self-normalizing networks of 1024 units a layer: Klambauer et al. 2017, arXiv:1706.02515",
        ),
        Example(x=image(2, 3), y=image(2, 3), scalar=30),
    )  # fmt: skip
