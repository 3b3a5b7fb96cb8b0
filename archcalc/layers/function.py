"""Functions of each element: absolute values, powers, roots, exponentials, sines, bounds."""

from collections.abc import Iterator
from typing import ClassVar

from archcalc.core.kernel import CONTIGUOUS, PRESERVED, Backward, Cast, Kernel, Run, tensor, tensor_of
from archcalc.core.operations import plus_number, times_number
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, grid, image, tokens
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression

FAMILY = "Functions of each element"


class Function(Layer):
    """Abstract: a function that torch applies to each element.

    applies      the expression; `{0}` is the input
    temporaries  how many tensors of the size of the output its backward makes on the way to the gradient
    """

    role = Role.ACTIVATION
    takes_plain = True
    applies: ClassVar[str] = ""
    temporaries: ClassVar[int] = 0

    def shape(self, x: Volume) -> Volume:
        return x

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        backward = Backward(scratch=self.temporaries * y.nbytes)
        yield Kernel(size=tensor_of(y), layout=PRESERVED, saves=self.saves, backward=backward, cast=self.casts)

    def call(self, x: Volume) -> Call:
        return expression(self.applies)


class Abs(Function, name="abs"):
    """y = |x|: one comparison per element.

    Sources: the distance of two embeddings: Koch, Zemel & Salakhutdinov 2015, "Siamese neural networks for one-shot
    image recognition", section 3.1; torch.abs.
    """

    applies = "{0}.abs()"
    temporaries = 1

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel)

    examples = (
        Example(
            x=flat(4096), y=flat(4096), scalar=4_096,
            source="the L1 distance of 4096 features: Koch, Zemel & Salakhutdinov 2015, section 3.1",
        ),
        Example(x=image(2, 3, 4), y=image(2, 3, 4), scalar=24),
    )  # fmt: skip


class Neg(Function, name="neg"):
    """y = -x: one multiplication, by -1, per element.

    Source: torch.neg.
    """

    applies = "-{0}"
    saves = ()

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mul=x.numel)

    examples = (Example(x=tokens(4, 6), y=tokens(4, 6), scalar=24, source="torch.neg"),)


class Exp(Function, name="exp"):
    """y = exp(x): one transcendental function per element.

    Sources: the learned temperature of CLIP: Radford et al. 2021, arXiv:2103.00020, figure 3; torch.exp.
    """

    casts = Cast.FULL_ON_GPU
    applies = "{0}.exp()"
    saves = ("y",)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel)

    examples = (
        Example(
            x=flat(20), y=flat(20), scalar=20,
            source="the variance of 20 latent variables from its logarithm: Kingma & Welling 2013, arXiv:1312.6114, "
            "appendix C.2",
        ),
        Example(x=image(2, 3), y=image(2, 3), scalar=6),
    )  # fmt: skip


class Log(Function, name="log"):
    """y = log(x), the natural logarithm: one transcendental function per element.

    Sources: logarithms of the energies of a spectrogram: Gulati et al. 2020, arXiv:2005.08100, section 3.1; torch.log.
    """

    casts = Cast.FULL_ON_GPU
    applies = "{0}.log()"

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel)

    examples = (Example(x=image(80, 30), y=image(80, 30), scalar=2_400, source="torch.log"),)


class Erf(Function, name="erf"):
    """y = erf(x), the error function: one transcendental function per element.

    Sources: the distribution function of the normal, Phi(x) = (1 + erf(x / sqrt(2))) / 2: Hendrycks & Gimpel 2016,
    arXiv:1606.08415, section 2; torch.erf.
    """

    applies = "{0}.erf()"
    temporaries = 4

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=x.numel)

    examples = (Example(x=tokens(4, 6), y=tokens(4, 6), scalar=24, source="torch.erf"),)


class Sqrt(Function, name="sqrt"):
    """y = sqrt(x): one root per element.

    Source: torch.sqrt.
    """

    applies = "{0}.sqrt()"
    saves = ("y",)
    temporaries = 1

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(root=x.numel)

    examples = (Example(x=image(3, 4, 4), y=image(3, 4, 4), scalar=48, source="torch.sqrt"),)


