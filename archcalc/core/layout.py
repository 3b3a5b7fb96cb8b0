"""Layouts: whether features come before or after positions, and how to recognise an image written the other way round.

Specs write channels first, as torch does. numpy, PIL and Keras write an image as height, width, channels; taken as
channels first, it is an image of `height` channels that is 3 columns wide.
"""

from typing import TypeAlias

from archcalc.core.dim import Condition, is_number
from archcalc.core.volume import Volume
from archcalc.record import replace

Requirement: TypeAlias = tuple[Condition, str]

COLOURS = (1, 3, 4)
"""The channels of pictures: grey; red, green, blue; and transparency."""

SMALLEST_SIDE = 8
"""The shortest side of a picture. Maps deep inside a network can be smaller, and their channels come first."""


def channels_before(name: str, x: Volume) -> Requirement:
    """A layer needs channels before positions."""
    return not x.channels_last, f"{name} needs channels before positions, got {x}: put channels_first before it"


def is_written_last(x: Volume) -> bool:
    """Whether a volume looks like an image whose channels were written last, but are taken as its last axis.

    >>> is_written_last(Volume(224, (224, 3))), is_written_last(Volume(3, (224, 224))), is_written_last(Volume(8, (3,)))
    (True, False, False)
    """
    *sides, last = x.item_shape
    sized = not x.channels_last and x.rank >= 2 and is_number(*x.item_shape)
    return sized and last in COLOURS and all(n >= SMALLEST_SIDE for n in sides)


def written_first(x: Volume) -> Volume:
    """The image that was meant, channels first.

    >>> str(written_first(Volume(224, (224, 3))))
    '[3, 224, 224]'
    """
    *sides, last = x.item_shape
    return replace(x, channels=last, spatial=tuple(sides))


def layout_help(x: Volume) -> str:
    """What to write instead of an input whose channels were written last.

    >>> layout_help(Volume(28, (28, 1)))
    'write the channels first: input(1,28,28); or declare channels_last: true and put channels_first after the input'
    """
    first = ",".join(map(str, written_first(x).item_shape))
    keep = "declare channels_last: true and put channels_first after the input"
    return f"write the channels first: input({first}); or {keep}"
