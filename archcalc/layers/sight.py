"""What each token attends to: all tokens, earlier ones, those of a window, global ones; and what is added to scores."""

from collections.abc import Iterator
from typing import ClassVar

from archcalc.core.condition import at_least
from archcalc.core.contraction import Factor
from archcalc.core.dim import Dim, is_number, minimum, same
from archcalc.core.kernel import Kernel, Tensor, inputs_named, tensor
from archcalc.core.moved import GlobalWindow
from archcalc.core.volume import Volume
from archcalc.core.window import IDENTITY, AnyWindow, EarlierWindow, WholeWindow, Window
from archcalc.layer import Layer, Reference, Requirement

FAMILY = "Attention"

MASKED = "torch's attention takes other kernels in training than in inference where what it adds to scores is learned"
"""Why memory is not predicted where scores come from another layer."""


class WithMask(Layer):
    """Abstract: attention that adds the numbers of another layer, `mask`, to its scores.

    The mask is the last of the inputs. It has a number for each pair of tokens, or for each token that is attended to;
    for all heads, or for each.
    """

    reads: ClassVar[tuple[str, ...]] = ("mask",)

    num_heads: Dim
    mask: Reference | None = None

    def needs_scores(self, masks: tuple[Volume, ...], queries: Dim, keys: Dim) -> Iterator[Requirement]:
        """The requirements on the mask, if there is one."""
        for mask in masks:
            text = (
                f"mask must have {queries} x {keys} numbers, one for each pair, or 1 x {keys}, one for each token that "
                f"is attended to, for all heads or for each: got {mask}"
            )
            yield mask.rank == 2 and not mask.channels_last and mask.channels in (1, self.num_heads), text
            rows, columns = mask.spatial
            yield is_one(rows) or same(rows, queries), text
            yield same(columns, keys), text

    def windows_of_masks(
        self, masks: tuple[Volume, ...], queries: Dim, keys: AnyWindow | None = None
    ) -> Iterator[tuple[AnyWindow, ...]]:
        """The windows on the mask, if there is one, a further input. `keys`: that along keys, unless it is whole."""
        whole = WholeWindow(queries)
        for mask in masks:
            yield (whole if is_one(mask.spatial[0]) else IDENTITY, keys or whole)

    def first(self, *xs: Volume) -> str:
        """What the first input is called among all."""
        return inputs_named(len(xs))[0]

    def added(self, place: int) -> Factor:
        """The mask, if there is one, as a factor of what is computed from scores; `place`: its number among inputs."""
        return () if self.mask is None else (f"x{place}",)


class WithSight(WithMask):
    """Abstract: attention in which a token attends to all others, or with `causal` to itself and earlier ones.

    `window`: to so many of them, itself included, or without `causal` to so many around it. `dilation`: these are so
    far apart. `global_tokens`: the first tokens, so many, see all others and are seen by all, whatever the window.
    """

    causal: bool = False
    window: Dim | None = None
    dilation: Dim = 1
    global_tokens: Dim = 0

    def seeing(self, n: Dim) -> Iterator[Requirement]:
        """The requirements, for n tokens."""
        yield from at_least(1, window=1 if self.window is None else self.window, dilation=self.dilation)
        yield from at_least(0, global_tokens=self.global_tokens)
        if self.window is None:
            yield self.dilation == 1, "dilation is that of a window: it needs window"
            yield self.global_tokens == 0, "global_tokens are those that a window does not limit: they need window"
            return
        text = f"window={self.window} lies around each token, unless causal=true: it must be odd"
        yield self.causal or same(self.window % 2, 1), text
        yield self.global_tokens <= n, f"global_tokens={self.global_tokens} is more than the {n} tokens"

    @property
    def limited(self) -> bool:
        """Whether there are tokens that a token does not attend to."""
        return self.causal or self.window is not None

    def sight(self, n: Dim) -> AnyWindow:
        """What each of n tokens attends to."""
        if self.window is None:
            return EarlierWindow() if self.causal else WholeWindow(n)
        begin, end = (self.window - 1, 0) if self.causal else (self.around, self.around)
        near = Window(kernel=self.window, begin=begin * self.dilation, end=end * self.dilation, dilation=self.dilation)
        return near if self.global_tokens == 0 else GlobalWindow(n, self.global_tokens, near, self.causal)

    @property
    def around(self) -> Dim:
        """How many tokens of a window lie on each side of a token."""
        return 0 if self.window is None else (self.window - 1) // 2

    def masked(self, n: Dim, width: Dim) -> Dim:
        """`width` times the pairs of n tokens that do not attend to each other."""
        rest = n - self.global_tokens
        if not self.causal:
            return 0 if self.window is None else width * beside(rest, self.around, self.dilation)
        window = rest if self.window is None else self.window
        return (
            later(n, width, self.dilation, window)
            if self.global_tokens == 0
            else (later(n, width) - later(rest, width) + later(rest, width, self.dilation, window))
        )

    def cached_tokens(self, x: Volume, /) -> Dim:
        """Those that the window covers, and global ones."""
        n = x.spatial[0]
        if self.window is None:
            return n
        return minimum(n, self.dilation * (self.window - 1) + 1 + self.global_tokens)

    def sighted(self, n: Dim) -> Iterator[Kernel]:
        """A boolean for each pair of tokens, `mask`; further ones are made and combined with it in place."""
        if self.window is None:
            return
        size = tensor(n, n, dtype="bool")
        yield Kernel(reads=(), makes="earlier", size=size, also={"ones": size})
        yield Kernel(reads=("earlier",), makes="mask", size=size)
        if self.dilation != 1:
            places = Tensor(n, "int64")
            yield Kernel(reads=(), makes="places", size=places, also={"in order": places})
            yield Kernel(reads=("places",), makes="of one row", size=size)


def is_one(n: Dim) -> bool:
    return is_number(n) and n == 1


def later(n: Dim, width: Dim, apart: Dim = 1, window: Dim | None = None) -> Dim:
    """`width` times the pairs of n tokens of which the second is later, or is none of the `window` up to the first.

    >>> later(4, 1), later(4, 1, window=2), later(6, 1, 2, window=2)
    (6, 9, 26)
    """
    reach = n if window is None else minimum((n - 1) // apart + 1, window)
    return width * n * (n - reach) + width * apart * reach * (reach - 1) // 2


def beside(n: Dim, around: Dim, apart: Dim) -> Dim:
    """The pairs of n tokens of which the second is none of those `around` the first on each side, nor itself.

    >>> beside(4, 1, 1), beside(4, 9, 1), beside(6, 1, 2)
    (6, 0, 22)
    """
    away = minimum(around, (n - 1) // apart)
    return n * n - n * (2 * away + 1) + apart * away * (away + 1)