class Rsqrt(Function, name="rsqrt"):
    """y = 1 / sqrt(x): one root and one division per element.

    Sources: the demodulation of StyleGAN2: Karras et al. 2019, arXiv:1912.04958, equation 3; torch.rsqrt.
    """

    casts = Cast.FULL_ON_GPU
    applies = "{0}.rsqrt()"
    saves = ("y",)
    temporaries = 2

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(root=x.numel, div=x.numel)

    examples = (
        Example(
            x=flat(512), y=flat(512), scalar=1_024,
            source="the demodulation of 512 feature maps: Karras et al. 2019, arXiv:1912.04958, equation 3",
        ),
    )  # fmt: skip


class Square(Function, name="square"):
    """y = x^2: one multiplication per element.

    Sources: the squared ReLU: So et al. 2021, arXiv:2109.08668; torch.square.
    """

    casts = Cast.FULL_ON_GPU
    applies = "{0}.square()"
    temporaries = 2

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mul=x.numel)

    examples = (
        Example(
            x=tokens(4, 3072), y=tokens(4, 3072), scalar=12_288,
            source="after the ReLU of a feed-forward layer: So et al. 2021, arXiv:2109.08668",
        ),
    )  # fmt: skip


class Sin(Function, name="sin", positional=("omega",)):
    """y = sin(omega x): one transcendental function per element; an `omega` other than 1 adds one multiplication.

    Sources: SIREN, where omega is 30: Sitzmann et al. 2020, arXiv:2006.09661, equation 4 and section 3.2; torch.sin.
    """

    omega: float = 1.0

    def ops(self, y: Volume, x: Volume) -> Ops:
        return wave_ops(self.omega, x)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield from wave(self.omega, y, temporaries=1)

    def call(self, x: Volume) -> Call:
        return expression(f"torch.sin({scaled(self.omega)})")

    examples = (
        Example(
            given=dict(omega=30.0), x=flat(256), y=flat(256), scalar=512,
            source="a layer of 256 units: Sitzmann et al. 2020, arXiv:2006.09661, section 3.2",
        ),
        Example(x=tokens(4, 6), y=tokens(4, 6), scalar=24),
    )  # fmt: skip


class Cos(Function, name="cos", positional=("omega",)):
    """y = cos(omega x): one transcendental function per element; an `omega` other than 1 adds one multiplication.

    Sources: the positional encoding of NeRF: Mildenhall et al. 2020, arXiv:2003.08934, equation 4; torch.cos.
    """

    omega: float = 1.0

    def ops(self, y: Volume, x: Volume) -> Ops:
        return wave_ops(self.omega, x)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield from wave(self.omega, y, temporaries=2)

    def call(self, x: Volume) -> Call:
        return expression(f"torch.cos({scaled(self.omega)})")

    examples = (
        Example(
            given=dict(omega=2.0), x=flat(3), y=flat(3), scalar=6,
            source="a frequency of a point in space: Mildenhall et al. 2020, arXiv:2003.08934, equation 4",
        ),
        Example(x=image(2, 3), y=image(2, 3), scalar=6),
    )  # fmt: skip


def scaled(omega: float) -> str:
    return "{0}" if omega == 1 else f"{omega!r} * {{0}}"


def wave_ops(omega: float, x: Volume) -> Ops:
    return Ops(exp=x.numel, mul=x.numel if omega != 1 else 0)


def wave(omega: float, y: Volume, temporaries: int) -> Iterator[Kernel]:
    """A sine or cosine, of the input times a number; its backward makes the cosine or the negated sine first."""
    reads = "x"
    if omega != 1:
        reads = "scaled"
        yield times_number(tensor_of(y), makes=reads, layout=PRESERVED)
    backward = Backward(scratch=temporaries * y.nbytes)
    yield Kernel(reads=(reads,), size=tensor_of(y), layout=PRESERVED, saves=(reads,), backward=backward)


