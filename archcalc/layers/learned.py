"""Learned values: added to what comes in, multiplied with it, or on their own."""

from collections.abc import Iterator
from typing import Any, Literal

from archcalc.core.broadcasting import longer
from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, prod, same
from archcalc.core.kernel import (
    PRESERVED,
    VIEW,
    Backward,
    Cast,
    Gradient,
    Kernel,
    Layout,
    Order,
    Run,
    tensor_of,
)
from archcalc.core.moved import OneElementWindow
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Learned values"


class Learned(Layer, name="learned", positional=("size",)):
    """Adds learned values to the input, or multiplies the input by them (`op: mul`), element by element.

    x: any volume -> y: the same, but longer along axes of length 1 where there are more values

    `size` is the shape of the values: the axes of a sample in torch's order, or the last of them; a batch of 1 may be
    written first. Along an axis of length 1, values or elements are repeated. `learned([1], op=mul, init=0)` is one
    factor for all elements, `learned([T, C])` is a table for T positions. The values start at `init`, or at random.
    One addition or multiplication per element.

    Sources: one factor for each residual branch: Bachlechner et al. 2020, arXiv:2003.04887, section 3; a vector for
    each number: Gorishniy et al. 2021, arXiv:2106.11959, section 3.3; torch.nn.Parameter.
    """

    role = Role.MERGE

    size: tuple[Dim, ...]
    op: Literal["add", "mul"] = "add"
    init: float | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from at_least(1, size=self.size)
        text = f"learned values of size [{', '.join(map(str, self.size))}] do not fit {x}"
        own = self.own(x)
        yield len(self.size) >= 1 and len(own) == len(x.item_shape), text
        for n, m in zip(own, x.item_shape, strict=True):
            yield n == 1 or same((m - 1) * (m - n), 0), text  # m is 1 or n

    def own(self, x: Volume) -> tuple[Dim, ...]:
        """The values' axes, one for each axis of a sample."""
        size, missing = self.size, len(x.item_shape) - len(self.size)
        if missing == -1 and size[0] == 1:
            size, missing = size[1:], 0
        return (*(1,) * missing, *size)

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        y = self.shape(x)
        pairs = zip(x.spatial, y.spatial, strict=True)
        return tuple(OneElementWindow(m) if n == 1 != m else IDENTITY for n, m in pairs)

    def shape(self, x: Volume) -> Volume:
        axes = tuple(longer(pair) for pair in zip(self.own(x), x.item_shape, strict=True))
        return x.to(axes[-1], axes[:-1]) if x.channels_last else x.to(axes[0], axes[1:])

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", self.size)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mul=y.numel) if self.op == "mul" else Ops(add=y.numel)

    def cast(self, x: Volume) -> Cast:
        return Cast.WIDEST

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """A product makes a gradient of the whole size for what is repeated, and then sums it."""
        repeated, shorter = x.numel != y.numel, prod(self.size) != y.numel
        made: dict[str, Any] = dict(size=tensor_of(y), layout=PRESERVED, weights=("weight",))
        if self.op == "add":
            backward = Backward(broadcast=("x",) * repeated + ("weight",) * shorter)
            yield Kernel(gradient=Gradient.SAME, backward=backward, **made)
            return
        shorter = shorter or len(self.size) < len(y.shape)
        if x.dtype != y.dtype:  # autocast has lowered the input: both gradients are made in the dtype of the output
            repeated = shorter = True
        whole = ("x",) * repeated + ("weight",) * shorter
        backward = Backward(unreduced=dict.fromkeys(whole, y.nbytes))
        yield Kernel(factors=("x", "weight"), backward=backward, **made)

    def call(self, x: Volume) -> Call:
        return module("Learned", file="learned", **self.stated())

    examples = (
        Example(
            given=dict(size=(1,), op="mul", init=0.0), x=tokens(64, 512), y=tokens(64, 512), params=1, scalar=32_768,
            source="ReZero: Bachlechner et al. 2020, arXiv:2003.04887, section 3",
        ),
        Example(
            given=dict(size=(1, 197, 768)), x=tokens(197, 768), y=tokens(197, 768), params=151_296, scalar=151_296,
            source="positions of ViT-B/16: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1",
        ),
        Example(
            given=dict(size=(8, 192), op="mul"), x=tokens(8, 1), y=tokens(8, 192), params=1_536, scalar=1_536,
            source="8 numbers as tokens: Gorishniy et al. 2021, arXiv:2106.11959, section 3.3",
        ),
        Example(given=dict(size=(6, 1, 1)), x=image(6, 3, 4), y=image(6, 3, 4), params=6, scalar=72),
        Example(given=dict(size=(5,)), x=flat(5), y=flat(5), params=5, scalar=5),
    )  # fmt: skip


class LearnedValues(Layer, name="learned_values", positional=("size",)):
    """Learned values in the place of the input, of which only the number of samples matters: queries, or a first map.

    x: any volume -> y: the values, the same for each sample

    `size` is their shape in torch's order: [C], tokens [T, C], or a map [C, H, W]. They start at `init`, or at random.
    They are stored once and repeated as a view; what follows is computed for each sample.

    Sources: object queries: Carion et al. 2020, arXiv:2005.12872, section 3.2; the constant that StyleGAN begins with:
    Karras et al. 2018, arXiv:1812.04948, section 2; torch.Tensor.expand.
    """

    role = Role.MOVEMENT
    carries = 0
    takes_ids = True

    size: tuple[Dim, ...]
    init: float | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield 1 <= len(self.size) <= 4, f"learned values have 1 to 4 axes, got {len(self.size)}"
        yield from at_least(1, size=self.size)

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return (IDENTITY,) * x.rank

    def shape(self, x: Volume) -> Volume:
        dtype = x.dtype if x.is_floating else "float32"
        if len(self.size) == 2:
            return Volume(self.size[1], self.size[:1], x.batch, channels_last=True, dtype=dtype)
        return Volume(self.size[0], self.size[1:], x.batch, dtype=dtype)

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (1, *self.size))

    def cached(self, *xs: Volume) -> Dim:
        return 0

    def unpredicted(self, run: Run, *xs: Volume) -> str:
        return ""

    def cast(self, *xs: Volume) -> Cast:
        return Cast.NONE

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Over more samples than one, each element is there once in memory, and its gradients are summed."""
        one = y.batch == 1
        backward = Backward(viewed=("weight",) if one else (), broadcast=() if one else ("weight",))
        layout = VIEW if one else Layout(view=True, order=Order.SLICE)
        yield Kernel(reads=(), size=tensor_of(y), layout=layout, weights=("weight",), backward=backward)

    def call(self, x: Volume) -> Call:
        return module("LearnedValues", file="learned_values", **self.stated())

    examples = (
        Example(
            given=dict(size=(32, 768), init=0.0), x=image(3, 224, 224), y=tokens(32, 768), params=24_576,
            source="the queries of BLIP-2: Li et al. 2023, arXiv:2301.12597, section 3.1",
        ),
        Example(
            given=dict(size=(512, 4, 4), init=1.0), x=flat(512), y=image(512, 4, 4), params=8_192,
            source="StyleGAN: Karras et al. 2018, arXiv:1812.04948, figure 1",
        ),
        Example(given=dict(size=(3,)), x=tokens(2, 5), y=flat(3), params=3),
    )  # fmt: skip
