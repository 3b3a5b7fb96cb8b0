"""Comparisons: the layers of two networks side by side, and every difference of a total traced to layers."""

import enum
from collections.abc import Iterator, Mapping
from functools import cached_property

from archcalc.comparison.differing import Change, Differ, changes_of_input
from archcalc.comparison.pairing import pairs_of
from archcalc.record import record
from archcalc.report.report import SAVED, Line, Report


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
class Comparison:
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


def compare(before: Report, after: Report) -> Comparison:
    """The differences between two networks, in the order of the second; where layers were removed, of the first."""
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
