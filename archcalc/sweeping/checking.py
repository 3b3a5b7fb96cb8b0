"""Checks of a sweep: designs evaluated by closed forms, against the numbers of the same design alone."""

from collections.abc import Iterator

from archcalc.core.diagnostic import SpecError
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import FIELD, seen_by
from archcalc.memory.footprint import Footprint, Opaque, footprint_of
from archcalc.record import record
from archcalc.spec.declaration import Document
from archcalc.sweeping.network import VARIANT, with_values
from archcalc.sweeping.quantity import Quantity
from archcalc.sweeping.question import Question, symbol_of
from archcalc.sweeping.space import Value
from archcalc.sweeping.structure import Structure, Tally

UNKNOWN = "unknown"


@record
class Difference:
    """A number of a design that the closed forms get wrong; None: the design has no such number."""

    design: int
    quantity: str
    swept: int | None
    reported: int | None

    def __str__(self) -> str:
        swept, reported = (UNKNOWN if each is None else f"{each:,}" for each in (self.swept, self.reported))
        return f"design {self.design}: {self.quantity} is {swept} in the sweep and {reported} in its report"


def differences(question: Question, designs: list[int]) -> Iterator[Difference]:
    """The numbers of these designs that differ from those of their reports."""
    for design in designs:
        mine, theirs = swept(question, design), reported(question, design)
        for name in mine:
            if mine[name] != theirs[name]:
                yield Difference(design, name, mine[name], theirs[name])


def swept(question: Question, design: int) -> dict[str, int | None]:
    """All quantities of one design by the closed forms of the sweep; None where it has none or does not fit."""
    grid = max(1, len_of_grid(question))
    structure = Structure(question, design // grid)
    found: dict[str, int | None] = dict.fromkeys(map(str, question.quantities))
    for each in question.quantities:
        try:
            batch = structure.batch(design % grid, design % grid + 1)
            tally = Tally()
            structure.evaluate(batch, "", structure.requirements, tally)
            structure.find(batch, [each], tally)
            found[str(each)] = int(batch.values(symbol_of(each))[0]) if batch.left else None
        except SpecError:
            found[str(each)] = None
    return found


def len_of_grid(question: Question) -> int:
    size = 1
    for length in question.space.shape[question.structural :]:
        size *= length
    return size


def reported(question: Question, design: int) -> dict[str, int | None]:
    """The same quantities of the design alone, as its report has them."""
    values = question.space.design(design)
    return {str(each): number_of(question, values, each) for each in question.quantities}


def document_at(question: Question, values: dict[str, Value]) -> tuple[Document, int]:
    """The spec of one design, and its batch."""
    document = question.documents[str(values.get(VARIANT, ""))]
    return with_values(document, question.batch, {name: v for name, v in values.items() if name != VARIANT})


def number_of(question: Question, values: dict[str, Value], quantity: Quantity) -> int | None:
    try:
        document, batch = document_at(question, values)
        build(document, batch=batch, dtype=question.dtype)
        document, batch = document_at(question, {**values, **quantity.given})
        graph = build(document, batch=batch, dtype=question.dtype)
        if quantity.name in MEASURES:
            return MEASURES[quantity.name].total(graph)
        return field_of(graph) if quantity.name == FIELD else figure(footprint_of(graph, question.setup), quantity.name)
    except (SpecError, Opaque):
        return None


def field_of(graph: Graph) -> int | None:
    """The largest receptive field of a layer along the first axis, without those that see the whole input."""
    sizes = []
    for seen in seen_by(graph).values():
        for each in seen:
            if not each.fields:
                return None
            if not all(axis.whole for axis in each.fields):
                sizes.append(each.fields[0].size)
    return max(sizes, default=None)


def figure(footprint: Footprint, name: str) -> int:
    """A figure of memory as a report has it."""
    return {
        "saved_bytes": sum(footprint.saved.values()),
        "inference_peak": footprint.inference.live,
        "training_peak": footprint.training.live,
        "iteration_peak": footprint.iteration,
    }[name]
