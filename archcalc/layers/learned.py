"""Learned values and constants, which all samples share, and their copies for each sample."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from archcalc.core.broadcasting import longer
from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, prod, same
from archcalc.core.gaps import dense
from archcalc.core.kernel import (
    PRESERVED,
    VIEW,
    Backward,
    Cast,
    Gradient,
    Kernel,
    Layout,
    Run,
    tensor_of,
)
from archcalc.core.moved import OneElementWindow
from archcalc.core.operations import view
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, apart, flat, image, shared, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.layer import Call, Example, Merge, Numbers, Reference, Requirement, Role, Source, expression, module
from archcalc.record import replace

FAMILY = "Learned values"


def of_size(size: tuple[Dim, ...]) -> Volume:
    """Values that all samples share: features, tokens, or a map, by the number of their axes.

    >>> str(of_size((8,))), str(of_size((5, 8))), of_size((5, 8)).channels_last, of_size((5, 8, 8)).channels_last
    ('[8]', '[5, 8]', True, False)
    """
    if len(size) == 2:
        return Volume(size[1], size[:1], channels_last=True, shared=True)
    return Volume(size[0], size[1:], shared=True)


class Learned(Source, name="learned", positional=("size",)):
    """Learned values of their own, or added to the input (`op: add`), or multiplied with it (`op: mul`).

    nothing -> y: the values; with `op`, x: any volume -> y: the same, but longer along axes of length 1 where there
    are more values

    Without `op`, what comes before is left alone. `size` is the shape of the values in torch's order, without a batch:
    [C], tokens [T, C], or a map [C, H, W]. All samples share them: their bytes, and the MACs of what is computed from
    them alone, are counted once. Where they meet other values, they are broadcast, with their axes in the order of the
    others. A layer that needs them for each sample gets them by `expand`.

    With `op`, `size` is that of a sample, or of its last axes; a batch of 1 may be written first. Along an axis of
    length 1, values or elements are repeated. `learned([1], op=mul, init=0)` is one factor for all elements. One
    addition or multiplication per element. The values start at `init`, or at random.

    Sources: object queries: Carion et al. 2020, arXiv:2005.12872, section 3.2; one factor for each residual branch:
    Bachlechner et al. 2020, arXiv:2003.04887, section 3; a vector for each number: Gorishniy et al. 2021,
    arXiv:2106.11959, section 3.3; torch.nn.Parameter.
    """

    role = Role.MERGE
    inputs = (0, 1)
    takes_plain = True

    size: tuple[Dim, ...]
    op: Literal["add", "mul"] | None = None
    init: float | None = None

    @property
    def is_source(self) -> bool:
        return self.op is None

    def requires(self, x: Volume | None = None, /) -> Iterator[Requirement]:
        yield len(self.size) >= 1, "learned values have at least 1 axis; write [1] for one number"
        yield from at_least(1, size=self.size)
        if x is None:
            yield len(self.size) <= 6, f"learned values have 1 to 6 axes, got {len(self.size)}"
            return
        text = f"learned values of size [{', '.join(map(str, self.size))}] do not fit {x}"
        own = self.own(x)
        yield len(own) == len(x.item_shape), text
        for n, m in zip(own, x.item_shape, strict=True):
            yield n == 1 or same((m - 1) * (m - n), 0), text  # m is 1 or n

    def own(self, x: Volume) -> tuple[Dim, ...]:
        """The values' axes, one for each axis of a sample."""
        size, missing = self.size, len(x.item_shape) - len(self.size)
        if missing == -1 and size[0] == 1:
            size, missing = size[1:], 0
        return (*(1,) * missing, *size)

    def windows(self, x: Volume | None = None, /) -> tuple[AnyWindow, ...]:
        if x is None:
            return ()
        pairs = zip(x.spatial, self.shape(x).spatial, strict=True)
        return tuple(OneElementWindow(m) if n == 1 != m else IDENTITY for n, m in pairs)

    def shape(self, x: Volume | None = None, /) -> Volume:
        if x is None:
            return of_size(self.size)
        axes = tuple(longer(pair) for pair in zip(self.own(x), x.item_shape, strict=True))
        return x.to(*apart(axes, x.channels_last))

    def weights(self, x: Volume | None = None, /) -> Iterator[Weight]:
        yield Weight("weight", self.size)

    def ops(self, y: Volume, x: Volume | None = None, /) -> Ops:
        return Ops(mul=y.numel) if self.op == "mul" else Ops(add=y.numel) if self.op else Ops()

    def cast(self, x: Volume | None = None, /) -> Cast:
        return Cast.WIDEST if x else Cast.NONE

    def kernels(self, run: Run, y: Volume, x: Volume | None = None, /) -> Iterator[Kernel]:
        """A product makes a gradient of the whole size for what is repeated, and then sums it."""
        if x is None:
            yield view_of_weight(y)
            return
        repeated, shorter = x.numel != y.numel, prod(self.size) != y.numel
        made: dict[str, Any] = dict(size=tensor_of(y), layout=PRESERVED, weights=("weight",))
        if self.op == "add":
            whole = ("weight",) * (tuple(self.size) == y.shape)
            backward = Backward(broadcast=("x",) * repeated + ("weight",) * shorter, whole=whole)
            yield Kernel(gradient=Gradient.SAME, backward=backward, **made)
            return
        shorter = shorter or len(self.size) < len(y.shape)
        if x.dtype != y.dtype:  # autocast has lowered the input: both gradients are made in the dtype of the output
            repeated = shorter = True
        whole = ("x",) * repeated + ("weight",) * shorter
        fewer = ("weight",) * (len(self.size) < len(y.shape))
        backward = Backward(unreduced=dict.fromkeys(whole, y.nbytes), summed=fewer)
        yield Kernel(factors=("x", "weight"), backward=backward, **made)

    def call(self, x: Volume | None = None, /) -> Call:
        return module("Learned", file="learned", forward="{module}({0})" if self.op else "{module}()", **self.stated())

    examples = (
        Example(
            given=dict(size=(32, 768), init=0.0), x=(), y=shared(tokens(32, 768)), params=24_576,
            source="the queries of BLIP-2: Li et al. 2023, arXiv:2301.12597, section 3.1",
        ),
        Example(
            given=dict(size=(512, 4, 4), init=1.0), x=(), y=shared(image(512, 4, 4)), params=8_192,
            source="StyleGAN: Karras et al. 2018, arXiv:1812.04948, figure 1",
        ),
        Example(given=dict(size=(3,)), x=(), y=shared(flat(3)), params=3),
        Example(
            given=dict(size=(1,), op="mul", init=0.0), x=tokens(64, 512), y=tokens(64, 512), params=1, scalar=32_768,
            source="ReZero: Bachlechner et al. 2020, arXiv:2003.04887, section 3",
        ),
        Example(
            given=dict(size=(1, 197, 768), op="add"), x=tokens(197, 768), y=tokens(197, 768), params=151_296,
            scalar=151_296, source="positions of ViT-B/16: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1",
        ),
        Example(
            given=dict(size=(8, 192), op="mul"), x=tokens(8, 1), y=tokens(8, 192), params=1_536, scalar=1_536,
            source="8 numbers as tokens: Gorishniy et al. 2021, arXiv:2106.11959, section 3.3",
        ),
        Example(given=dict(size=(6, 1, 1), op="add"), x=image(6, 3, 4), y=image(6, 3, 4), params=6, scalar=72),
        Example(given=dict(size=(5,), op="add"), x=flat(5), y=flat(5), params=5, scalar=5),
    )  # fmt: skip


