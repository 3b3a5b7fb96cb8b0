"""What a derivation is: how one subject of a layer comes about, step by step, as it would be written on the board.

Derivations live one subject to a file in derivations/. Each reads what the layer states; none asks which layer it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

from archcalc.core.dim import Dim
from archcalc.core.field import Field
from archcalc.explanation.tracing import Derived, Trace
from archcalc.graph.graph import Graph, Input, Node
from archcalc.measures.receptive_field import Fields, fields_of, spatial_inputs

Result: TypeAlias = Dim | Fraction | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`name = formula = numbers = result unit`, of which anything may be missing; `symbols` is what letters stand for.

    `note` says something of it in words; `source` whose formula it is.
    """

    name: str = ""
    formula: str = ""
    numbers: str = ""
    result: Result | None = None
    unit: str = ""
    note: str = ""
    source: str = ""
    symbols: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. Without headings a matrix, in blocks of so many rows and columns. `spare`: the heading of a
    column that leaves where there is no room for all."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    blocks: tuple[int, int] = (1, 1)
    spare: str = ""

    @property
    def without_spare(self) -> "Table":
        at = self.columns.index(self.spare)
        columns, *rows = (row[:at] + row[at + 1 :] for row in (self.columns, *self.rows))
        return Table(columns, tuple(rows))


Part: TypeAlias = Step | Table


@dataclass(frozen=True, slots=True)
class Section:
    """One subject of a layer."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Subject:
    """The layer to be explained, in its network."""

    graph: Graph
    node: Node

    @cached_property
    def trace(self) -> Trace:
        return Trace(self.node)

    @cached_property
    def fields(self) -> Sequence[tuple[Input, Mapping[str, Fields]]]:
        """For every spatial input that reaches the layer the fields in it, the input's own among them."""
        each = ((seed, fields_of(self.graph, seed)) for seed in spatial_inputs(self.graph))
        own = ((seed, {**fields, seed.name: (Field(),) * seed.volume.rank}) for seed, fields in each)
        return [(seed, fields) for seed, fields in own if self.node.name in fields]


Derivation: TypeAlias = Callable[[Subject], Iterator[Part]]


@dataclass(frozen=True, slots=True)
class Titled:
    title: str
    place: int
    derive: Derivation


DERIVATIONS: list[Titled] = []
"""Every derivation; filled by the files in derivations/."""


def derivation(title: str, place: int) -> Callable[[Derivation], Derivation]:
    """Declares the decorated function to derive the section of that title, the `place`th of an explanation.

    A section of which nothing is to be said is left out.
    """

    def register(derive: Derivation) -> Derivation:
        DERIVATIONS.append(Titled(title, place, derive))
        return derive

    return register


def step(
    name: str, found: Derived, *, unit: str = "", note: str = "", source: str = "", formula: str = "", numbers: str = ""
) -> Step:
    """A step that shows what was derived, perhaps written in another way."""
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


def said(words: str, source: str = "") -> Step:
    """A step in words alone."""
    return Step(note=words, source=source)
