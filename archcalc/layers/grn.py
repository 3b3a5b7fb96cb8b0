"""Global response normalisation: scales each channel by its norm relative to the mean norm of all channels."""

from collections.abc import Iterator

from archcalc.core.kernel import CONTIGUOUS, PRESERVED, Backward, Kernel, Run, Tensor, Unpredicted, tensor_of
from archcalc.core.operations import plus_number, product, sum_of, times_weight
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Normalisation"


class GRN(Layer, name="grn", aliases=("global_response_norm",)):
    """y = x n weight + bias + x, n = g / (mean(g) + eps), where g is the L2 norm of each channel over all positions.

    x: C at *spatial -> y: the same; the mean is over the channels of a sample

    For V elements, G channels of all samples and N samples: V squares, V - G additions and G roots for g; G - N
    additions, N divisions and N additions for its mean and eps; G divisions for n; two multiplications and two
    additions per element.

    Source: Woo et al. 2023, arXiv:2301.00808, section 4, algorithm 1.
    """

    role = Role.NORM
    opaque = Unpredicted(autocast="some of its operations run in float32, others in the lower dtype")

    eps: float = 1e-6

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank >= 1, f"grn needs positions, got {x}"
        yield self.eps > 0, f"eps must be above 0, got {self.eps}"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return tuple(WholeWindow(n) for n in x.spatial)

    def shape(self, x: Volume) -> Volume:
        return x

    def factors(self, x: Volume) -> tuple[int, ...]:
        return (x.channels,) if x.channels_last else (x.channels, *(1,) * x.rank)

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", self.factors(x))
        yield Weight("bias", self.factors(x))

    def ops(self, y: Volume, x: Volume) -> Ops:
        sizes = x.batch * x.channels
        return Ops(mul=3 * x.numel, add=3 * x.numel, root=sizes, div=sizes + x.batch)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """If a volume meets a broadcast value, backward first makes the gradient of that value for every element."""
        units, sizes, means = tensor_of(y), Tensor(x.batch * x.channels, x.dtype), Tensor(x.batch, x.dtype)
        marks = Tensor(sizes.numel, "bool")
        whole = units.nbytes
        square_root = Backward(scratch=whole + marks.nbytes)
        yield Kernel(makes="size", size=sizes, layout=CONTIGUOUS, saves=("x", "size"), backward=square_root)
        yield Kernel(reads=("size",), makes="mean", size=means)
        yield plus_number(means, "mean", "shifted")
        both = ("size", "shifted")
        yield Kernel(reads=both, makes="share", size=sizes, saves=both, backward=Backward(scratch=2 * sizes.nbytes))
        both = ("x", "share")
        held = ("size", "share")
        yield product(units, *both, "shared", layout=PRESERVED, backward=Backward(unreduced={"share": whole}))
        yield from self.learned(units, held)

    def learned(self, units: Tensor, held: tuple[str, ...]) -> Iterator[Kernel]:
        """The weight, the bias and the input, which the result of each channel's share is joined with."""
        yield times_weight(units, "shared", "scaled", holds=held)
        yield sum_of(units, "scaled", makes="moved", bias=("bias",), layout=PRESERVED, holds=held)
        yield sum_of(units, "moved", "x", layout=PRESERVED, holds=held)

    def call(self, x: Volume) -> Call:
        given = dict(channels_last=True, **self.stated()) if x.channels_last else self.stated()
        return module("GRN", file="grn", channels=x.channels, rank=x.rank, **given)

    examples = (
        Example(
            x=image(384, 56, 56), y=image(384, 56, 56), params=768, scalar=7_226_113,
            source="ConvNeXt V2-T, within the MLP of its first stage: Woo et al. 2023, arXiv:2301.00808, section 4",
        ),
        Example(given=dict(eps=1e-3), x=tokens(5, 4), y=tokens(5, 4), params=8, scalar=129),
        Example(x=image(2, 3), y=image(2, 3), params=4, scalar=41),
    )  # fmt: skip
