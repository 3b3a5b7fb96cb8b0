"""The definition of a picture: shapes in points from the top left, which each format writes in its own way."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from archcalc.record import record

Point: TypeAlias = tuple[float, float]

COLORS = {
    "Convolution": "3a7bd0", "Upsampling and resizing": "3a7bd0", "Linear, maxout and RBF layers": "7d5bbe",
    "Attention": "b8487f", "Mixture of experts": "b8487f", "Normalisation": "3f8a7d",
    "Activations and softmax": "b97a10", "Dropout and sampling": "b97a10", "Pooling": "c75f3c",
    "Merges and products": "76808c", "Reshaping, padding and cropping": "76808c",
    "Residual branches and scaling": "76808c", "Embeddings, tokens and positions": "4c9448",
    "Recurrent layers": "a0522d", "Learned values": "4c9448",
}  # fmt: skip
"""The colour of each family of layers, as in pages."""

OTHER = "5d6b82"

CHARACTER = 0.6
"""The mean width of a character, as a part of the size of the font; narrow ones make up for wide ones."""


def color_of(family: str) -> str:
    return COLORS.get(family, OTHER)


@record
class Face:
    """A polygon in a shade of a colour: 1 is the colour itself, 0 is white."""

    points: tuple[Point, ...]
    color: str
    shade: float


@record
class Card:
    """A rectangle with round corners and a bar of a colour on its left."""

    x: float
    y: float
    width: float
    height: float
    color: str


@record
class Arrow:
    """A smooth line through points, with an arrow at its end; between two points, `bends` says how it curves."""

    path: tuple[tuple[str, tuple[float, ...]], ...]
    is_skip: bool = False


@record
class Label:
    """A text: `x` is its left end, its middle or its right end, `y` its base line."""

    x: float
    y: float
    text: str
    size: float = 10
    anchor: str = "middle"
    is_strong: bool = False
    is_muted: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        width = width_of(self.text, self.size)
        left = self.x - {"start": 0, "middle": width / 2, "end": width}[self.anchor]
        return left, self.y - self.size, left + width, self.y + self.size / 4


def width_of(text: str, size: float) -> float:
    return CHARACTER * size * len(text)


def fitted(text: str, size: float, room: float) -> str:
    """As much of a text as fits."""
    count = max(1, int(room / (CHARACTER * size)))
    return text if len(text) <= count else f"{text[: max(1, count - 1)]}\u2026"


Shape: TypeAlias = Face | Card | Arrow | Label


@record
class Picture:
    """Shapes, from the rearmost to the foremost."""

    name: str
    width: float
    height: float
    shapes: tuple[Shape, ...]

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple(each for each in self.shapes if isinstance(each, Label))


Writer: TypeAlias = Callable[[Mapping[str, Any], str, int], str]
"""Writes the JSON of a report in a style, folded to a depth."""


@record
class PictureFormat:
    """A format of pictures: its name, its suffix, and its writer."""

    name: str
    suffix: str
    write: Writer


PICTURES: dict[str, PictureFormat] = {}
"""Every format by name; filled by the files in pictures/."""


def draws(name: str) -> Callable[[Writer], Writer]:
    """Registers the decorated function as the writer of a format; its suffix is its name."""

    def register(write: Writer) -> Writer:
        if name in PICTURES:
            raise TypeError(f"the format {name!r} is declared twice")
        PICTURES[name] = PictureFormat(name, f".{name}", write)
        return write

    return register
