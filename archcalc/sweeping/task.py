"""A task: some of the designs of a sweep, evaluated in this process."""

from archcalc.record import field, record
from archcalc.sweeping.question import Question
from archcalc.sweeping.reduce import Part
from archcalc.sweeping.structure import Structure, chunks


@record(frozen=False)
class Worker:
    """Evaluates designs of one question; the structure that was used last is kept."""

    question: Question
    structures: dict[int, Structure] = field(default_factory=dict)

    def structure(self, number: int) -> Structure:
        if number not in self.structures:
            self.structures = {number: Structure(self.question, number)}
        return self.structures[number]

    def part(self, begin: int, end: int) -> Part:
        """The result of the designs from `begin` to `end`."""
        made = Part(self.question)
        for structure, first, last in chunks(self.question, begin, end):
            batch = self.structure(structure).chunk(first, last, made.tally)
            if batch is not None:
                made.add(batch)
        return made
