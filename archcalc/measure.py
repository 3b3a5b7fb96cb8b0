"""The definition of a measure: one quantity per layer, and its total. Each subject has its own file in measures/."""

from collections.abc import Callable
from typing import TypeAlias

from archcalc.core.dim import Dim, summed
from archcalc.graph.graph import Graph, Node
from archcalc.record import record

Quantity: TypeAlias = Callable[[Node], Dim]


@record
class Measure:
    """A quantity that adds up over layers.

    `name` is its key in JSON, in `expect:` and on the command line; `title` is its column heading; `noun` is its name
    in a sentence; `unit` is "byte", or "" for a plain count; `about` says what is counted.
    """

    name: str
    title: str
    of: Quantity
    noun: str
    unit: str = ""
    about: str = ""

    def total(self, graph: Graph) -> Dim:
        """The total over all layers. Raises NoClosedForm if a layer has no closed form in a free symbol."""
        return summed(self.of(node) * node.times * count for node, count in graph.alike)


MEASURES: dict[str, Measure] = {}
"""Every measure by name; filled by the files in measures/."""


def measure(name: str, title: str, noun: str = "", unit: str = "") -> Callable[[Quantity], Quantity]:
    """Registers the decorated function as a measure; its docstring says what is counted."""

    def register(of: Quantity) -> Quantity:
        if name in MEASURES:
            raise TypeError(f"the measure {name!r} is declared twice")
        MEASURES[name] = Measure(name, title, of, noun or title, unit, (of.__doc__ or "").split("\n")[0])
        return of

    return register
