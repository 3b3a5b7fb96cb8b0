"""Other dtypes: numbers as integers, and integers as numbers."""

from collections.abc import Iterator
from typing import Literal

from archcalc.core.arrangement import MixedWindow
from archcalc.core.kernel import PRESERVED, Kernel, Run, tensor_of
from archcalc.core.volume import Volume, ids, image, plain, tokens
from archcalc.core.window import IDENTITY, AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression, module
from archcalc.record import replace

FAMILY = "Functions of each element"


class Cast(Layer, name="cast", positional=("to",)):
    """The values in another dtype: integers of 4 or 8 bytes, or `float`, the dtype of the network.

    x: any volume -> y: the same axes

    Numbers lose what is behind the point. Integers have positions and no features: all axes become positions. As
    numbers, they are a plain tensor, whose axes have no meaning. No gradient flows through integers.

    Source: torch.Tensor.to.
    """

    role = Role.MOVEMENT
    takes_ids = True
    takes_plain = True
    saves = ()

    to: Literal["float", "int64", "int32"]

    def requires(self, x: Volume) -> Iterator[Requirement]:
        same = x.dtype == self.to or (self.to == "float" and x.is_floating)
        yield not same, f"cast({self.to}) changes nothing: {x} is {x.dtype}"
        yield len(x.item_shape) > 0, "one integer without positions has no axis to keep"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        """The axis that becomes that of the features is read whole. Channels in front become the first axis."""
        if x.rank and not x.channels_last:
            return (MixedWindow(x.channels),) * x.rank
        if self.to != "float" or not x.rank:
            return (IDENTITY,) * x.rank
        return (*(IDENTITY,) * (x.rank - 1), WholeWindow(x.spatial[-2] if x.rank > 1 else 1))

    def shape(self, x: Volume) -> Volume:
        if self.to == "float":
            return replace(plain(*x.item_shape, batch=x.batch), shared=x.shared)
        return replace(ids(*x.item_shape, batch=x.batch, dtype=self.to), shared=x.shared)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(size=tensor_of(y), layout=PRESERVED)

    def call(self, x: Volume) -> Call:
        if self.to == "float":
            return module("ToFloat", file="to_float")
        return expression(f"{{0}}.to(torch.{self.to})")

    examples = (
        Example(
            given=dict(to="float"), x=ids(128), y=plain(128),
            source="a mask, 1 for tokens that count: Devlin et al. 2018, arXiv:1810.04805 (modeling.py)",
        ),
        Example(given=dict(to="float"), x=ids(5, 6), y=plain(5, 6)),
        Example(given=dict(to="int32"), x=ids(7), y=ids(7, dtype="int32")),
        Example(given=dict(to="int64"), x=tokens(4, 6), y=ids(4, 6)),
        Example(given=dict(to="int64"), x=image(3, 4, 5), y=ids(3, 4, 5)),
    )  # fmt: skip
