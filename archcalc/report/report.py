"""The definition of a report: a network's numbers in lines and columns, ready to be written in a format.

Each format has its own file in formats/. Formats compute nothing: what they need belongs here.
"""

import importlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.core.catalogue import Catalogue
from archcalc.core.diagnostic import Diagnostic, did_you_mean
from archcalc.core.dim import Dim, is_number
from archcalc.core.render import printable
from archcalc.core.shown import Shown, data_frame, save
from archcalc.core.volume import Volume
from archcalc.graph.application import MANY
from archcalc.graph.given import Network, loaded
from archcalc.graph.graph import Graph, Node
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import Fields, Seen, seen_by, spatial_inputs, widest
from archcalc.record import field, record
from archcalc.sym.expr import NoClosedForm

if TYPE_CHECKING:
    from archcalc.memory.footprint import Footprint  # loaded only if memory is requested: 9 ms

Value: TypeAlias = Dim | None

SAVED = "saved_bytes"
"""What a layer saves for backward: a value of its line if memory was requested."""

CONVENTIONS = {
    "macs": "macs",
    "flops": "flops",
    "scalar": "scalar",
    "lecture": "operations",
    "fvcore": "fvcore",
    "netscope": "netscope",
}
"""The values of `--convention`, and the measure of each."""


@record
class Line:
    """One row: a layer, or several layers combined.

    `seen`: its receptive field in each spatial input that reaches it.
    `values`: one per measure; None if there is no closed form in the free sizes.
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
        """The largest receptive field; None if no spatial input reaches it, or if it is unknown."""
        return (widest(self.seen).fields or None) if self.seen else None


@record(slots=False)
class Report(Shown):
    """A network's numbers, or their closed forms. `convention` selects the arithmetic count that is shown.

    `conditions`: which values of its free symbols are valid, as text. `footprint`: its memory, if predicted.
    `findings`: the findings of the rules; None if the rules were not run. `formulas`: the closed forms of its totals
    as in JSON, if requested.
    """

    graph: Graph
    convention: str = "macs"
    dtype: str = "float32"
    lines: tuple[Line, ...] = field(default=())
    conditions: tuple[str, ...] = ()
    footprint: "Footprint | None" = None
    findings: Sequence[Diagnostic] | None = None
    formulas: Mapping[str, Any] | None = None

    @cached_property
    def has_several_inputs(self) -> bool:
        """Whether several inputs have positions, so that a receptive field must name its input."""
        return len(spatial_inputs(self.graph)) > 1

    @property
    def arithmetic(self) -> str:
        """The measure of the convention."""
        return CONVENTIONS[self.convention]

    def __repr__(self) -> str:
        """One line; `print(report)` prints the table."""
        noun = MEASURES[self.arithmetic].noun
        counts = f"{amount(self.totals['params'])} parameters, {amount(self.totals[self.arithmetic])} {noun}"
        return f"<Report of {printable(self.graph.name)}: {so_many_layers(len(self.lines))}, {counts}>"

    def __str__(self) -> str:
        """The table that the command line prints."""
        return written_as("table", self)

    def _repr_html_(self) -> str:
        """What notebooks show."""
        html: str = importlib.import_module("archcalc.pages.notebook").html_of(self)
        return html

    def rows(self) -> list[dict[str, Any]]:
        """The layers in order, each with its name, type, output shape, receptive field and every measure."""
        measured = {
            id(values): dict(values) for values in {id(line.values): line.values for line in self.lines}.values()
        }
        return [
            {
                "name": line.name,
                "type": line.kind,
                "output_shape": line.output.item_shape if line.output else (),
                "receptive_field": tuple(each.size for each in line.fields or ()),
                **measured[id(line.values)],
            }
            for line in self.lines
        ]

    def to_pandas(self) -> Any:
        """The rows as a DataFrame of pandas, with the names of layers as its index."""
        return data_frame(self.rows()).set_index("name")

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the report to a file; its suffix selects the format: .html, .json, .csv, .md, .tex or .txt.

        Raises ValueError for another suffix.
        """
        save(path, {each: partial(form.write, self) for form in all_formats().values() for each in form.suffixes})

    @cached_property
    def totals(self) -> Mapping[str, Value]:
        return {SAVED: 0, **sums(self.lines)} if self.footprint and not self.lines else sums(self.lines)

    @cached_property
    def leaders(self) -> Mapping[str, tuple[Line, float]]:
        """The lines with the most parameters, arithmetic and output bytes, each with its share of the total.

        Empty if symbols are free: the maximum depends on them.
        """
        found: dict[str, tuple[Line, float]] = {}
        for name in ("params", self.arithmetic, "output_bytes"):
            total = self.totals[name]
            if not self.graph.symbols and total:
                amounts = [(line.values[name] or 0, line) for line in self.lines]
                most, line = max(amounts, key=lambda pair: pair[0])
                found[name] = line, most / total
        return found


def written_as(form: str, report: Report) -> str:
    return all_formats()[form].write(report)


def all_formats() -> "Mapping[str, Format]":
    """Every format, those of later stages too."""
    for module in ("archcalc.report.formats", "archcalc.pages"):
        importlib.import_module(module)
    return REPORTS


def report_of(
    network: Network,
    convention: str = "macs",
    dtype: str | None = None,
    conditions: Sequence[str] = (),
    footprint: "Footprint | None" = None,
) -> Report:
    """Computes every measure of every layer once. `dtype`: that of a spec;
    a graph has its own. `conditions`: which values of free symbols are valid.

    Raises ValueError for an unknown convention or dtype.
    """
    if convention not in CONVENTIONS:
        help = did_you_mean(convention, CONVENTIONS) or f"use one of {', '.join(CONVENTIONS)}"
        raise ValueError(f"there is no convention '{convention}'; {help}")
    graph = loaded(network, dtype=dtype or "float32")
    lines = tuple(lines_of(graph, footprint.saved if footprint else None))
    return Report(graph, convention, dtype or graph.dtype, lines, tuple(conditions), footprint)


