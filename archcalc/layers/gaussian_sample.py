"""A sample of a normal distribution whose mean and variance are learned."""

from collections.abc import Iterator
from typing import Any

from archcalc.core.kernel import PRESERVED, Cast, Kernel, Run, Unpredicted, tensor_of
from archcalc.core.operations import sum_of, times_number
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.layer import Call, Example, Merge, Requirement, Role, expression
from archcalc.layers.merge import equal_but, listed

FAMILY = "Dropout and sampling"


class GaussianSample(Merge, name="gaussian_sample"):
    """y = mean + exp(logvar / 2) * noise, with standard normal noise: gradients flow to mean and variance.

    mean, logvar (the logarithm of the variance), of the same shape -> y: the same shape

    One transcendental function, two multiplications and one addition per element; drawing the noise is not counted.
    Noise is drawn in training and in evaluation.

    Source: Kingma & Welling 2013, arXiv:1312.6114, section 2.4 (the reparameterization trick) and section 3.
    """

    role = Role.MERGE
    casts = Cast.RESULT_ON_GPU
    opaque = Unpredicted(
        there="the deviation is float32 and the noise is not, and how gradients are cast is not modelled"
    )
    inputs = (2, 2)

    @property
    def steady(self) -> bool:
        return False

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        message = f"gaussian_sample needs a mean and a log variance of the same shape, got {listed(xs)}"
        yield from equal_but(xs, message, channels=True)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(mul=2 * y.numel, exp=y.numel, add=y.numel)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        size = tensor_of(xs[1])
        yield times_number(size, "x1", "half", layout=PRESERVED)
        yield Kernel(reads=("half",), makes="deviation", size=size, layout=PRESERVED, saves=("deviation",))
        noise: dict[str, Any] = dict(also={"noise": size}, saves=("noise",), layout=PRESERVED)
        yield Kernel(reads=("deviation",), makes="scaled", size=size, **noise)
        yield sum_of(tensor_of(y), "x0", "scaled", layout=PRESERVED)

    def call(self, *xs: Volume) -> Call:
        return expression("{0} + torch.exp({1} / 2) * torch.randn_like({1})")

    examples = (
        Example(
            x=(flat(20), flat(20)), y=flat(20), scalar=80,
            source="PyTorch's example of a variational autoencoder: 20 latent variables",
        ),
        Example(
            x=(image(4, 64, 64), image(4, 64, 64)), y=image(4, 64, 64), scalar=65_536,
            source="the latent image of 512x512 pixels, factor 8: Rombach et al. 2021, arXiv:2112.10752",
        ),
    )  # fmt: skip
