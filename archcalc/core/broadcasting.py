"""Broadcasting: volumes that meet element by element, where the smaller ones are repeated along axes that they lack."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.core.condition import Requirement
from archcalc.core.dim import Dim, same
from archcalc.core.volume import Volume, apart, widest
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.record import replace

if TYPE_CHECKING:
    from archcalc.core import arrangement, moved
else:
    arrangement = Late("archcalc.core.arrangement")
    moved = Late("archcalc.core.moved")


def longer(lengths: Sequence[Dim]) -> Dim:
    """The length of an axis that several volumes share: that of those that are not repeated along it.

    >>> longer([1, 7, 7]), longer([1, 1])
    (7, 1)
    """
    return next((n for n in lengths if n != 1), lengths[0])


def in_one_order(xs: Sequence[Volume]) -> list[Volume]:
    """Volumes of which those that all samples share, and plain tensors, have their axes in the order of the others, and
    as many: learned values and constants are axes of numbers, whose meaning is that of what they meet.

    >>> from archcalc.core.volume import image, tokens
    >>> [each.channels_last for each in in_one_order([image(4, 5), replace(tokens(4, 1), shared=True)])]
    [False, False]
    """
    whole = largest(xs)
    return [in_order(x, whole.channels_last, whole.rank) if is_loose(x, whole) else x for x in xs]


def largest(xs: Sequence[Volume]) -> Volume:
    """The volume with most axes, and of these one whose axes have a meaning."""
    return max(xs, key=lambda x: (x.rank, not x.plain, not x.shared))


def is_loose(x: Volume, whole: Volume) -> bool:
    """Whether the axes of a volume take their meaning from another one. Features alone are features."""
    return (x.plain or (x.shared and x.rank > 0)) and (x.rank, x.channels_last) != (whole.rank, whole.channels_last)


def in_order(x: Volume, channels_last: bool, rank: int) -> Volume:
    """The same axes after new ones of length 1, as torch aligns them; the last or the first are the features."""
    axes = (*(1,) * (rank - x.rank), *x.item_shape)
    features, spatial = apart(axes, channels_last)
    return replace(x, channels=features, spatial=spatial, channels_last=channels_last)


def together(xs: Sequence[Volume]) -> Volume:
    """The volume that all are broadcast to: if values that all samples share meet others, one for each sample.

    >>> from archcalc.core.volume import flat, image
    >>> str(together([flat(8), image(1, 5, 5)])), str(together([image(8, 5, 1), image(8, 1, 5)]))
    ('[8, 5, 5]', '[8, 5, 5]')
    """
    xs = in_one_order(different(xs))
    apart = next((x for x in xs if not x.shared), xs[0])
    whole = largest(xs)
    places = [x for x in xs if x.rank == whole.rank]
    spatial = tuple(longer(lengths) for lengths in zip(*(x.spatial for x in places), strict=True))
    channels, dtype = longer([x.channels for x in xs]), widest(*(x.dtype for x in xs))
    return replace(whole, channels=channels, spatial=spatial, dtype=dtype, batch=apart.batch, shared=apart.shared)


def different(xs: Sequence[Volume]) -> list[Volume]:
    """Volumes without those that stand there already: wide joins read many outputs of one kind."""
    return list({id(x): x for x in xs}.values())


def can_meet(xs: Sequence[Volume], message: str) -> Iterator[Requirement]:
    """All volumes can be broadcast to one: each of its axes has the same length, has length 1, or is missing."""
    whole = together(xs)
    for x in in_one_order(xs):
        yield x.dtype == whole.dtype, message
        yield x.shared or same(x.batch, whole.batch), message
        yield x.channels == 1 or same(x.channels, whole.channels), message
        if x.rank:
            yield (x.rank, x.channels_last) == (whole.rank, whole.channels_last), message
            yield from ((n == 1 or same(n, m), message) for n, m in zip(x.spatial, whole.spatial, strict=True))


def windows_onto(whole: Volume, x: Volume) -> tuple[AnyWindow, ...]:
    """The window on each axis of a volume that is broadcast to another."""
    if not x.rank:
        return (IDENTITY,) * whole.rank
    if x.rank != whole.rank:
        return (arrangement.MixedWindow(whole.spatial[0]),) * x.rank
    pairs = zip(x.spatial, whole.spatial, strict=True)
    return tuple(moved.OneElementWindow(m) if n == 1 != m else IDENTITY for n, m in pairs)


def spread(x: Volume, whole: Volume) -> str:
    """The index expression that adds the axes that a volume lacks."""
    if x.rank == whole.rank:
        return ""
    if is_loose(x, whole):
        return f"[:, {', '.join(['None'] * (whole.rank - x.rank))}]"
    if whole.channels_last:
        return f"[:, {'None, ' * whole.rank}:]"
    return f"[:, :{', None' * whole.rank}]"


def repeated(y: Volume, *xs: Volume) -> tuple[str, ...]:
    """The inputs that are broadcast, by the names that kernels have for them."""
    return tuple(f"x{i}" for i, x in enumerate(xs) if x.numel != y.numel)