def view_of_weight(y: Volume) -> Kernel:
    """Stored values with an axis for the batch: nothing is allocated, and their gradient is the one that comes in."""
    return Kernel(reads=(), size=tensor_of(y), layout=VIEW, weights=("weight",), backward=Backward(viewed=("weight",)))


class Constant(Source, name="constant", positional=("values", "size")):
    """Numbers that are not learned: one, in all places of `size`, or as many as there are places, row by row.

    nothing -> y: the numbers, the same for all samples

    What comes before is left alone. `size` is their shape in torch's order, without a batch: [C], tokens [T, C], or a
    map [C, H, W]; without it, they are features. They are stored with the weights and are no parameters. Where they
    meet other values, they are broadcast, with their axes in the order of the others: `mul: [prev, constant(2)]`.

    Sources: mean and deviation of the colours of images: Krizhevsky, Sutskever & Hinton 2012, section 2 (the mean);
    torch.nn.Module.register_buffer.
    """

    role = Role.MOVEMENT

    values: Numbers
    size: tuple[Dim, ...] | None = None

    def axes(self) -> tuple[Dim, ...]:
        return (len(self.values),) if self.size is None else self.size

    def requires(self, x: Volume | None = None, /) -> Iterator[Requirement]:
        yield len(self.values) >= 1, "a constant has at least one number"
        yield 1 <= len(self.axes()) <= 4, f"a constant has 1 to 4 axes, got {len(self.axes())}"
        yield from at_least(1, size=self.axes())
        places, text = prod(self.axes()), f"[{', '.join(map(str, self.axes()))}]"
        count = len(self.values)
        yield count == 1 or same(places, count), f"size {text} has {places} places, and there are {count} numbers"

    def shape(self, x: Volume | None = None, /) -> Volume:
        return of_size(self.axes())

    def weights(self, x: Volume | None = None, /) -> Iterator[Weight]:
        yield Weight("values", self.axes(), buffer=True)

    def kernels(self, run: Run, y: Volume, x: Volume | None = None, /) -> Iterator[Kernel]:
        yield Kernel(reads=(), size=tensor_of(y), layout=VIEW)

    def call(self, x: Volume | None = None, /) -> Call:
        return module("Constant", file="constant", forward="{module}()", values=self.values, size=self.axes())

    examples = (
        Example(
            given=dict(values=(0.485, 0.456, 0.406), size=(3, 1, 1)), x=(), y=shared(image(3, 1, 1)),
            source="the mean colour of ImageNet, subtracted by torchvision.transforms.Normalize",
        ),
        Example(given=dict(values=(1.0,), size=(4, 6)), x=(), y=shared(tokens(4, 6))),
        Example(given=dict(values=(1.0, 2.0, 4.0)), x=(), y=shared(flat(3))),
    )  # fmt: skip


