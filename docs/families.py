"""The families of layers: one page of docs/layers to each. A layer's file says which family it is in: `FAMILY`."""

from collections.abc import Mapping
from dataclasses import dataclass

from archcalc import layers  # noqa: F401  every file in them registers itself
from archcalc.layer import LAYERS, Layer, family_of


@dataclass(frozen=True, slots=True)
class Family:
    """The title of a page, and its layers by name."""

    title: str
    layers: Mapping[str, type[Layer]]

    @property
    def page(self) -> str:
        """The name of the page's file.

        >>> Family("Linear, maxout and RBF layers", {}).page
        'linear'
        """
        return self.title.split()[0].strip(",").lower()


def title_of(layer: type[Layer]) -> str:
    """The family that a layer's file names."""
    title = family_of(layer)
    if not title:
        file = layer.__module__.replace(".", "/")
        raise ValueError(f'{file}.py names no family: write FAMILY = "Convolution" below its imports')
    return title


def families() -> dict[str, Family]:
    """Every family by its title, in alphabetical order, its layers too."""
    found: dict[str, dict[str, type[Layer]]] = {}
    for name, layer in sorted(LAYERS.items(), key=lambda item: (title_of(item[1]), item[0])):
        found.setdefault(title_of(layer), {})[name] = layer
    return {title: Family(title, inside) for title, inside in found.items()}


FAMILIES = families()
