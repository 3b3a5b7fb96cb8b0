"""Local response normalisation across channels."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim
from archcalc.core.kernel import Backward, Kernel, Run, Tensor, Unpredicted, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import plus_number, times_number
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image
from archcalc.core.window import Window
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Normalisation"


class LocalResponseNorm(Layer, name="lrn", positional=("size",), aliases=("norm",)):
    """y_c = x_c / (k + alpha/size * sum over `size` neighbouring channels of x^2)^beta.

    Source: Krizhevsky et al. 2012, section 3.3; torch.nn.LocalResponseNorm (alpha is divided by size).
    """

    role = Role.LOCAL_NORM
    opaque = Unpredicted(autocast="some of its operations run in float32, others in the lower dtype")

    size: Dim = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, size=self.size)
        yield x.rank > 0, f"lrn needs positions, got {x}"
        yield channels_before("lrn", x)

    def neighbours(self, x: Volume) -> Window:
        return Window(self.size, begin=self.size // 2, end=(self.size - 1) // 2)

    def shape(self, x: Volume) -> Volume:
        return x

    def ops(self, y: Volume, x: Volume) -> Ops:
        squares = x.positions * self.neighbours(x).taps(x.channels)
        return Ops(mul=squares + x.numel, add=squares, power=x.numel, div=x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """As torch.nn.functional.local_response_norm writes it, with the variable `div` that it names results by."""
        size = tensor_of(y)
        padded = Tensor(x.positions * (x.channels + self.size - 1), x.dtype)
        yield Kernel(reads=("x", "x"), makes="squares", size=size, saves=("x",))
        yield Kernel(reads=("squares",), makes="padded", size=padded)
        yield Kernel(reads=("padded",), makes="average", size=size, saves=("padded",))
        yield times_number(size, "average", "scaled")
        yield plus_number(size, "scaled", "shifted", holds=("average",))
        yield Kernel(
            reads=("shifted",), makes="power", size=size, saves=("shifted",), backward=Backward(scratch=2 * y.nbytes)
        )
        yield Kernel(reads=("x", "power"), size=size, saves=("x", "power"), backward=Backward(scratch=2 * y.nbytes))

    def call(self, x: Volume) -> Call:
        return module("torch.nn.LocalResponseNorm", size=self.size, **self.stated("size"))

    examples = (
        Example(
            given=dict(size=5, alpha=5e-4, beta=0.75, k=2.0),
            x=image(96, 55, 55), y=image(96, 55, 55), scalar=3_738_900,
            source="AlexNet, alpha times the 5 that torch divides by: Krizhevsky et al. 2012, section 3.3",
        ),
        Example(given=dict(size=4, beta=0.5), x=image(6, 2), y=image(6, 2), scalar=116),
    )  # fmt: skip
