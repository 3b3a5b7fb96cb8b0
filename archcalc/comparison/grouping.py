"""Grouping: differences of the same kind are one, with the layers that have it, and the sum of what they change."""

from collections.abc import Iterator, Mapping, Sequence

from archcalc.comparison.comparison import Comparison, Difference, Kind
from archcalc.measure import MEASURES
from archcalc.record import record
from archcalc.report.report import Report

MOST_REASONS = 3
"""Groups that an explanation of a total names."""

NOUNS = {
    "layers": "layers",
    "output_bytes": "output bytes",
    "saved_bytes": "bytes saved for backward",
    "inference_peak_bytes": "bytes of inference peak",
    "training_peak_bytes": "bytes of training peak",
    "iteration_peak_bytes": "bytes of iteration peak",
}
"""What totals are called that are no measures, or are called otherwise there."""


@record
class Group:
    """Differences that say the same of several layers.

    `block`: the name of the block that was added or removed as a whole. `alone`: the group is one layer of a full list.
    """

    kind: Kind
    members: tuple[Difference, ...]
    block: str = ""
    places: tuple[str, ...] = ()
    alone: bool = False

    @property
    def layers(self) -> int:
        return len(self.members)

    @property
    def where(self) -> str:
        """`stem`, `stem and 52 more`."""
        if self.kind is Kind.FOLLOWS and not self.alone:
            return so_many(self.layers, "layer")
        more = len(self.places) - 1
        return self.places[0] + (f" and {more:,} more" if more else "")

    @property
    def what(self) -> str:
        """`bias: false -> true`, `block basic, 7 layers`, `dropout`."""
        if self.kind is Kind.FOLLOWS:
            return "other sizes arrive"
        if self.block:
            return f"block {self.block}, {so_many(self.layers // len(self.places), 'layer')}"
        return ", ".join(map(str, self.members[0].changes)) or self.members[0].type

    def phrase(self, measure: str) -> str:
        """`bias=true instead of false in 53 conv layers`, `dropout1 (dropout) added`."""
        first = self.members[0]
        if self.kind is Kind.FOLLOWS:
            most = max(self.members, key=lambda each: abs(each.amount(measure)))
            more = sum(bool(each.amount(measure)) for each in self.members) - 1
            return f"other sizes at {most.name}" + (f" and {more:,} more" if more else "")
        if self.kind in (Kind.ADDED, Kind.REMOVED):
            one = f"{self.places[0]} ({self.block or first.type})"
            many = f"{len(self.places):,} " + (f"{self.block} blocks" if self.block else f"{first.type} layers")
            return f"{one if len(self.places) == 1 else many} {self.kind.value}"
        there = first.name if self.layers == 1 else f"{self.layers:,} {first.type} layers"
        return f"{', '.join(each.phrase for each in first.changes)} in {there}"

    def amount(self, measure: str) -> int:
        return sum(each.amount(measure) for each in self.members)


def so_many(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' * (count != 1)}"


def groups_of(comparison: Comparison) -> tuple[Group, ...]:
    """The groups in the order of their first layers; what only follows from others comes last."""
    whole = whole_blocks(comparison)
    found: dict[object, list[tuple[Difference, str]]] = {}
    for each in comparison.differences:
        block = outermost(each, whole)
        found.setdefault(alike(each, block, comparison), []).append((each, block))
    groups = [group(members, comparison) for members in found.values()]
    return tuple(sorted(groups, key=lambda each: each.kind is Kind.FOLLOWS))


def single_groups(comparison: Comparison) -> Iterator[Group]:
    """A group for every difference, those that only follow from others too, in the order of the networks."""
    for each in comparison.differences:
        yield Group(each.kind, (each,), places=(each.name,), alone=True)


def alike(each: Difference, block: str, comparison: Comparison) -> object:
    """What differences of one group have in common."""
    if each.kind is Kind.FOLLOWS:
        return each.kind
    if block:
        graph = side(each, comparison).graph
        inside = [node.layer for node in graph.within[block]]
        return each.kind, graph.scopes[block].block, repr(inside)
    return each.kind, each.type, each.changes, each.name if each.kind is Kind.INPUT else ""


def group(members: Sequence[tuple[Difference, str]], comparison: Comparison) -> Group:
    first, block = members[0]
    places = dict.fromkeys(block or each.name for each, block in members)
    kind = side(first, comparison).graph.scopes[block].block if block else ""
    return Group(first.kind, tuple(each for each, _ in members), kind, tuple(places))


def side(each: Difference, comparison: Comparison) -> Report:
    return comparison.before if each.kind is Kind.REMOVED else comparison.after


def whole_blocks(comparison: Comparison) -> Mapping[Kind, set[str]]:
    """The blocks of which every layer was added, and those of which every layer was removed."""
    found = {}
    for kind, report in ((Kind.ADDED, comparison.after), (Kind.REMOVED, comparison.before)):
        names = {each.name for each in comparison.differences if each.kind is kind}
        within = report.graph.within
        found[kind] = {prefix for prefix, nodes in within.items() if nodes and all(n.name in names for n in nodes)}
    return found


def outermost(each: Difference, whole: Mapping[Kind, set[str]]) -> str:
    """The outermost block that came or went as a whole with a layer; empty if there is none."""
    blocks = whole.get(each.kind)
    if not blocks:
        return ""
    parts = each.name.split(".")
    names = (".".join(parts[:depth]) for depth in range(1, len(parts)))
    return next((name for name in names if name in blocks), "")


def explained(comparison: Comparison, groups: Sequence[Group]) -> Iterator[str]:
    """A line for each total that differs: which groups it comes from. The parts add up to the difference."""
    for name in comparison.measures:
        before, after = comparison.totals[name]
        if before == after:
            continue
        parts = [(each.amount(name), each) for each in groups if each.amount(name)]
        parts.sort(key=lambda part: -abs(part[0]))
        head = f"{signed(after - before)} {noun_of(name)}: "
        if len(parts) == 1:
            yield head + parts[0][1].phrase(name)
            continue
        said = [f"{signed(amount)} from {each.phrase(name)}" for amount, each in parts[:MOST_REASONS]]
        if rest := parts[MOST_REASONS:]:
            said.append(f"{signed(sum(amount for amount, _ in rest))} from {so_many(len(rest), 'other difference')}")
        yield head + "; ".join(said)


def noun_of(name: str) -> str:
    """What a total is called in a sentence."""
    return NOUNS.get(name) or MEASURES[name].noun


def signed(amount: int) -> str:
    """`+26,560`, `-1`, `0`."""
    return f"{amount:+,}" if amount else "0"
