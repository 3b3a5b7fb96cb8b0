"""What a measure is: one quantity of every layer, and its total. Measures live one subject to a file in measures/."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from archcalc.core.dim import Dim, summed
from archcalc.graph.graph import Graph, Node

Quantity: TypeAlias = Callable[[Node], Dim]


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity that adds up over layers.

    `name` is its key in JSON, in `expect:` and on the command line; `title` heads its column; `noun` is what a sentence
    calls it; `unit` is what one of it is ("byte", or "" for a plain count); `about` says what is counted.
    """

    name: str
    title: str
    of: Quantity
    noun: str
    unit: str = ""
    about: str = ""

    def total(self, graph: Graph) -> Dim:
        """Over all layers. Raises NoClosedForm where a layer's has none in a symbol that is free."""
        return summed(self.of(node) * node.times for node in graph)


MEASURES: dict[str, Measure] = {}
"""Every measure by name; filled by the files in measures/."""


def measure(name: str, title: str, noun: str = "", unit: str = "") -> Callable[[Quantity], Quantity]:
    """Declares the decorated function to be a measure; its docstring says what is counted."""

    def register(of: Quantity) -> Quantity:
        if name in MEASURES:
            raise TypeError(f"the measure {name!r} is declared twice")
        MEASURES[name] = Measure(name, title, of, noun or title, unit, (of.__doc__ or "").split("\n")[0])
        return of

    return register
