"""What a report is: a network's numbers in lines and columns, ready to be written in a format.

Formats live one to a file in reports/. They compute nothing: what they need and do not find belongs here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.core.diagnostic import Diagnostic
from archcalc.core.dim import Dim, is_number
from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph, Node
from archcalc.measure import MEASURES, Measure
from archcalc.measures.receptive_field import Fields, Seen, seen_by, spatial_inputs, widest
from archcalc.sym.expr import NoClosedForm

if TYPE_CHECKING:
    from archcalc.memory.footprint import Footprint  # loaded by whoever asks for memory: 9 ms

Value: TypeAlias = Dim | None

SAVED = "saved_bytes"
"""What a layer keeps for backward: a value of its line where memory was asked for."""

CONVENTIONS = {
    "macs": "macs",
    "flops": "flops",
    "scalar": "scalar",
    "lecture": "operations",
    "fvcore": "fvcore",
    "netscope": "netscope",
}
"""What `--convention` may be, and the measure that counts so."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a layer, or the layers that it stands for.

    `seen`: its receptive field in each spatial input that reaches it; empty where none does.
    `values`: each measure's; None where it has no closed form in what is free.
    """

    name: str
    kind: str
    values: Mapping[str, Value]
    output: Volume | None = None
    seen: tuple[Seen, ...] = ()
    node: Node | None = None
    layers: Dim = 1

    @property
    def fields(self) -> Fields | None:
        """The largest receptive field; None where no spatial input reaches it, or none can be given."""
        return (widest(self.seen).fields or None) if self.seen else None


@dataclass(frozen=True)
class Report:
    """A network's numbers, or their closed forms. `convention` says which count of arithmetic leads.

    `conditions`: which values of its free symbols fit, in words. `footprint`: its memory, where that is predicted.
    `findings`: what rules find in it; None where they were not asked.
    """

    graph: Graph
    convention: str = "macs"
    dtype: str = "float32"
    lines: tuple[Line, ...] = field(default=())
    conditions: tuple[str, ...] = ()
    footprint: "Footprint | None" = None
    findings: Sequence[Diagnostic] | None = None

    @cached_property
    def has_several_inputs(self) -> bool:
        """Whether a receptive field has to say which input it is in."""
        return len(spatial_inputs(self.graph)) > 1

    @property
    def arithmetic(self) -> str:
        """The measure that the convention counts with."""
        return CONVENTIONS[self.convention]

    @cached_property
    def totals(self) -> Mapping[str, Value]:
        return sums(self.lines)

    @cached_property
    def leaders(self) -> Mapping[str, tuple[Line, float]]:
        """Where most parameters, arithmetic and output bytes are, each with its share of the total.

        None where symbols are free: which is most depends on them.
        """
        found: dict[str, tuple[Line, float]] = {}
        for name in ("params", self.arithmetic, "output_bytes"):
            total = self.totals[name]
            if not self.graph.symbols and total:
                amounts = [(line.values[name] or 0, line) for line in self.lines]
                most, line = max(amounts, key=lambda pair: pair[0])
                found[name] = line, most / total
        return found


def report_of(
    graph: Graph,
    convention: str = "macs",
    dtype: str = "float32",
    conditions: Sequence[str] = (),
    footprint: "Footprint | None" = None,
) -> Report:
    """Every measure of every layer, worked out once; `conditions` are which values fit, where symbols are free."""
    lines = tuple(lines_of(graph, footprint.saved if footprint else None))
    return Report(graph, convention, dtype, lines, tuple(conditions), footprint)


def lines_of(graph: Graph, saved: Mapping[str, int] | None = None) -> Iterator[Line]:
    seen = seen_by(graph)
    for node in graph:
        values = {name: value_of(measure, node) for name, measure in MEASURES.items()}
        if saved is not None:
            values[SAVED] = saved.get(node.name, 0)
        yield Line(node.name, node.layer.name, values, node.output, seen.get(node.name, ()), node, node.times)


def value_of(measure: Measure, node: Node) -> Value:
    try:
        return measure.of(node) * node.times
    except NoClosedForm:
        return None


def sums(lines: Iterable[Line]) -> dict[str, Value]:
    """The totals of lines."""
    each = [line.values for line in lines]
    return {name: sum_of([values[name] for values in each]) for name in (each[0] if each else MEASURES)}


def sum_of(values: Sequence[Value]) -> Value:
    return None if None in values else sum(value for value in values if value is not None)


def amount(value: Value) -> str:
    """A count as people read it: `25,557,032`, or a formula.

    >>> from archcalc.core.dim import free
    >>> amount(25_557_032), amount(3 * free("w") + 1), amount(None)
    ('25,557,032', '3·w + 1', 'no closed form')
    """
    if value is None:
        return "no closed form"
    return f"{value:,}" if is_number(value) else str(value)


def folded(lines: Sequence[Line], depth: int) -> tuple[Line, ...]:
    """Lines whose names share their first `depth` parts as one; its output is that of the last."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(".".join(line.name.split(".")[:depth]), []).append(line)
    return tuple(joined(name, group) for name, group in groups.items())


def joined(name: str, group: Sequence[Line]) -> Line:
    last = group[-1]
    if len(group) == 1 and last.name == name:
        return last
    layers = sum(line.layers for line in group)
    return Line(name, so_many_layers(layers), sums(group), last.output, last.seen, layers=layers)


def so_many_layers(count: Dim) -> str:
    return f"{count} layer{'s' * (count != 1)}"


def by_type(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Lines of one type as one, in the order in which the types appear."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.kind, []).append(line)
    layers = {kind: sum(line.layers for line in group) for kind, group in groups.items()}
    return tuple(
        Line(kind, so_many_layers(layers[kind]), sums(group), layers=layers[kind]) for kind, group in groups.items()
    )


def with_subtotals(lines: Sequence[Line]) -> Iterator[tuple[Line, bool]]:
    """The lines, and after those of each outermost block their sum; whether a line is such a sum."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.name.partition(".")[0], []).append(line)
    for name, group in groups.items():
        yield from ((line, False) for line in group)
        if len(group) > 1:
            yield joined(name, group), True


Writer: TypeAlias = Callable[[Report], str]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report: its name, the file suffixes that mean it, and the function that writes.

    `single`: what is written is for programs, and two of them in a row would be no file of that format.
    `judges`: it holds what rules find, too.
    """

    name: str
    suffixes: tuple[str, ...]
    write: Writer
    single: bool = False
    judges: bool = False


REPORTS: dict[str, Format] = {}
"""Every format by name; filled by the files in reports/."""


def writes(name: str, *suffixes: str, single: bool = False, judges: bool = False) -> Callable[[Writer], Writer]:
    """Declares the decorated function to write a format."""

    def register(write: Writer) -> Writer:
        if name in REPORTS:
            raise TypeError(f"the format {name!r} is declared twice")
        REPORTS[name] = Format(name, suffixes, write, single, judges)
        return write

    return register
