"""The problems found so far: building goes on after one, and reports each place once."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Location
from archcalc.graph.frame import Site
from archcalc.record import field, record, replace


@record(frozen=False)
class ProblemsFound:
    """What is wrong with a document, in the order in which it was found."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    reported: set[tuple[str, Location | None]] = field(default_factory=set)

    def report(self, error: SpecError, stack: tuple[Site, ...] = ()) -> None:
        """Keeps what is wrong, once for each place, with the blocks and turns it happened in."""
        calls = tuple(counted(site.note for site in reversed(stack)))
        for found in error.diagnostics:
            if (found.code, found.location) not in self.reported:
                self.reported.add((found.code, found.location))
                self.diagnostics.append(replace(found, notes=(*found.notes, *calls)))


def counted(notes: Iterable[str]) -> Iterator[str]:
    """Notes, each once with the number of times that it stands in a row: a recursion repeats its own."""
    for note, group in groupby(notes):
        count = sum(1 for _ in group)
        yield note if count == 1 else f"{note}, {count} times"
