"""The rows of a comparison as text: the totals, and the groups of differences. Formats only arrange them."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from archcalc.comparison.comparison import Comparison, Kind
from archcalc.comparison.grouping import NOUNS, Group, explained, groups_of, noun_of, signed, single_groups, so_many
from archcalc.measure import MEASURES
from archcalc.record import record
from archcalc.report.layout import field_text

SIGNS = {Kind.INPUT: "~", Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~", Kind.FOLLOWS: " "}

ONLY_IF_OTHER = {"trainable_params": "params", "active_params": "params"}
"""Totals that are shown only where they are not equal to another one."""

ALWAYS = ("layers", "params", "output_bytes")

ORDER = ("layers", "params", "trainable_params", "active_params", "buffers")
"""The totals that come first."""


@record(kw_only=True)
class Look:
    """How to show a comparison: every layer in a row of its own, or alike ones in one; the width in characters (None:
    no limit); with or without colours."""

    every: bool = False
    room: int | None = None
    color: bool = False


@record(slots=False)
class Rows:
    """What formats print."""

    comparison: Comparison
    every: bool = False

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return groups_of(self.comparison)

    @property
    def names(self) -> tuple[str, str]:
        """What the networks are called: by their files, if they have the same name."""
        before, after = self.comparison.before.graph, self.comparison.after.graph
        same = before.name == after.name and before.spec != after.spec
        return (before.spec, after.spec) if same else (before.name, after.name)

    @property
    def why(self) -> Sequence[str]:
        return tuple(explained(self.comparison, self.groups))

    @property
    def titles(self) -> tuple[str, ...]:
        """The headings of the table of differences."""
        saved = {"saved_bytes": "Saved bytes"}
        return ("", "Layer", "Change", *(saved.get(m) or MEASURES[m].title for m in self.comparison.measures))

    @property
    def differences(self) -> Iterator[tuple[str, ...]]:
        """A row for each group, or for each layer: sign, layers, change, and what it adds to each total."""
        for each in single_groups(self.comparison) if self.every else self.groups:
            amounts = (signed(each.amount(name)) for name in self.comparison.measures)
            yield (SIGNS[each.kind], each.where, each.what, *amounts)

    @property
    def totals(self) -> Iterator[tuple[str, str, str, str]]:
        """A row for each total: its name, both values, and the difference."""
        totals = self.comparison.totals
        for name in sorted(totals, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER)):
            before, after = totals[name]
            if self.is_shown(name):
                percent = f" ({(after - before) / before:+.1%})" if before and after != before else ""
                yield noun_of(name), f"{before:,}", f"{after:,}", signed(after - before) + percent.replace("%", " %")
        reports = (self.comparison.before, self.comparison.after)
        fields = [field_text(report.lines[-1]) if report.lines else "" for report in reports]
        if fields[0] != fields[1]:
            yield "receptive field", fields[0], fields[1], ""

    def is_shown(self, name: str) -> bool:
        totals, amounts = self.comparison.totals, self.comparison.totals[name]
        if name in (*ALWAYS, *NOUNS, self.comparison.before.arithmetic):
            return True
        if name in ONLY_IF_OTHER:
            return amounts != totals[ONLY_IF_OTHER[name]]
        return name in ("buffers", "kv_cache_bytes_per_token") and amounts != (0, 0)

    @property
    def summary(self) -> str:
        """`53 layers changed, 122 alike, 3 with other names`."""
        count = {kind: sum(each.kind is kind for each in self.comparison.differences) for kind in Kind}
        said = [f"{so_many(count[kind], 'layer')} {kind.value}" for kind in (Kind.ADDED, Kind.REMOVED, Kind.CHANGED)]
        parts = [each for each in said if not each.startswith("0 ")]
        parts += [f"{count[Kind.FOLLOWS]:,} with other sizes"] if count[Kind.FOLLOWS] else []
        parts += [f"{self.comparison.alike:,} alike"]
        renamed = self.comparison.renamed
        parts += [f"{len(renamed):,} with other names"] if renamed else []
        return ", ".join(parts)

    @property
    def same(self) -> str:
        """What is said of networks without differences."""
        before, after = self.names
        text = f"{before} and {after} are the same network: {so_many(self.comparison.alike, 'layer')}"
        renamed = self.comparison.renamed
        if renamed:
            text += f", {len(renamed):,} with other names: {renamed[0][0]} -> {renamed[0][1]}"
        return text
