"""Dropout: random elements are set to zero in training; evaluation is the identity."""

from abc import abstractmethod
from collections.abc import Iterator

from archcalc.core.kernel import PRESERVED, Kernel, Run, Tensor, tensor_of
from archcalc.core.operations import view
from archcalc.core.volume import Volume, flat
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Dropout and sampling"


class AtRandom(Layer):
    """Abstract: multiplies by random numbers in training; the identity in evaluation and if p is 0."""

    role = Role.MOVEMENT

    p: float

    @property
    def steady(self) -> bool:
        return self.p in (0, 1)

    def shape(self, x: Volume) -> Volume:
        return x

    @abstractmethod
    def numbers(self, run: Run, x: Volume) -> Tensor:
        """The random numbers it multiplies by."""

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Nothing is random where p is 1: torch multiplies by one zero."""
        if not run.training or not self.p:
            yield view()
            return
        made = {"mask": Tensor(1, x.dtype)} if self.p == 1 else {"mask": self.numbers(run, x)}
        yield Kernel(size=tensor_of(y), also=made, layout=PRESERVED, saves=("mask",))


class Dropout(AtRandom, name="dropout", positional=("p",)):
    """Zeroes each element with probability p and scales the others by 1 / (1 - p); in evaluation y = x.

    Counted in evaluation mode: no arithmetic. Source: Srivastava et al. 2014, JMLR 15; torch.nn.Dropout.
    """

    takes_plain = True
    p: float = 0.5

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield 0 <= self.p <= 1, f"dropout needs a probability from 0 to 1, got p={self.p}"

    def numbers(self, run: Run, x: Volume) -> Tensor:
        return Tensor(x.numel, x.dtype if run.device == "cpu" else "bool")

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Dropout", **self.stated())

    examples = (
        Example(
            given=dict(p=0.4), x=flat(1024), y=flat(1024),
            source="GoogLeNet: Szegedy et al. 2014, arXiv:1409.4842, table 1",
        ),
        Example(given=dict(p=1), x=flat(6), y=flat(6)),
    )  # fmt: skip
