"""Rearranging axes in einops' notation: splitting, reordering and merging them. No arithmetic."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Literal

from archcalc.core.arrangement import Arrangement, groups_of
from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, same
from archcalc.core.kernel import CONTIGUOUS, Gradient, Kernel, Layout, Order, Run, tensor_of
from archcalc.core.operations import contiguous, view
from archcalc.core.volume import Volume, apart, flat, grid, image, tokens
from archcalc.core.window import AnyWindow
from archcalc.layer import AxisSizes, Call, Example, Layer, PatternOfAxes, Requirement, Role, expression

FAMILY = "Reshaping, padding and cropping"

UNREADABLE = 'a pattern has words, and words in parentheses, on both sides of one arrow: "b (h p) c -> b h (p c)"'


class Arranged(Layer):
    """Abstract: the same values with other axes. What comes out is contiguous: a view where no element moves."""

    role = Role.MOVEMENT

    @abstractmethod
    def arrangement(self, x: Volume) -> Arrangement: ...

    @abstractmethod
    def is_last(self, x: Volume) -> bool:
        """Whether the features of the output come last."""

    def loses_meaning(self, x: Volume) -> bool:
        """Whether no axis of the output is known to be that of the features."""
        return False

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        """Spatial axes of the input against those of the output; features of both are no axes here."""
        plan, y = self.arrangement(x), self.shape(x)
        return plan.windows(plan.sizes(x.shape), x.channels_last, y.channels_last)

    def shape(self, x: Volume) -> Volume:
        batch, *axes = self.arrangement(x).shape(x.shape)
        last = len(axes) > 1 and self.is_last(x)
        features, spatial = apart(axes, last)
        plain = len(axes) > 1 and self.loses_meaning(x)
        return Volume(features, spatial, batch, channels_last=last, dtype=x.dtype, plain=plain)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """The gradient of what moved comes back strided, and is copied where parts of an axis were moved apart: from
        there on backward sees it with other axes."""
        plan = self.arrangement(x)
        if plan.taken == plan.made and all(len(group) == 1 for group in plan.right):
            splits = any(len(group) != 1 for group in plan.left)
            yield view() if splits else Kernel(layout=Layout(view=True, same=True))
            return
        if not plan.moves(x.shape):
            yield contiguous()
            return
        parted = plan.parted(x.shape)
        seen = parted is not None and any(len(group) != 1 for group in plan.left[parted + 1 :])
        copied = Gradient.NEW_VIEW if seen else Gradient.NEW
        yield Kernel(
            makes="arranged",
            layout=Layout(view=True, reads_contiguous=True, order=Order.PERMUTED),
            gradient=Gradient.STRIDED_SLICE if parted is None else copied,
        )
        merges = any(len(group) != 1 for group in plan.right)
        makes = "copy" if merges else "y"
        yield Kernel(reads=("arranged",), makes=makes, size=tensor_of(y), layout=CONTIGUOUS, gradient=Gradient.SAME)
        if merges:
            yield view("copy")

    def call(self, x: Volume) -> Call:
        return expression("{0}" + "".join(steps(self.arrangement(x))))


def steps(plan: Arrangement) -> Iterator[str]:
    """The methods that split, reorder and merge; sizes that are not given are inferred as it runs."""
    moves = plan.taken != plan.made
    merged = [(at, len(group)) for at, group in enumerate(plan.right) if len(group) != 1]
    if moves or merged:
        yield ".contiguous()"
    for axis, group in reversed(list(enumerate(plan.left))):
        if not group:
            yield f".squeeze({axis})"
        elif len(group) > 1:
            yield f".unflatten({axis}, {tuple(plan.given.get(word, -1) for word in group)})"
    if moves:
        yield f".permute{tuple(plan.taken.index(word) for word in plan.made)}.contiguous()"
    for at, count in merged:
        yield f".flatten({at}, {at + count - 1})" if count else f".unsqueeze({at})"


class Rearrange(Arranged, name="rearrange", positional=("pattern", "features")):
    """Splits, reorders and merges axes by a pattern: `rearrange("b (h p) (w q) c -> b h w (p q c)", p=2, q=2)`.

    x: any volume -> y: the same values with the axes of the right side

    Words are axes in torch's order, the batch first. Words in parentheses are one axis, the last word running fastest;
    all but one of the words of an axis that is split need a size. 1 is an axis of length 1. `features` says which axis
    of the output the features are, the first after the batch or the last. By default they follow their words: the axis
    that holds some of them is that of the features, and where both do, they stay on the side where they are in the
    input; where neither does, the output is a plain tensor, whose axes have no meaning. The result is contiguous.

    Sources: Rogozhnikov 2022, "Einops: clear and reliable tensor manipulations with Einstein-like notation", ICLR 2022;
    einops.rearrange.
    """

    takes_plain = True
    pattern: PatternOfAxes
    features: Literal["first", "last"] | None = None
    sizes: AxisSizes = AxisSizes()

    def arrangement(self, x: Volume) -> Arrangement:
        left, _, right = self.pattern.partition("->")
        return Arrangement(groups_of(left) or (), groups_of(right) or (), dict(self.sizes))

    def is_last(self, x: Volume) -> bool:
        if self.features is not None:
            return self.features == "last"
        last = x.channels_last or not x.rank
        at = self.arrangement(x).features_at(last)
        return last if x.plain or x.is_ids or at is None else at == -1

    def loses_meaning(self, x: Volume) -> bool:
        if self.features is not None or x.is_ids:
            return False
        return x.plain or self.arrangement(x).features_at(x.channels_last or not x.rank) is None

    def misread(self, y: Volume) -> str:
        if self.features is not None:
            return ""
        end = "first" if y.channels_last else "last"
        sizes = "".join(f", {word}={size}" for word, size in self.sizes)
        return f'its features follow their words, unless it says more: rearrange("{self.pattern}", {end}{sizes})'

    def requires(self, x: Volume) -> Iterator[Requirement]:
        sides = [groups_of(side) for side in self.pattern.split("->")]
        yield len(sides) == 2 and all(sides), UNREADABLE
        plan = self.arrangement(x)
        yield from plan.well_formed()
        count = len(plan.left)
        yield count == len(x.shape), f"the pattern has {count} axes with the batch; {x} has {len(x.shape)} with it"
        yield from plan.fits(x.shape)

    examples = (
        Example(
            given=dict(
                pattern=PatternOfAxes("b (h p) (w q) c -> b h w (p q c)"), sizes=AxisSizes((("p", 2), ("q", 2)))
            ),
            x=grid(14, 14, 64), y=grid(7, 7, 256),
            source="einops.rearrange, space to depth: Rogozhnikov 2022",
        ),
        Example(
            given=dict(
                pattern=PatternOfAxes("b c (h p) (w q) -> b (h w) (p q c)"), features="last",
                sizes=AxisSizes((("p", 8), ("q", 8))),
            ),
            x=image(3, 32, 24), y=tokens(12, 192),
            source="flattened patches: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1",
        ),
        Example(
            given=dict(
                pattern=PatternOfAxes("b (h w p q) c -> b c (h p) (w q)"), features="first",
                sizes=AxisSizes((("h", 2), ("p", 2), ("q", 2))),
            ),
            x=tokens(24, 4), y=image(4, 4, 6),
        ),
        Example(given=dict(pattern=PatternOfAxes("b c (g h) -> b g (h c)"), features="last",
                           sizes=AxisSizes((("h", 3),))), x=image(5, 12), y=tokens(4, 15)),
        Example(given=dict(pattern=PatternOfAxes("b c h w -> b c (h w)")), x=image(4, 3, 5), y=image(4, 15)),
        Example(given=dict(pattern=PatternOfAxes("b (h d) -> b h d"), sizes=AxisSizes((("h", 3),))),
                x=flat(12), y=tokens(3, 4)),
        Example(given=dict(pattern=PatternOfAxes("b t c -> b t 1 c")), x=tokens(4, 6), y=grid(4, 1, 6)),
        Example(given=dict(pattern=PatternOfAxes("b c 1 w -> b w c"), features="last"), x=image(4, 1, 6),
                y=tokens(6, 4)),
        Example(given=dict(pattern=PatternOfAxes("b c -> b 1 c")), x=flat(6), y=tokens(1, 6)),
    )  # fmt: skip


class Transpose(Arranged, name="transpose"):
    """Exchanges the tokens and the features of a sequence: what follows works along the tokens.

    x: C at T tokens -> y: T at C tokens; features come last. The result is contiguous.

    Sources: the token-mixing MLP: Tolstikhin et al. 2021, arXiv:2105.01601, equation 1; torch.transpose.
    """

    ranks = (1,)

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank == 1, f"transpose needs a sequence, got {x}"
        yield x.channels_last, f"transpose needs features last, got {x}: put tokens before it, which is the transpose"

    def arrangement(self, x: Volume) -> Arrangement:
        return Arrangement((("b",), ("t",), ("c",)), (("b",), ("c",), ("t",)), {})

    def is_last(self, x: Volume) -> bool:
        return True

    examples = (
        Example(
            x=tokens(196, 512), y=tokens(512, 196),
            source="Mixer-S/16, around the mixing of tokens: Tolstikhin et al. 2021, arXiv:2105.01601, table 1",
        ),
        Example(x=tokens(5, 3), y=tokens(3, 5)),
    )  # fmt: skip


class Untokens(Arranged, name="untokens", positional=("height", "width")):
    """Arranges the tokens of a sequence as a map, channels first: the reverse of `tokens`.

    x: C at T tokens -> y: C at [height, width], height times width the T tokens; the last axis runs fastest. The result
    is contiguous.

    Sources: maps from tokens: Wang et al. 2021, arXiv:2102.12122, section 3.2; torch.unflatten.
    """

    ranks = (1,)

    height: Dim
    width: Dim

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.rank == 1 and x.channels_last, f"untokens needs tokens, a sequence whose features come last; got {x}"
        yield from at_least(1, height=self.height, width=self.width)
        whole = f"{x.spatial[0]} tokens are no map of {self.height} x {self.width}"
        yield same(self.height * self.width, x.spatial[0]), whole

    def arrangement(self, x: Volume) -> Arrangement:
        sizes = {"h": self.height, "w": self.width}
        return Arrangement((("b",), ("h", "w"), ("c",)), (("b",), ("c",), ("h",), ("w",)), sizes)

    def is_last(self, x: Volume) -> bool:
        return False

    examples = (
        Example(
            given=dict(height=14, width=12), x=tokens(168, 64), y=image(64, 14, 12),
            source="PVT, from tokens back to a map: Wang et al. 2021, arXiv:2102.12122, section 3.2",
        ),
    )  # fmt: skip
