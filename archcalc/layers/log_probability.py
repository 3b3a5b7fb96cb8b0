"""Log probabilities, as losses expect them, computed without the probabilities."""

from collections.abc import Iterator

from archcalc.core.kernel import CONTIGUOUS, Kernel, Run, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.layer import Call, Example, module
from archcalc.layers.activation import Activation
from archcalc.layers.softmax import OverFeatures

FAMILY = "Activations and softmax"


class LogSoftmax(OverFeatures, name="log_softmax"):
    """y_i = x_i - max x - log sum_j exp(x_j - max x), over the features of each position.

    For V elements at R positions: V - R comparisons, V subtractions, V exponentials, V - R additions, R logarithms, and
    V subtractions of these.

    Source: torch.nn.LogSoftmax.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        rest = x.numel - x.positions
        return Ops(compare=rest, add=2 * x.numel + rest, exp=x.numel + x.positions)

    def call(self, x: Volume) -> Call:
        return module("torch.nn.LogSoftmax", dim=-1 if x.channels_last else 1)

    examples = (
        Example(x=flat(10), y=flat(10), scalar=49, source="torch.nn.NLLLoss, its example"),
        Example(x=tokens(35, 1000), y=tokens(35, 1000), scalar=174_965),
        Example(x=image(10, 2, 2), y=image(10, 2, 2), scalar=196),
    )  # fmt: skip


class LogSigmoid(Activation, name="logsigmoid"):
    """y = log(1 / (1 + exp(-x))): two transcendental functions, one addition and one division per element.

    Source: torch.nn.LogSigmoid.
    """

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=2 * x.numel, add=x.numel, div=x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """The CPU saves exp(-|x|) too."""
        own = {"exponential": tensor_of(x)} if run.device == "cpu" else {}
        yield Kernel(size=tensor_of(y), also=own, layout=CONTIGUOUS, saves=("x", *own))

    def call(self, x: Volume) -> Call:
        return module("torch.nn.LogSigmoid")

    examples = (
        Example(x=flat(256), y=flat(256), scalar=1_024, source="torch.nn.LogSigmoid"),
        Example(x=image(2, 3), y=image(2, 3), scalar=24),
    )  # fmt: skip
