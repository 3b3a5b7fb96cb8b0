"""Multiplication by a constant."""

from collections.abc import Iterator

from archcalc.core.kernel import PRESERVED, Kernel, Run, tensor_of
from archcalc.core.operations import times_number
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, tokens
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression

FAMILY = "Residual branches and scaling"

MOST = 8
"""The largest exponent that `power` may have."""


class Scale(Layer, name="scale", positional=("factor",)):
    """Multiplies by a constant: `factor`, or the number of features to the power `power`.

    One multiplication per element.

    x: any volume -> y: the same

    Sources: Vaswani et al. 2017, arXiv:1706.03762, section 3.4 (embeddings times the root of the model's width).
    """

    role = Role.MERGE
    takes_plain = True

    factor: float | None = None
    power: float | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield (self.factor is None) != (self.power is None), "scale needs exactly one of factor and power"
        yield abs(self.power or 0) <= MOST, f"power must be from -{MOST} to {MOST}, got {self.power}"

    def shape(self, x: Volume) -> Volume:
        return x

    def by(self, x: Volume) -> float:
        return self.factor if self.factor is not None else float(x.channels ** (self.power or 0))

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mul=y.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield times_number(tensor_of(y), layout=PRESERVED)

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}} * {self.by(x)!r}")

    examples = (
        Example(
            given=dict(power=0.5), x=tokens(25, 512), y=tokens(25, 512), scalar=12_800,
            source="the base model: Vaswani et al. 2017, arXiv:1706.03762, section 3.4",
        ),
        Example(given=dict(factor=0.1), x=image(3, 4, 4), y=image(3, 4, 4), scalar=48),
    )  # fmt: skip