class Expand(Merge, name="expand", positional=("like",)):
    """What all samples share, once for each sample of another volume: a view that repeats it.

    x: any volume, like: any -> y: x for each sample

    It is put in where a layer needs it, for example before `concat` and attention, and need not be written.

    Source: torch.Tensor.expand.
    """

    role = Role.MOVEMENT
    inputs = (1, 1)
    reads = ("like",)
    carries = 1
    takes_ids = True
    takes_plain = True

    like: Reference

    def for_each_sample(self, *xs: Volume) -> Iterable[int]:
        return ()

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (IDENTITY,) * xs[0].rank

    def shape(self, *xs: Volume) -> Volume:
        x, like = xs
        return replace(x, batch=like.batch, shared=like.shared) if x.shared else x

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """Over more samples than one, each element is there once in memory, and its gradients are summed."""
        x = xs[0]
        if y.batch == x.batch:
            yield view("x0", size=tensor_of(y))
            return
        steps = ((y.batch, 0), *dense(x.item_shape))
        layout, backward = Layout(view=True, steps=steps), Backward(broadcast=("x0",))
        yield Kernel(reads=("x0",), size=tensor_of(y), layout=layout, gradient=Gradient.SAME, backward=backward)

    def call(self, *xs: Volume) -> Call:
        kept = ", -1" * len(xs[0].item_shape)
        return expression(f"{{0}}.expand({{1}}.shape[0]{kept})" if xs[0].shared else "{0}")

    examples = (
        Example(
            given=dict(like=Reference("photos")), x=(shared(tokens(32, 768)), image(3, 224, 224)), y=tokens(32, 768),
            source="the queries of BLIP-2, for each picture: Li et al. 2023, arXiv:2301.12597, section 3.1",
        ),
        Example(given=dict(like=Reference("second")), x=(shared(flat(3)), flat(5)), y=flat(3)),
    )  # fmt: skip
