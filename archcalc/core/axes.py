"""Axes of a volume by name or by number, and volumes with an axis that is longer, shorter or gone."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.core.condition import Requirement
from archcalc.core.dim import Dim
from archcalc.core.volume import Volume, apart
from archcalc.core.window import IDENTITY, AnyWindow, WholeWindow
from archcalc.record import replace

if TYPE_CHECKING:
    from archcalc.core import arrangement
else:
    arrangement = Late("archcalc.core.arrangement")

POSITIONS = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""The names of the axes of positions, by rank."""

WORDS = ("channels", "length", "depth", "height", "width")

SIZES = frozenset({"shape", "spatial", *WORDS})
"""What an expression can ask of a layer's output."""


class Axis(str):
    """The value of a field that names an axis: one of `WORDS`, or a number as torch counts, the batch being 0."""


class Axes(tuple[Axis, ...]):
    """The value of a field that names one axis or several."""

    __slots__ = ()


CHANNELS = Axis("channels")


def channels_place(x: Volume) -> int:
    """The number of the axis of the features."""
    return x.rank + 1 if x.channels_last else 1


def place_of(axis: Axis, x: Volume) -> int:
    """The number of an axis in torch, the batch being 0; 0 if the volume has no such axis.

    >>> from archcalc.core.volume import image, tokens
    >>> [place_of(Axis(each), image(3, 8, 9)) for each in ("channels", "width", "-1", "4", "length")]
    [1, 3, 3, 0, 0]
    >>> [place_of(Axis(each), tokens(5, 6)) for each in ("channels", "length")]
    [2, 1]
    """
    count = len(x.item_shape)
    if (x.plain and axis in WORDS) or (x.is_ids and axis == CHANNELS):
        return 0
    if axis == CHANNELS:
        return channels_place(x)
    words = POSITIONS.get(x.rank, ())
    if axis in words:
        return words.index(axis) + (1 if x.channels_last else 2)
    if axis in WORDS:
        return 0
    number = int(axis)
    number = number if number >= 0 else count + 1 + number
    return number if 0 < number <= count else 0


def has_axis(name: str, axis: Axis, x: Volume) -> Requirement:
    """The volume has the axis that a layer names."""
    known = [] if x.plain else [*POSITIONS.get(x.rank, ()), *(() if x.is_ids else (CHANNELS,))]
    numbers = f"1 to {len(x.item_shape)}"
    words = f"{', '.join(known)}, or a number from {numbers}" if known else numbers
    return place_of(axis, x) > 0, f"{name} has axis={axis}; the axes of {x} are {words}"


def spatial_index(place: int, x: Volume) -> int | None:
    """Which axis of positions that is; None for the features."""
    if place == channels_place(x):
        return None
    return place - 1 if x.channels_last else place - 2


def resized(x: Volume, place: int, n: Dim) -> Volume:
    """The volume with another length along an axis."""
    index = spatial_index(place, x)
    if index is None:
        return x.to(channels=n)
    return x.to(spatial=(*x.spatial[:index], n, *x.spatial[index + 1 :]))


def without(x: Volume, places: Collection[int]) -> Volume:
    """The volume without these axes: features stay where they were, first or last; without positions it is flat."""
    left = [n for place, n in enumerate(x.item_shape, 1) if place not in places] or [1]
    last = x.channels_last and len(left) > 1
    features, spatial = apart(left, last)
    return replace(x, channels=features, spatial=spatial, channels_last=last)


def windows_along(x: Volume, place: int, window: AnyWindow) -> tuple[AnyWindow, ...]:
    """A window along one axis; none along that of the features."""
    index = spatial_index(place, x)
    return tuple(window if axis == index else IDENTITY for axis in range(x.rank))


def windows_without(x: Volume, gone: Sequence[int], window: AnyWindow) -> tuple[AnyWindow, ...]:
    """The windows where axes are removed, along which `window` reads.

    An axis of positions that becomes that of the features is read whole. Where several axes of positions stay, of more,
    the field is not followed.
    """
    y = without(x, gone)
    if y.rank > 1 and y.rank != x.rank:
        return (arrangement.MixedWindow(y.spatial[0]),) * x.rank
    features = [place for place in range(1, len(x.item_shape) + 1) if place not in gone]
    taken = (features[-1] if y.channels_last else features[0]) if features else 0
    found: list[AnyWindow] = []
    for place in range(1, len(x.item_shape) + 1):
        if place != channels_place(x):
            whole = WholeWindow(y.spatial[0] if y.rank else 1)
            found.append(window if place in gone else whole if place == taken else IDENTITY)
    return tuple(found)


def elements_before(x: Volume, place: int) -> Dim:
    """How many slices along an axis there are: the samples, times the lengths of the axes before it."""
    count = x.batch
    for n in x.item_shape[: place - 1]:
        count = count * n
    return count
