"""Sequences: flattening positions to tokens, class tokens, position embeddings, selecting a token."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, prod
from archcalc.core.kernel import (
    CONTIGUOUS,
    PRESERVED,
    VIEW,
    Backward,
    Cast,
    Gradient,
    Kernel,
    Run,
    Tensor,
    tensor_of,
)
from archcalc.core.operations import slice_of, sum_of, turned, view
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, SequenceWindow, Window, slide
from archcalc.layer import Call, Example, Layer, Requirement, Role, expression, module
from archcalc.layers.slicing import counted, cut_of
from archcalc.record import replace

FAMILY = "Embeddings, tokens and positions"


class Tokens(Layer, name="tokens"):
    """Flattens the positions of all axes into a sequence of tokens, the last axis running fastest.

    x: C at *spatial -> y: C at each of T tokens, T the product of *spatial; features come last

    Source: Dosovitskiy et al. 2020, arXiv:2010.11929, section 3.1.
    """

    role = Role.MOVEMENT
    ranks = (1, 2, 3)

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank >= 1, f"tokens needs positions, got {x}"
        yield not x.channels_last, f"the features of {x} already come last"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        if x.rank == 1:
            return (IDENTITY,)
        around = ((prod(x.spatial[:axis]), prod(x.spatial[axis + 1 :])) for axis in range(x.rank))
        return tuple(SequenceWindow(n, before, after) for n, (before, after) in zip(x.spatial, around, strict=True))

    def shape(self, x: Volume) -> Volume:
        return Volume(x.channels, (prod(x.spatial),), x.batch, channels_last=True, dtype=x.dtype)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield view(order=turned(x))

    def call(self, x: Volume) -> Call:
        return expression("{0}.flatten(2).transpose(1, 2)" if x.rank > 1 else "{0}.transpose(1, 2)")

    examples = (
        Example(
            x=image(768, 14, 14), y=tokens(196, 768),
            source="ViT-B/16, patches of a 224x224 image: Dosovitskiy et al. 2020, arXiv:2010.11929, section 3.1",
        ),
        Example(x=image(4, 5), y=tokens(5, 4)),
        Example(x=image(2, 2, 3, 4), y=tokens(24, 2)),
    )  # fmt: skip


def needs_tokens(name: str, x: Volume) -> Requirement:
    return x.channels_last and x.rank == 1, f"{name} needs tokens, a sequence whose features come last; got {x}"


def needs_rows(name: str, x: Volume) -> Requirement:
    return x.channels_last and x.rank > 1, f"{name} in rows needs a map whose features come last, got {x}"


def sequences(x: Volume) -> Volume:
    """The sequence of each sample; of a map, each row of each: its last axis alone."""
    return replace(x, spatial=x.spatial[-1:], batch=x.batch * prod(x.spatial[:-1]))


class OfTokens(Layer):
    """Abstract: the input is a sequence of tokens."""

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield needs_tokens(self.name, x)

    def remedy(self, *xs: Volume) -> str:
        x = xs[0]
        return sequence_help(x) if x.rank and not x.channels_last else ""


def sequence_help(x: Volume) -> str:
    """How to make a sequence of a volume, with its numbers; two axes of an input may have been meant either way round.

    >>> sequence_help(image(20, 16))
    'for 16 steps of 20 features: tokens before it; for 20 steps of 16 features: channels_last: true on the input'
    """
    if x.rank > 1:
        return f"flatten the positions to {prod(x.spatial)} steps of {x.channels} features first: tokens"
    (n,), c = x.spatial, x.channels
    read = f"for {n} steps of {c} features: tokens before it"
    return f"{read}; for {c} steps of {n} features: channels_last: true on the input"


class ClassToken(OfTokens, name="class_token", positional=("count",)):
    """Prepends `count` learned tokens to the sequence; a classifier usually reads the first one.

    x: C at T tokens -> y: C at T + count tokens

    Sources: Devlin et al. 2018, arXiv:1810.04805, section 3; Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1.
    """

    role = Role.MOVEMENT

    count: Dim = 1

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, count=self.count)

    def windows(self, x: Volume) -> tuple[Window, ...]:
        return (Window(begin=self.count),)

    def shape(self, x: Volume) -> Volume:
        return x.to(spatial=slide(self.windows(x), x.spatial))

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (1, self.count, x.channels))

    def cast(self, x: Volume) -> Cast:
        return Cast.WIDEST

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        one = y.batch == 1  # over more items its gradients are summed
        yield Kernel(
            size=tensor_of(y),
            layout=CONTIGUOUS,
            weights=("weight",),
            gradient=Gradient.slice(one),
            backward=Backward(viewed=("weight",) if one else ()),
            cast=Cast.WIDEST,
        )

    def call(self, x: Volume) -> Call:
        return module("ClassToken", file="class_token", features=x.channels, **self.stated())

    examples = (
        Example(
            x=tokens(196, 768), y=tokens(197, 768), params=768,
            source="ViT-B/16: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1",
        ),
        Example(
            given=dict(count=2), x=tokens(196, 192), y=tokens(198, 192), params=384,
            source="DeiT-Ti, a class and a distillation token: Touvron et al. 2020, arXiv:2012.12877, section 4",
        ),
    )  # fmt: skip


class PositionEmbedding(OfTokens, name="position_embedding", positional=("length",)):
    """Adds a learned vector to each token, chosen by its position.

    x: C at T tokens -> y: the same. `length` is the number of vectors and the maximum number of tokens; the first T
    vectors are used. Without `length` there are T vectors, so the weights depend on the size of the input.

    Sources: Gehring et al. 2017, arXiv:1705.03122, section 3.1; Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1;
    `length`: Devlin et al. 2018, arXiv:1810.04805, appendix A.2 (512).
    """

    role = Role.MERGE

    length: Dim | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from long_enough(self.name, self.length, x)

    def shape(self, x: Volume) -> Volume:
        return x

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (1, self.vectors(x), x.channels))

    def vectors(self, x: Volume) -> Dim:
        return x.spatial[0] if self.length is None else self.length

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=y.numel)

    def cast(self, x: Volume) -> Cast:
        return Cast.WIDEST

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """The gradient of a part of the table is put into zeros of the size of all of it."""
        if self.vectors(x) == x.spatial[0]:
            backward = Backward(whole=("weight",)) if y.batch == 1 else Backward(broadcast=("weight",))
            yield replace(sum_of(tensor_of(y), "x", bias=("weight",), layout=PRESERVED), backward=backward)
            return
        rows = Tensor(prod(x.item_shape), run.dtype)
        yield Kernel(reads=(), makes="rows", size=rows, layout=VIEW, weights=("weight",))
        backward = Backward(broadcast=() if y.batch == 1 else ("rows",))
        size = tensor_of(y)
        yield Kernel(reads=("x", "rows"), size=size, layout=PRESERVED, gradient=Gradient.SAME, backward=backward)

    def call(self, x: Volume) -> Call:
        name, file = ("PositionEmbedding", "position_embedding")
        if self.length is not None:
            name, file = ("PositionTable", "position_table")
        return module(name, file=file, length=self.vectors(x), features=x.channels)

    examples = (
        Example(
            x=tokens(197, 768), y=tokens(197, 768), params=151_296, scalar=151_296,
            source="ViT-B/16: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1",
        ),
        Example(given=dict(length=4), x=tokens(4, 3), y=tokens(4, 3), params=12, scalar=12),
        Example(
            given=dict(length=512), x=tokens(128, 768), y=tokens(128, 768), params=393_216, scalar=98_304,
            source="BERT base, most of its training: Devlin et al. 2018, arXiv:1810.04805, appendix A.2",
        ),
    )  # fmt: skip


def long_enough(name: str, length: Dim | None, x: Volume) -> Iterator[Requirement]:
    """A table of `length` rows has a row for each token."""
    if length is not None:
        yield from at_least(1, length=length)
        yield x.spatial[0] <= length, f"{name} has length={length}, but the sequence has {x.spatial[0]} tokens"


class SinusoidalPositions(OfTokens, name="sinusoidal_positions", positional=("length",)):
    """Adds sines and cosines of each token's position; the table is a buffer, nothing is learned.

    x: C at T tokens -> y: the same. Feature 2i gets sin(t / 10000^(2i / C)), feature 2i + 1 the cosine. The table has
    `length` rows, the maximum number of tokens; by default T. Computing the table is not counted.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """

    role = Role.MERGE

    length: Dim | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from long_enough(self.name, self.length, x)
        yield (
            divides(2, x.channels),
            f"sinusoidal_positions needs an even number of features (a sine and a cosine per pair), got {x.channels}",
        )

    def shape(self, x: Volume) -> Volume:
        return x

    def rows(self, x: Volume) -> Dim:
        return x.spatial[0] if self.length is None else self.length

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("table", (self.rows(x), x.channels), buffer=True)

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(add=y.numel)

    def cast(self, x: Volume) -> Cast:
        return Cast.FULL  # like the table

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield sum_of(tensor_of(y), "x", layout=PRESERVED)

    def call(self, x: Volume) -> Call:
        return module("SinusoidalPositions", file="sinusoidal_positions", length=self.rows(x), features=x.channels)

    examples = (
        Example(
            x=tokens(25, 512), y=tokens(25, 512), scalar=12_800,
            source="the base model: Vaswani et al. 2017, arXiv:1706.03762, section 3.5",
        ),
        Example(given=dict(length=9), x=tokens(4, 6), y=tokens(4, 6), scalar=24),
    )  # fmt: skip


class Select(OfTokens, name="select", positional=("index",)):
    """Selects one token of a sequence by its index; 0 is the first, -1 the last.

    x: C at T tokens -> y: C

    Source: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 4 (the class token, after the last block).
    """

    role = Role.MOVEMENT

    index: Dim = 0

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        n = x.spatial[0]
        at = counted(self.index, n)
        yield at >= 0, f"index={self.index} lies before the {n} tokens of the sequence"
        yield at < n, f"index={self.index} is out of range: a sequence of {n} tokens has indices 0 to {n - 1}"

    def windows(self, x: Volume) -> tuple[Window, ...]:
        at = counted(self.index, x.spatial[0])
        return (Window(begin=-at, end=at + 1 - x.spatial[0]),)

    def shape(self, x: Volume) -> Volume:
        return Volume(x.channels, (), x.batch, dtype=x.dtype)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield slice_of("x", "y", tensor_of(y), cut=cut_of(x, 1, 1, gone=True))

    def call(self, x: Volume) -> Call:
        return expression(f"{{0}}[:, {self.index}]")

    examples = (
        Example(
            x=tokens(197, 768), y=flat(768),
            source="ViT-B/16, the class token: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 4",
        ),
        Example(
            given=dict(index=1), x=tokens(198, 192), y=flat(192),
            source="DeiT-Ti, the distillation token: Touvron et al. 2020, arXiv:2012.12877, section 4",
        ),
        Example(given=dict(index=-1), x=tokens(7, 5), y=flat(5), source="torch.select"),
    )  # fmt: skip
