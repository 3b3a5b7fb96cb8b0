"""What no layer describes, kept as it was seen."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal

from archcalc.core.contraction import Contraction
from archcalc.core.dim import Dim, same
from archcalc.core.kernel import Unpredicted
from archcalc.core.ops import Ops
from archcalc.core.volume import INTEGERS, Volume, ids, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Reference, Requirement, Role, module

FAMILY = "Operations without a layer"


class Opaque(Layer, name="opaque", positional=("makes",)):
    """An operation that archcalc has no layer for: its sizes, its weights and its MACs, as torch has them.

    x: the shape `seen[0]`; `others`: the shapes that follow in `seen` -> y: `makes`, features last unless
    `channels_first`

    `archcalc import` writes it. Each number is a measurement at one size, so other input shapes are refused. `macs` are
    those of a sample; `shared_macs` are counted once per batch. `holds` lists the shapes of its weights. Its
    memory is not predicted, and its output reads every input element. Generated source has a module that raises
    NotImplementedError: write there what the operation does.

    Source: torch.utils.flop_counter, for what it counts of an operation.
    """

    opaque = Unpredicted(always="it is an operation that archcalc has no layer for")
    role = Role.CONTRACTION
    measured = True
    reads = ("others",)
    takes_ids = True
    takes_plain = True

    makes: tuple[Dim, ...]
    seen: tuple[tuple[Dim, ...], ...]
    others: tuple[Reference, ...] = ()
    channels_first: bool = False
    dtype: Literal["float", "int64", "bool"] = "float"
    macs: Dim = 0
    shared_macs: Dim = 0
    holds: tuple[tuple[Dim, ...], ...] = ()

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        for x, seen in zip_longest(xs, self.seen):
            there = None if x is None else x.item_shape
            message = f"opaque was measured on {self.written(self.seen)}, and knows nothing about {self.shapes(xs)}"
            yield seen is not None and there is not None and len(seen) == len(there), message
            yield from ((same(n, m), message) for n, m in zip(there or (), seen or (), strict=True))

    def written(self, shapes: tuple[tuple[Dim, ...], ...]) -> str:
        return " and ".join(f"[{', '.join(map(str, shape))}]" for shape in shapes)

    def shapes(self, xs: tuple[Volume, ...]) -> str:
        return self.written(tuple(x.item_shape for x in xs))

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        """One window stands for all axes."""
        return (WholeWindow(1),)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        return (self.windows(*xs),) * len(xs)

    def shape(self, *xs: Volume) -> Volume:
        x = xs[0]
        if self.dtype in INTEGERS:
            return Volume(1, self.makes, x.batch, channels_last=True, dtype=self.dtype)
        floating = next((each.dtype for each in xs if each.is_floating), "float32")
        dtype = floating if self.dtype == "float" else self.dtype
        if not self.makes:
            return Volume(1, (), x.batch, dtype=dtype)
        if self.channels_first:
            return Volume(self.makes[0], self.makes[1:], x.batch, dtype=dtype)
        return Volume(self.makes[-1], self.makes[:-1], x.batch, channels_last=len(self.makes) > 1, dtype=dtype)

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        yield from (Weight(f"weight{i}", shape) for i, shape in enumerate(self.holds))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(mac=self.macs * y.batch + self.shared_macs)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        yield Contraction(self.ops(y, *xs).mac)

    def unpredicted(self, run: object, *xs: Volume) -> str:
        return self.opaque.always

    def cached(self, *xs: Volume) -> Dim:
        return 0

    def call(self, *xs: Volume) -> Call:
        inputs = ", ".join(f"{{{i}}}" for i in range(len(xs)))
        return module("Opaque", file="opaque", forward=f"{{module}}({inputs})", makes=self.makes, holds=self.holds)

    examples = (
        Example(
            given=dict(makes=(4, 16, 9), seen=((4, 16, 16),), channels_first=True),
            x=image(4, 16, 16), y=image(4, 16, 9), source="torch.fft.rfft of a map, along its last axis",
        ),
        Example(
            given=dict(
                makes=(5, 5), seen=((5, 8), (5, 8)), others=(Reference("keys"),), macs=200, shared_macs=64,
                holds=((8, 8),),
            ),
            x=(tokens(5, 8), tokens(5, 8)), y=tokens(5, 5), params=64, macs=264, scalar=528,
        ),
        Example(given=dict(makes=(5,), seen=((5, 8),), dtype="int64"), x=tokens(5, 8), y=ids(5)),
    )  # fmt: skip
