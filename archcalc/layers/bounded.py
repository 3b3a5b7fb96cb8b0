"""Activations with bounded values, or values bounded below."""

from collections.abc import Iterator

from archcalc.core.kernel import PRESERVED, Backward, Kernel, Run, tensor_of
from archcalc.core.operations import plus_number
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.layer import Call, Example, Requirement, module
from archcalc.layers.activation import Activation

FAMILY = "Activations and softmax"


class HardTanh(Activation, name="hardtanh", positional=("min_val", "max_val")):
    """y = min(max(x, min_val), max_val): two comparisons per element.

    Sources: Collobert 2004, "Large scale machine learning"; torch.nn.Hardtanh.
    """

    min_val: float = -1.0
    max_val: float = 1.0

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield self.min_val < self.max_val, f"min_val={self.min_val} must be below max_val={self.max_val}"

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=2 * x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Hardtanh", **self.stated())

    examples = (
        Example(x=flat(100), y=flat(100), scalar=200, source="torch.nn.Hardtanh"),
        Example(given=dict(min_val=-2.0, max_val=2.0), x=image(3, 4), y=image(3, 4), scalar=24),
    )  # fmt: skip


class Softsign(Activation, name="softsign"):
    """y = x / (1 + |x|): one comparison, one addition and one division per element.

    Sources: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", section
    2.3; torch.nn.Softsign.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel, add=x.numel, div=x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Backward of the quotient divides twice on its way to the gradient of what is divided by."""
        size = tensor_of(y)
        yield Kernel(makes="absolute", size=size, layout=PRESERVED, saves=("x",))
        yield plus_number(size, "absolute", "more", layout=PRESERVED)
        yield Kernel(
            reads=("x", "more"),
            size=size,
            layout=PRESERVED,
            saves=("x", "more"),
            backward=Backward(scratch=2 * y.nbytes),
        )

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Softsign")

    examples = (
        Example(x=flat(100), y=flat(100), scalar=300, source="torch.nn.Softsign"),
        Example(x=image(3, 4), y=image(3, 4), scalar=36),
    )  # fmt: skip


class CELU(Activation, name="celu", positional=("alpha",)):
    """y = x where x > 0, else alpha (exp(x / alpha) - 1): its derivative is continuous at zero for every alpha.

    One comparison, one division, one exponential, one subtraction and one multiplication per element.

    Sources: Barron 2017, arXiv:1704.07483; torch.nn.CELU.
    """

    alpha: float = 1.0

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield self.alpha != 0, "celu divides by alpha, which is 0"

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel, div=x.numel, exp=x.numel, add=x.numel, mul=x.numel)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.CELU", **self.stated())

    examples = (
        Example(x=flat(100), y=flat(100), scalar=500, source="torch.nn.CELU"),
        Example(given=dict(alpha=0.5), x=image(3, 4), y=image(3, 4), scalar=60),
    )  # fmt: skip
