"""The definition of a derivation: the steps that compute one quantity of a layer, as a teacher would write them.

Each subject has its own file in derivations/. A derivation reads what the layer states, and never checks its type.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

from archcalc.core.dim import Dim
from archcalc.core.field import Field
from archcalc.explanation.tracing import Derived, Trace
from archcalc.graph.graph import Graph, Input, Node
from archcalc.measures.receptive_field import Fields, Seen, of_input, spatial_inputs
from archcalc.record import field, record

Result: TypeAlias = Dim | Fraction | float


@record(kw_only=True)
class Step:
    """`name = formula = numbers = result unit`; each part may be missing. `symbols`: the meaning of the letters.

    `note`: a remark in words; `source`: the source of the formula.
    """

    name: str = ""
    formula: str = ""
    numbers: str = ""
    result: Result | None = None
    unit: str = ""
    note: str = ""
    source: str = ""
    symbols: Mapping[str, int] = field(default_factory=dict)


@record
class Table:
    """Rows under headings; without headings, a matrix in blocks of this many rows and columns. `spare`: the headings
    of columns that are hidden, one after the other, while the table is too wide."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    blocks: tuple[int, int] = (1, 1)
    spare: tuple[str, ...] = ()

    @property
    def without_spare(self) -> "Table":
        first, *rest = self.spare
        at = self.columns.index(first)
        columns, *rows = (row[:at] + row[at + 1 :] for row in (self.columns, *self.rows))
        return Table(columns, tuple(rows), spare=tuple(rest))


Part: TypeAlias = Step | Table


@record
class Section:
    """One subject of a layer."""

    title: str
    parts: tuple[Part, ...]


@record(slots=False)
class Subject:
    """The layer to explain, in its network."""

    graph: Graph
    node: Node

    @cached_property
    def trace(self) -> Trace:
        return Trace(self.node)

    @cached_property
    def fields(self) -> Sequence[tuple[Input, Mapping[str, Fields]]]:
        """For every spatial input that reaches the layer the fields in it, the input's own among them."""
        each = ((seed, {name: one.fields for name, one in seen.items() if one.fields}) for seed, seen in self.seen)
        own = ((seed, {**fields, seed.name: (Field(),) * seed.volume.rank}) for seed, fields in each)
        return [(seed, fields) for seed, fields in own if self.node.name in fields]

    @cached_property
    def seen(self) -> Sequence[tuple[Input, Mapping[str, Seen]]]:
        """For every spatial input, the field in it of each layer that it reaches."""
        return [(seed, of_input(self.graph, seed)) for seed in spatial_inputs(self.graph)]

    @property
    def at_most(self) -> str:
        """Why a field of the layer may be larger than what its elements depend on; empty if it is not."""
        return next((each.at_most for _, seen in self.seen if (each := seen.get(self.node.name)) and each.at_most), "")


Derivation: TypeAlias = Callable[[Subject], Iterator[Part]]


@record
class Titled:
    title: str
    place: int
    derive: Derivation


DERIVATIONS: list[Titled] = []
"""Every derivation; filled by the files in derivations/."""


def derivation(title: str, place: int) -> Callable[[Derivation], Derivation]:
    """Registers the decorated function to derive the section with this title; sections are ordered by `place`.

    An empty section is left out.
    """

    def register(derive: Derivation) -> Derivation:
        DERIVATIONS.append(Titled(title, place, derive))
        return derive

    return register


def step(
    name: str, found: Derived, *, unit: str = "", note: str = "", source: str = "", formula: str = "", numbers: str = ""
) -> Step:
    """A step for a derived quantity, with optional changes."""
    return Step(
        name=name,
        formula=formula or found.formula,
        numbers=numbers or found.numbers,
        result=found.result,
        unit=unit,
        note=note,
        source=source,
        symbols=found.symbols,
    )


def remark(words: str, source: str = "") -> Step:
    """A step in words."""
    return Step(note=words, source=source)
