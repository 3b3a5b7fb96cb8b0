"""Comparisons: the layers of two networks side by side, and every difference of a total traced to layers."""

import enum
import importlib
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from archcalc.comparison.differing import Change, Differ, changes_of_input
from archcalc.comparison.pairing import pairs_of
from archcalc.core.render import printable
from archcalc.core.shown import Shown, data_frame, save
from archcalc.graph.given import Network, loaded_in_numbers
from archcalc.record import record
from archcalc.report.report import SAVED, Line, Report, report_of


class Kind(enum.Enum):
    """What became of a layer. FOLLOWS: it is stated alike, but what reaches it has other sizes."""

    INPUT = "input"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    FOLLOWS = "follows"


@record
class Difference:
    """What differs at one place: a layer of one network, or layers of both that correspond."""

    kind: Kind
    name: str
    changes: tuple[Change, ...] = ()
    before: Line | None = None
    after: Line | None = None

    @property
    def type(self) -> str:
        """The type of the layer, in the second network if it is there."""
        line = self.after or self.before
        return line.kind if line else "input"

    def amount(self, measure: str) -> int:
        """How much the layer adds to the difference of a total."""
        return value_in(self.after, measure) - value_in(self.before, measure)


def value_in(line: Line | None, measure: str) -> int:
    value = line.values.get(measure) if line else 0
    return int(value or 0)


@record(slots=False)
class Comparison(Shown):
    """Two networks: `before` and `after`. `renamed`: layers that differ in their names, with both names.

    `alike`: the number of layers that correspond and do not differ. Renamed layers are not different.
    """

    before: Report
    after: Report
    differences: tuple[Difference, ...]
    alike: int
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def measures(self) -> tuple[str, ...]:
        """The quantities of layers whose differences are shown."""
        shown = ("params", self.before.arithmetic, "output_bytes")
        return (*shown, SAVED) if self.before.footprint and self.after.footprint else shown

    @cached_property
    def totals(self) -> Mapping[str, tuple[int, int]]:
        """The totals of both networks: those of the layers, and those of memory if it was predicted."""
        ours, theirs = totals_of(self.before), totals_of(self.after)
        return {name: (ours[name], theirs[name]) for name in ours if name in theirs}

    @property
    def is_empty(self) -> bool:
        return not self.differences

    def __repr__(self) -> str:
        """One line; `print(comparison)` prints the table."""
        rows = self.formatted("rows").Rows(self)
        return f"<Comparison of {' and '.join(map(printable, rows.names))}: {rows.summary}>"

    def __str__(self) -> str:
        """The table that the command line prints."""
        return self.written("table")

    def _repr_html_(self) -> str:
        """What notebooks show."""
        html: str = importlib.import_module("archcalc.pages.notebook").html_of_comparison(self)
        return html

    def rows(self) -> list[dict[str, Any]]:
        """What differs, in order: each with its kind, name, type, changes in words, and what it adds to every total."""
        return [
            {
                "kind": each.kind.value,
                "name": each.name,
                "type": each.type,
                "changes": tuple(map(str, each.changes)),
                **{name: each.amount(name) for name in self.measures},
            }
            for each in self.differences
        ]

    def to_pandas(self) -> Any:
        """The rows as a DataFrame of pandas."""
        return data_frame(self.rows())

    def save(self, path: str | Path) -> None:
        """Writes the comparison to a file; its suffix selects the format. Raises ValueError for another suffix."""
        suffixes = self.formatted("formats").SUFFIXES
        save(path, {suffix: partial(self.written, form) for suffix, form in suffixes.items()})

    def written(self, form: str) -> str:
        """The comparison in a format."""
        text: str = self.formatted("formats").format_named(form).write(self, self.formatted("rows").Look())
        return text

    @staticmethod
    def formatted(module: str) -> Any:
        """A module that arranges comparisons, and imports this one."""
        return importlib.import_module(f"archcalc.comparison.{module}")


def totals_of(report: Report) -> dict[str, int]:
    found = {name: int(value or 0) for name, value in report.totals.items() if name != SAVED}
    found["layers"] = len(report.lines)
    if report.footprint:
        found |= {
            "saved_bytes": sum(report.footprint.saved.values()),
            "inference_peak_bytes": report.footprint.inference.live,
            "training_peak_bytes": report.footprint.training.live,
        }
        if report.footprint.step:
            found["iteration_peak_bytes"] = report.footprint.iteration or 0
    return found


def compare(before: Network, after: Network) -> Comparison:
    """The differences between two networks, in the order of the second; where layers were removed, of the first.

    A report keeps its convention and its memory. Raises ValueError for a network with free symbols.

    >>> compare("resnet50", "resnet50_v1")
    <Comparison of ResNet-50 and ResNet-50 v1: 6 layers changed, 6 with other sizes, 162 alike>
    """
    graphs = [loaded_in_numbers(each) for each in (before, after)]
    given = zip((before, after), graphs, strict=True)
    before, after = (each if isinstance(each, Report) else report_of(graph) for each, graph in given)
    pairs = [(a.name, b.name) for a, b in pairs_of(before.graph, after.graph)]
    there = dict(pairs)
    ours = {line.name: line for line in before.lines}
    theirs = {line.name: line for line in after.lines}
    differ = Differ(before.graph, after.graph, there)
    found = {b: paired(ours[a], theirs[b], differ) for a, b in pairs}
    differences = [
        *different_inputs(before, after),
        *(each for each in in_order(ours, theirs, there, found) if each is not None),
    ]
    renamed = tuple((a, b) for a, b in pairs if a != b)
    return Comparison(before, after, tuple(differences), sum(each is None for each in found.values()), renamed)


def different_inputs(before: Report, after: Report) -> Iterator[Difference]:
    ours, theirs = before.graph.inputs, after.graph.inputs
    for a, b in zip(ours, theirs, strict=False):
        if changes := tuple(changes_of_input(a, b)):
            yield Difference(Kind.INPUT, b.name, changes)
    for each in ours[len(theirs) :]:
        yield Difference(Kind.INPUT, each.name, (Change("shape", str(each.volume), "none"),))
    for each in theirs[len(ours) :]:
        yield Difference(Kind.INPUT, each.name, (Change("shape", "none", str(each.volume)),))


def paired(a: Line, b: Line, differ: Differ) -> Difference | None:
    """The difference between two layers that correspond; None if there is none."""
    assert a.node is not None
    assert b.node is not None
    changes = tuple(differ.changes(a.node, b.node))
    if changes:
        return Difference(Kind.CHANGED, b.name, changes, a, b)
    if a.node.inputs != b.node.inputs or a.output != b.output or a.values != b.values:
        return Difference(Kind.FOLLOWS, b.name, (), a, b)
    return None


def in_order(
    ours: Mapping[str, Line],
    theirs: Mapping[str, Line],
    there: Mapping[str, str],
    found: Mapping[str, Difference | None],
) -> Iterator[Difference | None]:
    """The differences in the order of the second network; a removed layer after the one that it came after."""
    removed: dict[str, list[Difference]] = {}
    last = ""
    for name, line in ours.items():
        last = there.get(name, last)
        if name not in there:
            removed.setdefault(last, []).append(Difference(Kind.REMOVED, name, before=line))
    yield from removed.get("", ())
    for name, line in theirs.items():
        yield found[name] if name in found else Difference(Kind.ADDED, name, after=line)
        yield from removed.get(name, ())
