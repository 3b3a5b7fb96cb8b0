"""Activations that are smooth at zero or on one side: one transcendental function per element each."""

from typing import Literal

from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens
from archcalc.layer import Call, Example, module
from archcalc.layers.activation import Activation

FAMILY = "Activations and softmax"


class GELU(Activation, name="gelu", positional=("approximate",)):
    """y = x Phi(x), where Phi is the distribution function of the standard normal.

    One transcendental function and one multiplication per element. `approximate: tanh` is
    y = 0.5 x (1 + tanh(c (x + 0.044715 x^3))), c = sqrt(2 / pi): six multiplications, two additions and one
    transcendental function per element.

    Sources: Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2; torch.nn.GELU.
    """

    approximate: Literal["none", "tanh"] = "none"

    def ops(self, y: Volume, x: Volume) -> Ops:
        if self.approximate == "tanh":
            return Ops(mul=6 * x.numel, add=2 * x.numel, exp=x.numel)
        return Ops(mul=x.numel, exp=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.GELU", **self.stated())

    examples = (
        Example(
            x=tokens(197, 3072), y=tokens(197, 3072), scalar=1_210_368,
            source="ViT-B/16, between the layers of its MLP: Dosovitskiy et al. 2020, arXiv:2010.11929, section 3.1",
        ),
        Example(
            given=dict(approximate="tanh"), x=tokens(1024, 3072), y=tokens(1024, 3072), scalar=28_311_552,
            source="GPT-2, gelu in src/model.py of its code: Radford et al. 2019",
        ),
    )  # fmt: skip


class SiLU(Activation, name="silu", aliases=("swish",)):
    """y = x sigmoid(x): one transcendental function and one multiplication per element.

    Sources: Elfwing et al. 2017, arXiv:1702.03118; Ramachandran et al. 2017, arXiv:1710.05941 (Swish);
    torch.nn.SiLU.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mul=x.numel, exp=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.SiLU")

    examples = (
        Example(
            x=image(32, 112, 112), y=image(32, 112, 112), scalar=802_816,
            source="EfficientNet-B0, after its first convolution: Tan & Le 2019, arXiv:1905.11946, table 1",
        ),
    )  # fmt: skip


class ELU(Activation, name="elu", positional=("alpha",)):
    """y = x where x > 0, else alpha (exp(x) - 1).

    One comparison, one exponential, one subtraction and one multiplication per element.

    Sources: Clevert et al. 2015, arXiv:1511.07289; torch.nn.ELU.
    """

    alpha: float = 1.0

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel, exp=x.numel, add=x.numel, mul=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.ELU", **self.stated())

    examples = (
        Example(x=image(96, 32, 32), y=image(96, 32, 32), scalar=393_216, source="torch.nn.ELU"),
        Example(given=dict(alpha=0.5), x=image(2, 3), y=image(2, 3), scalar=24),
    )  # fmt: skip
