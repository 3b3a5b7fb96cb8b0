"""Gated linear units: one half of the features scales the other half."""

from collections.abc import Iterator

from archcalc.core.dim import divides, exact
from archcalc.core.kernel import Kernel, Run, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Activations and softmax"


class GLU(Layer, name="glu"):
    """y = a sigmoid(b), where a and b are the first and the second half of the features.

    x: C at *spatial -> y: C / 2 at *spatial

    One sigmoid and one multiplication per output element. For another gate, write two paths: SwiGLU is
    `mul: [fc(h, act=silu), fc(h)]`, GEGLU the same with gelu.

    Sources: Dauphin et al. 2016, arXiv:1612.08083, equation 1; Shazeer 2020, arXiv:2002.05202, section 2 (SwiGLU,
    GEGLU); torch.nn.GLU.
    """

    role = Role.ACTIVATION

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield divides(2, x.channels), f"glu halves the channels: their number must be even, got {x.channels}"

    def shape(self, x: Volume) -> Volume:
        return x.to(exact(x.channels, 2))

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(exp=y.numel, mul=y.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(size=tensor_of(y), saves=("x",))

    def call(self, x: Volume) -> Call:
        return module("torch.nn.GLU") if x.channels_last else module("torch.nn.GLU", dim=1)

    examples = (
        Example(
            x=image(1024, 30), y=image(512, 30), scalar=30_720,
            source="convolutional sequence to sequence, 512 units: Gehring et al. 2017, arXiv:1705.03122, section 3.2",
        ),
        Example(x=tokens(4, 6), y=tokens(4, 3), scalar=24),
        Example(x=image(4, 2, 3), y=image(2, 2, 3), scalar=24, source="torch.nn.GLU"),
    )  # fmt: skip