def lines_of(graph: Graph, saved: Mapping[str, int] | None = None) -> Iterator[Line]:
    if len(KNOWN) > MANY:
        KNOWN.clear()
    seen, measured = seen_by(graph), {id(model): values_of(model) for model, _ in graph.alike}
    known: dict[tuple[int, int], Mapping[str, Value]] = {}  # lines with the same values share them
    for node, model in zip(graph, graph.models, strict=True):
        values: Mapping[str, Value] = measured[id(model)]
        if saved is not None:
            key = id(model), saved.get(node.name, 0)
            if key not in known:
                known[key] = Values((*values, SAVED), partial(value_in, values, key[1]))
            values = known[key]
        yield Line(node.name, node.layer.name, values, node.output, seen.get(node.name, ()), node, node.times)


class Values(Mapping[str, Value]):
    """Quantities by the names of their measures. Each is computed when it is first asked for: a table shows a few."""

    __slots__ = ("known", "names", "of")

    def __init__(self, names: Collection[str], of: Callable[[str], Value]) -> None:
        self.names, self.of, self.known = names, of, dict[str, Value]()

    def __getitem__(self, name: str) -> Value:
        if name not in self.known:
            if name not in self.names:
                raise KeyError(name)
            self.known[name] = self.of(name)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return repr(dict(self))


def values_of(node: Node) -> Values:
    """The quantities of a node; those of its likes in earlier reports, where it does not stand for several."""
    if node.times != 1:
        return Values(MEASURES, partial(value_of, node))
    kind = node.application, node.reruns, node.frozen, node.learning, node.detached, *node.ties
    found = KNOWN.get(kind)
    if found is None:
        found = KNOWN[kind] = Values(MEASURES, partial(value_of, node))
    return found


KNOWN: dict[Any, Values] = {}
"""The quantities of nodes in reports so far, by all that they depend on."""


def value_in(values: Mapping[str, Value], saved: int, name: str) -> Value:
    return saved if name == SAVED else values[name]


def value_of(node: Node, name: str) -> Value:
    try:
        return MEASURES[name].of(node) * node.times
    except NoClosedForm:
        return None


def sums(lines: Iterable[Line]) -> Values:
    """The totals over lines."""
    alike: dict[int, tuple[Mapping[str, Value], list[Line]]] = {}  # copies of a layer share their values
    for line in lines:
        alike.setdefault(id(line.values), (line.values, []))[1].append(line)
    each = [(values, len(these)) for values, these in alike.values()]
    return Values(each[0][0] if each else MEASURES, partial(sum_in, each))


def sum_in(lines: Sequence[tuple[Mapping[str, Value], int]], name: str) -> Value:
    """The total of a quantity over lines, of which so many have each of the values."""
    found = [(values[name], count) for values, count in lines]
    return sum_of([None if value is None else value * count for value, count in found])


def sum_of(values: Sequence[Value]) -> Value:
    return None if None in values else sum(value for value in values if value is not None)


def amount(value: Value) -> str:
    """A count for display: `25,557,032`, or a formula.

    >>> from archcalc.core.dim import free
    >>> amount(25_557_032), amount(3 * free("w") + 1), amount(None)
    ('25,557,032', '3·w + 1', 'no closed form')
    """
    if value is None:
        return "no closed form"
    return f"{value:,}" if is_number(value) else str(value)


def folded(lines: Sequence[Line], depth: int) -> tuple[Line, ...]:
    """Merges lines whose names share their first `depth` parts; the output is that of the last."""
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
    """Merges lines of the same type, in the order of first appearance."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.kind, []).append(line)
    layers = {kind: sum(line.layers for line in group) for kind, group in groups.items()}
    return tuple(
        Line(kind, so_many_layers(layers[kind]), sums(group), layers=layers[kind]) for kind, group in groups.items()
    )


def with_subtotals(lines: Sequence[Line]) -> Iterator[tuple[Line, bool]]:
    """The lines, with a subtotal after each outermost block; the boolean marks subtotals."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.name.partition(".")[0], []).append(line)
    for name, group in groups.items():
        yield from ((line, False) for line in group)
        if len(group) > 1:
            yield joined(name, group), True


Writer: TypeAlias = Callable[[Report], str]
Joiner: TypeAlias = Callable[[Sequence[Report]], str]


@record
class Format:
    """An output format of reports: its name, its file suffixes, and its writer function.

    `single`: one file can hold only one report. `judges`: the output includes the findings of the rules. `whole`: it
    includes memory over a training step and closed forms. `folds`: its lines may be blocks. `join`: writes several
    reports as one text.
    """

    name: str
    suffixes: tuple[str, ...]
    write: Writer
    single: bool = False
    judges: bool = False
    whole: bool = False
    folds: bool = False
    join: Joiner | None = None

    def write_all(self, reports: Sequence[Report]) -> str:
        """Several reports as one text."""
        return self.join(reports) if self.join else "\n".join(map(self.write, reports))


REPORTS: Catalogue[Format] = Catalogue()
"""Every format by name; each is declared by the file of its name in formats/, or by a later stage."""


def writes(name: str, *suffixes: str, **traits: Any) -> Callable[[Writer], Writer]:
    """Registers the decorated function as the writer of a format; `traits` are further fields of Format."""

    def register(write: Writer) -> Writer:
        REPORTS.add(name, Format(name, suffixes, write, **traits))
        return write

    return register
