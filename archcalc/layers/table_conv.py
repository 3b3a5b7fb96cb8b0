"""Convolution with a connection table: each output map reads some of the input maps."""

from collections.abc import Iterator

from archcalc.core.dim import Dim, per_axis, prod
from archcalc.core.kernel import Kernel, Run, Unpredicted, tensor, tensor_of
from archcalc.core.operations import sum_of
from archcalc.core.ops import Ops
from archcalc.core.padding import torch_pad
from archcalc.core.volume import Volume, image
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Requirement, Role, module
from archcalc.layers.filtering import Filtering
from archcalc.layers.parametrized import Parametrized

FAMILY = "Convolution"

LENET5_C3 = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
"""LeCun et al. 1998, table I: for each of 16 maps, the maps of S2 it is connected to."""


class TableConv(Filtering, Parametrized, name="table_conv", positional=("kernel_size", "table")):
    """A convolution whose output map o reads only the input maps listed in table[o].

    x: C_in at *spatial -> y: len(table) at *spatial', sizes as in conv

    One kernel per connection, one bias per output map.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B and table I
    (layer C3).
    """

    opaque = Unpredicted(autocast="its sums of maps run in the lower dtype, its bias in float32")
    role = Role.CONTRACTION
    ranks = (2,)
    followed_by = ("norm", "act")

    table: tuple[tuple[Dim, ...], ...]
    bias: bool = True

    @property
    def connections(self) -> Dim:
        """The number of connected pairs of an input map and an output map."""
        return sum(len(inputs) for inputs in self.table)

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield len(self.table) >= 1, "table needs a list of input maps for each output map"
        for o, inputs in enumerate(self.table):
            yield len(inputs) >= 1, f"table connects output map {o} to no input map"
            yield len(set(inputs)) == len(inputs), f"table repeats an input map for output map {o}: {list(inputs)}"
            yield (
                min(inputs) >= 0 and max(inputs) < x.channels,
                f"table connects output map {o} to {list(inputs)}, but the input maps are 0 to {x.channels - 1}",
            )
        yield from self.sliding(x)

    def shape(self, x: Volume) -> Volume:
        return x.to(len(self.table), self.positions(x))

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (self.connections, *self.kernel(x)))
        if self.bias:
            yield Weight("bias", (len(self.table),))

    def ops(self, y: Volume, x: Volume) -> Ops:
        positions = x.batch * prod(y.spatial)
        mac = positions * self.connections * prod(self.kernel(x))
        return Ops(mac=mac, sums=y.numel, bias=y.numel if self.bias else 0)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Input maps side by side, one for each connection; a kernel for each; sums of those that one output has."""
        lengths = [n + begin + end for n, (begin, end) in zip(x.spatial, self.pads(x), strict=True)]
        places = (x.batch, self.connections)
        reads = "x"
        if any(torch_pad(self.pads(x))):
            reads = "padded"
            yield Kernel(makes=reads, size=tensor(x.batch, x.channels, *lengths, dtype=x.dtype))
        yield Kernel(reads=(reads,), makes="side by side", size=tensor(*places, *lengths, dtype=x.dtype))
        each, side = tensor(*places, *y.spatial, dtype=y.dtype), ("side by side",)
        yield Kernel(reads=side, makes="each", size=each, saves=side, weights=("weight",), holds=(reads,))
        made, both = "sums" if self.bias else "y", ("each", "zeros")
        yield Kernel(reads=(), makes="zeros", size=tensor_of(y), holds=(reads,))
        yield Kernel(reads=both, makes=made, size=tensor_of(y), saves=("each",), holds=(reads,))
        if self.bias:
            held = (reads, "each")
            yield sum_of(tensor_of(y), made, holds=held, bias=("bias",))

    def call(self, x: Volume) -> Call:
        return module(
            "TableConv2d",
            file="table_conv2d",
            forward=f"{{module}}({self.padded(x)})",
            table=self.table,
            kernel_size=self.kernel(x),
            stride=per_axis(self.stride, x.rank),
            dilation=per_axis(self.dilation, x.rank),
            bias=self.bias,
        )

    examples = (
        Example(
            given=dict(table=LENET5_C3, kernel_size=5),
            x=image(6, 14, 14), y=image(16, 10, 10), params=1_516, macs=150_000, scalar=300_000,
            source="LeNet-5 C3, 151,600 connections: LeCun et al. 1998, section II.B and table I",
        ),
        Example(
            given=dict(
                table=((0,), (1, 0)), kernel_size=(2, 3), stride=(1, 2), padding=((0, 1), 1), dilation=2, bias=False
            ),
            x=image(3, 4, 7), y=image(2, 3, 3), params=18, macs=162, scalar=306,
        ),
    )  # fmt: skip
