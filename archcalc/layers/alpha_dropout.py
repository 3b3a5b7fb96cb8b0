"""Dropout that keeps the mean and the variance of its input, for networks that normalise themselves."""

from collections.abc import Iterator

from archcalc.core.kernel import CONTIGUOUS, PRESERVED, Gradient, Kernel, Layout, Run, Tensor, tensor_of
from archcalc.core.volume import Volume, flat, image
from archcalc.layer import Call, Example, Requirement, module
from archcalc.layers.dropout import AtRandom

FAMILY = "Dropout and sampling"


class AlphaDropout(AtRandom, name="alpha_dropout", positional=("p",)):
    """Sets each element with probability p to the least value of selu, and scales and shifts all; in evaluation y = x.

    x: any volume -> y: the same

    Mean 0 and variance 1 stay as they are. Counted in evaluation mode: no arithmetic.

    Sources: Klambauer et al. 2017, arXiv:1706.02515; torch.nn.AlphaDropout.
    """

    takes_plain = True

    p: float = 0.5

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield 0 <= self.p <= 1, f"{self.name} needs a probability from 0 to 1, got p={self.p}"

    def numbers(self, run: Run, x: Volume) -> Tensor:
        return Tensor(x.numel, x.dtype)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        if not run.training or self.p in (0, 1):
            yield from super().kernels(run, y, x)
            return
        size = self.numbers(run, x)
        yield Kernel(reads=(), makes="mask", size=size, layout=CONTIGUOUS)
        yield Kernel(reads=("mask",), makes="shift", size=size)
        made, held = tensor_of(y), ("shift",)
        yield Kernel(reads=("x", "mask"), makes="scaled", size=made, layout=PRESERVED, saves=("mask",), holds=held)
        yield Kernel(reads=("scaled", "shift"), layout=Layout(view=True, same=True), gradient=Gradient.SAME)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.AlphaDropout", **self.stated())

    examples = (
        Example(
            given=dict(p=0.05), x=flat(1024), y=flat(1024),
            source="self-normalizing networks of 1024 units a layer: Klambauer et al. 2017, arXiv:1706.02515",
        ),
        Example(given=dict(p=0.05), x=image(16, 9, 9), y=image(16, 9, 9)),
    )  # fmt: skip