class Clamp(Function, name="clamp", positional=("min", "max"), aliases=("clip",)):
    """y = x, but at least `min` and at most `max`: one comparison per element for each bound.

    Source: torch.clamp.
    """

    min: float | None = None
    max: float | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield (self.min, self.max) != (None, None), "clamp needs min, max, or both"
        if self.min is not None and self.max is not None:
            yield self.min <= self.max, f"clamp needs min up to max, got min={self.min:g} and max={self.max:g}"

    @property
    def bounds(self) -> int:
        return (self.min is not None) + (self.max is not None)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel * self.bounds)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Backward marks the elements within each bound, and takes the others from a tensor of one zero."""
        marks, zero = tensor(y.numel, dtype="bool"), tensor(1, dtype=y.dtype)
        backward = Backward(scratch=self.bounds * marks.nbytes + zero.nbytes)
        yield Kernel(size=tensor_of(y), layout=PRESERVED, saves=("x",), backward=backward)

    def call(self, x: Volume) -> Call:
        given = ", ".join(f"{name}={value!r}" for name, value in self.stated().items())
        return expression(f"{{0}}.clamp({given})")

    examples = (
        Example(
            given=dict(min=-1.0, max=1.0), x=image(3, 8, 8), y=image(3, 8, 8), scalar=384,
            source="torch.clamp; pictures between -1 and 1",
        ),
        Example(given=dict(min=1e-6), x=flat(10), y=flat(10), scalar=10),
        Example(given=dict(max=2.0), x=tokens(3, 4), y=tokens(3, 4), scalar=12),
    )  # fmt: skip


class AddConstant(Function, name="add_constant", positional=("value",)):
    """y = x + value: one addition per element.

    Sources: torch.add; the 1 + scale of adaLN, as the code of DiT has it: Peebles & Xie 2022, arXiv:2212.09748.
    """

    value: float

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield plus_number(tensor_of(y), layout=PRESERVED)

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}} + {self.value!r}")

    examples = (
        Example(
            given=dict(value=1.0), x=flat(1152), y=flat(1152), scalar=1_152,
            source="1 + scale, DiT-XL, as its code has it: Peebles & Xie 2022, arXiv:2212.09748",
        ),
        Example(given=dict(value=-0.5), x=image(3, 4, 4), y=image(3, 4, 4), scalar=48),
    )  # fmt: skip


class Triangle(Function):
    """Abstract: 0 on one side of a diagonal of the last two axes, all else as it is. No arithmetic."""

    role = Role.MOVEMENT
    saves = ()
    triangle: ClassVar[str] = ""

    diagonal: int = 0

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank >= 1, f"{self.name} needs two axes, got {x}"

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(size=tensor_of(y), layout=CONTIGUOUS)

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}.{self.triangle}({self.diagonal or ''})")


class Tril(Triangle, name="tril", positional=("diagonal",)):
    """The lower triangle of the last two axes: 0 above the main diagonal, or above one `diagonal` places to the right.

    x: any volume with positions -> y: the same; nothing is computed

    Sources: what earlier tokens give a token, without softmax: Katharopoulos et al. 2020, arXiv:2006.16236,
    equation 8; torch.tril.
    """

    triangle = "tril"

    examples = (
        Example(
            x=grid(8, 64, 64), y=grid(8, 64, 64),
            source="products of queries and keys of 64 tokens, as chunks of RetNet have them: Sun et al. 2023, "
            "arXiv:2307.08621, section 2.2",
        ),
        Example(given=dict(diagonal=1), x=tokens(4, 6), y=tokens(4, 6), source="torch.tril"),
    )  # fmt: skip


class Triu(Triangle, name="triu", positional=("diagonal",)):
    """The upper triangle of the last two axes: 0 below the main diagonal, or below one `diagonal` places to the right.

    x: any volume with positions -> y: the same; nothing is computed

    Sources: products of pairs, each once: Naumov et al. 2019, arXiv:1906.00091, section 2.2; torch.triu.
    """

    triangle = "triu"

    examples = (
        Example(
            x=tokens(27, 27), y=tokens(27, 27),
            source="DLRM, 26 categories and what is made of numbers: Naumov et al. 2019, arXiv:1906.00091, section 2.2",
        ),
        Example(given=dict(diagonal=-1), x=image(2, 3, 4), y=image(2, 3, 4), source="torch.triu"),
    )  # fmt: skip
