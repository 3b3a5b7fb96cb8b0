"""Volumes side by side: along an axis that they have, or along a new one."""

from collections.abc import Iterator
from itertools import accumulate

from archcalc.core.arrangement import MixedWindow
from archcalc.core.axes import (
    CHANNELS,
    Axis,
    elements_before,
    has_axis,
    place_of,
    resized,
    spatial_index,
    windows_along,
)
from archcalc.core.condition import Requirement
from archcalc.core.dim import Dim, same
from archcalc.core.kernel import Cast, Gradient, Kernel, Run, inputs_named, tensor_of
from archcalc.core.moved import PieceWindow
from archcalc.core.volume import Volume, flat, grid, image, tokens
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.layer import Call, Example, Merge, Role, expression, inputs_list
from archcalc.layers.merge import equal_but, listed, same_positions
from archcalc.record import replace

FAMILY = "Merges and products"


class SideBySide(Merge):
    """Abstract: all values of all volumes, in one volume; a gradient is a part of the one that came in."""

    role = Role.MOVEMENT
    takes_plain = True

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        place = self.place(*xs)
        gradient = Gradient.slice(elements_before(y, place) == 1, place)
        yield Kernel(reads=inputs_named(len(xs)), size=tensor_of(y), gradient=gradient, cast=Cast.WIDEST)

    def place(self, *xs: Volume) -> int:
        """The number of the axis in the output, the batch being 0."""
        raise NotImplementedError


class Concat(SideBySide, name="concat", aliases=("concatenate", "cat")):
    """Concatenates volumes along an axis: the channels, as at the end of an inception module, or another.

    x: volumes that differ along the axis at most -> y: along the axis, the sum of their lengths

    `axis` is written beside the list: `{concat: [prev, prefix], axis: length}`.

    Sources: Szegedy et al. 2014, arXiv:1409.4842, figure 2; tokens of two streams: Esser et al. 2024, arXiv:2403.03206.
    """

    axis: Axis = CHANNELS

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        if self.axis != CHANNELS or xs[0].plain:
            yield has_axis(self.name, self.axis, xs[0])
        if self.axis == CHANNELS:
            yield from equal_but(xs, f"concat needs equal sizes except for channels, got {listed(xs)}", channels=False)
            return
        place, first = self.place(*xs), xs[0]
        message = f"concat needs equal sizes except for axis={self.axis}, got {listed(xs)}"
        for x in xs[1:]:
            yield (x.rank, x.channels_last, x.dtype) == (first.rank, first.channels_last, first.dtype), message
            pairs = zip(x.shape, first.shape, strict=True)
            yield from ((same(n, m), message) for at, (n, m) in enumerate(pairs) if at != place)

    def remedy(self, *xs: Volume) -> str:
        return same_positions(xs) if self.axis == CHANNELS else ""

    def place(self, *xs: Volume) -> int:
        return place_of(self.axis, xs[0])

    def lengths(self, *xs: Volume) -> list[Dim]:
        place = self.place(*xs)
        return [x.item_shape[place - 1] for x in xs]

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        lengths = self.lengths(*xs)
        return windows_along(xs[0], self.place(*xs), PieceWindow(sum(lengths), 0, lengths[0]))

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        lengths, place = self.lengths(*xs), self.place(*xs)
        if spatial_index(place, xs[0]) is None:
            return tuple((IDENTITY,) * x.rank for x in xs)
        whole, starts = sum(lengths), accumulate(lengths, initial=0)
        pieces = (PieceWindow(whole, start, n) for start, n in zip(starts, lengths, strict=False))
        return tuple(windows_along(x, place, piece) for x, piece in zip(xs, pieces, strict=True))

    def shape(self, *xs: Volume) -> Volume:
        known = next((x for x in xs if not x.plain), xs[0])
        return resized(known, self.place(*xs), sum(self.lengths(*xs)))

    def call(self, *xs: Volume) -> Call:
        place = self.place(*xs)
        last = self.axis == CHANNELS and xs[0].channels_last
        return expression(f"torch.cat([{inputs_list(len(xs))}], dim={-1 if last else place})")

    examples = (
        Example(
            x=(image(64, 28, 28), image(128, 28, 28), image(32, 28, 28), image(32, 28, 28)), y=image(256, 28, 28),
            source="GoogLeNet inception (3a): Szegedy et al. 2014, arXiv:1409.4842, table 1",
        ),
        Example(x=(flat(3), flat(4)), y=flat(7)),
        Example(
            given=dict(axis=Axis("length")), x=(tokens(154, 64), tokens(100, 64)), y=tokens(254, 64),
            source="tokens of a text beside those of an image: Esser et al. 2024, arXiv:2403.03206",
        ),
        Example(given=dict(axis=Axis("2")), x=(image(3, 2, 4), image(3, 5, 4), image(3, 1, 4)), y=image(3, 8, 4)),
        Example(given=dict(axis=Axis("width")), x=(grid(3, 2, 4), grid(3, 3, 4)), y=grid(3, 5, 4)),
    )  # fmt: skip


class Stack(SideBySide, name="stack"):
    """Stacks volumes of the same shape along a new axis.

    x: N volumes -> y: the same axes and one of N elements. Without `axis` it is the first axis of positions: vectors of
    C features become N tokens. `axis` is its number as in torch, the batch being 0.

    Source: the embedded features of an example, side by side: Naumov et al. 2019, arXiv:1906.00091, section 2.2;
    torch.stack.
    """

    axis: Dim | None = None

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield from equal_but(xs, f"stack needs equal shapes, got {listed(xs)}", channels=True)
        x = xs[0]
        first, last = (1, x.rank + 1) if x.channels_last else (1, 2) if not x.rank else (2, x.rank + 2)
        yield first <= self.place(*xs) <= last, f"stack has axis={self.axis}; a new axis of {x} is {first} to {last}"

    def place(self, *xs: Volume) -> int:
        x = xs[0]
        return self.axis if self.axis is not None else 1 if x.channels_last or not x.rank else 2

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (MixedWindow(self.shape(*xs).spatial[0]),) * xs[0].rank

    def shape(self, *xs: Volume) -> Volume:
        x, place = xs[0], self.place(*xs)
        last = place == 1 or x.channels_last
        at = place - 1 if last else place - 2
        spatial = (*x.spatial[:at], len(xs), *x.spatial[at:])
        return replace(x, spatial=spatial, channels_last=last)

    def call(self, *xs: Volume) -> Call:
        return expression(f"torch.stack([{inputs_list(len(xs))}], dim={self.place(*xs)})")

    examples = (
        Example(
            x=(flat(16), flat(16), flat(16)), y=tokens(3, 16),
            source="3 embedded features, before their dot products: Naumov et al. 2019, arXiv:1906.00091, section 2.2",
        ),
        Example(given=dict(axis=2), x=(flat(6), flat(6)), y=image(6, 2)),
        Example(x=(tokens(4, 6), tokens(4, 6)), y=grid(2, 4, 6)),
        Example(x=(image(3, 4, 5), image(3, 4, 5)), y=image(3, 2, 4, 5)),
        Example(given=dict(axis=3), x=(image(3, 4), image(3, 4)), y=image(3, 4, 2)),
    )  # fmt: skip
