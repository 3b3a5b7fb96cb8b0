"""A rectifier with a learned slope for negative inputs."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, same
from archcalc.core.kernel import Backward, Cast, Kernel, Run
from archcalc.core.layout import channels_before
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, module
from archcalc.layers.activation import Activation
from archcalc.record import replace

FAMILY = "Activations and softmax"


class PReLU(Activation, name="prelu", positional=("num_parameters",)):
    """y = x where x > 0, else a x with a learned slope a: one comparison and one multiplication per element.

    `num_parameters` is 1 (one slope for all channels) or the number of channels (one slope each); `init` is the initial
    slope.

    Sources: He et al. 2015, arXiv:1502.01852, section 2.1; torch.nn.PReLU.
    """

    saves = ("x", "weight")

    num_parameters: Dim = 1
    init: float = 0.25

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, num_parameters=self.num_parameters)
        if self.num_parameters != 1:
            own = f"num_parameters={self.num_parameters} must be 1 or the number of channels, {x.channels}"
            yield same(self.num_parameters, x.channels), own
            yield channels_before("prelu with a slope per channel", x)

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (self.num_parameters,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(compare=x.numel, mul=x.numel)

    def cast(self, x: Volume) -> Cast:
        return Cast.LOWER

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Backward makes the gradients of the input and of the slopes for every element, wanted or not; those of the
        slopes are summed."""
        yield replace(self.applied(y, x), backward=Backward(unreduced={"weight": y.nbytes}, all_in=y.dtype))

    def call(self, x: Volume) -> Call:
        return module("torch.nn.PReLU", **self.stated())

    examples = (
        Example(
            given=dict(num_parameters=64), x=image(64, 112, 112), y=image(64, 112, 112), params=64, scalar=1_605_632,
            source="a slope for each channel: He et al. 2015, arXiv:1502.01852, section 2.1",
        ),
        Example(
            given=dict(init=0.1), x=flat(10), y=flat(10), params=1, scalar=20,
            source="one slope for all: He et al. 2015, arXiv:1502.01852, section 2.1",
        ),
    )  # fmt: skip
