"""The styles of pictures: what `archcalc draw --style` names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archcalc.core.render import printable
from archcalc.pages.layered import layered
from archcalc.pages.outline import Item, outline
from archcalc.pages.picture import Picture
from archcalc.pages.volumes import volumes

STYLES: Mapping[str, Callable[[str, Sequence[Item]], Picture]] = {"volumes": volumes, "graph": layered}


def picture(document: Mapping[str, Any], style: str, depth: int) -> Picture:
    """The picture of a network in a style, folded to a depth."""
    return STYLES[style](printable(document["name"] or "Network"), outline(document, depth))
