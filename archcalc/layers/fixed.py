"""Fixed values whose numbers come with the weights: tables, masks, and numbers of rows."""

from collections.abc import Iterator
from typing import Literal

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim
from archcalc.core.kernel import VIEW, Kernel, Run, tensor_of
from archcalc.core.volume import Volume, flat, ids, image, shared, tokens
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, Source, module
from archcalc.layers.learned import of_size

FAMILY = "Learned values"


class FixedValues(Source, name="fixed_values", positional=("size",)):
    """Values that are not learned and not in the spec: their numbers are loaded with the weights, and 0 before.

    nothing -> y: the values, the same for all samples; integers with `dtype: int64`

    A mask, a table of angles, or the numbers of rows that `gather` takes. They are a buffer, no parameters. `size` is
    their shape in torch's order, without a batch: [C], tokens [T, C], or a map [C, H, W]; of integers, their positions.
    `constant` has its numbers in the spec. `archcalc import` writes this layer for constants of code.

    Sources: masks of shifted windows: Liu et al. 2021, arXiv:2103.14030, section 3.2; torch.nn.Module.register_buffer.
    """

    role = Role.MOVEMENT

    size: tuple[Dim, ...]
    dtype: Literal["float", "int64"] = "float"

    def requires(self, x: Volume | None = None, /) -> Iterator[Requirement]:
        yield 1 <= len(self.size) <= 6, f"fixed values have 1 to 6 axes, got {len(self.size)}"
        yield from at_least(1, size=self.size)

    def shape(self, x: Volume | None = None, /) -> Volume:
        return shared(ids(*self.size)) if self.dtype == "int64" else of_size(self.size)

    def weights(self, x: Volume | None = None, /) -> Iterator[Weight]:
        yield Weight("values", self.size, buffer=True, dtype="int64" if self.dtype == "int64" else "float32")

    def kernels(self, run: Run, y: Volume, x: Volume | None = None, /) -> Iterator[Kernel]:
        yield Kernel(reads=(), size=tensor_of(y), layout=VIEW)

    def call(self, x: Volume | None = None, /) -> Call:
        return module("FixedValues", file="fixed_values", forward="{module}()", **self.stated())

    examples = (
        Example(
            given=dict(size=(64, 49, 49)), x=(), y=shared(image(64, 49, 49)),
            source="the masks of 64 shifted windows: Liu et al. 2021, arXiv:2103.14030, section 3.2",
        ),
        Example(given=dict(size=(5, 4)), x=(), y=shared(tokens(5, 4))),
        Example(given=dict(size=(2,)), x=(), y=shared(flat(2))),
        Example(given=dict(size=(3,), dtype="int64"), x=(), y=shared(ids(3))),
    )  # fmt: skip
