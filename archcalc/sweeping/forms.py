"""Quantities of a network in closed form, evaluated at many designs.

A form is a list of expressions of which the quantity is the greatest, and conditions under which that is exact. Where a
network has no form in one of its symbols, that symbol is set to each of its values in turn.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import cast

import numpy as np

from archcalc.closed_forms.tracing import Course
from archcalc.core.dim import Dim
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import FIELD, NO_FIELD, sizes_along_first_axis
from archcalc.memory.footprint import FORMS
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import record
from archcalc.sweeping.arrays import Formula, Greatest, Inner, Ranges, Test, Values
from archcalc.sweeping.quantity import Quantity
from archcalc.sweeping.space import Array
from archcalc.sym.bounds import interval
from archcalc.sym.expr import Claim, Expr, NoClosedForm, expression


class NeedsNumbers(Exception):
    """There is no closed form unless some symbols are numbers; `names`: which, if that is known."""

    def __init__(self, names: Collection[str] = ()) -> None:
        super().__init__(", ".join(names))
        self.names = frozenset(names)


class Unknown(Exception):
    """A quantity is not known at any size; the message says why."""


class Reasons:
    """Reasons why designs have no numbers, numbered from 1 in the order in which they occur; 0 is no reason."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __getitem__(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers) + 1)

    @property
    def texts(self) -> list[str]:
        return list(self.numbers)


@record
class Found:
    """Values at some points. `why`: where there are none, the number of the reason; None if there are everywhere."""

    values: Array
    why: Array | None = None


class Form(ABC):
    """One quantity of one network."""

    is_quick = True

    @abstractmethod
    def at(self, values: Values, shape: tuple[int, ...]) -> Found:
        """The quantity where the symbols have these values; `shape`: the common shape of all points."""


Maker = Callable[[Graph, Ranges, Inner, Reasons], Form]
"""Makes the form of a network with these ranges and inner symbols. Raises NeedsNumbers or Unknown."""


def counts(graph: Graph) -> frozenset[str]:
    """The symbols in numbers of copies."""
    return frozenset[str]().union(*(cast(Expr, each.count).symbols() for each in graph.repeats))


# --- totals of measures ----------------------------------------------------------------------------------------------


class Total(Form):
    """The greatest of expressions that are exact everywhere."""

    def __init__(self, lines: Sequence[Expr], ranges: Ranges, inner: Inner) -> None:
        self.greatest = Greatest(lines, ranges) if len(lines) > 1 else Formula(lines[0], ranges, inner)

    def at(self, values: Values, shape: tuple[int, ...]) -> Found:
        return Found(self.greatest.at(values))


def total(name: str) -> Maker:
    def make(graph: Graph, ranges: Ranges, inner: Inner, reasons: Reasons) -> Form:
        try:
            return Total([expression(MEASURES[name].total(graph))], ranges, inner)
        except NoClosedForm as error:
            raise needing(graph, f"{name} is not known: {error}") from None

    return make


def needing(graph: Graph, why: str) -> Exception:
    """What to raise where there is no form: numbers of copies are set first, then other symbols."""
    return NeedsNumbers(counts(graph)) if graph.symbols else Unknown(why)


# --- the receptive field ---------------------------------------------------------------------------------------------


def field(graph: Graph, ranges: Ranges, inner: Inner, reasons: Reasons) -> Form:
    """The largest field of a layer along the first axis, in elements. Layers that see the whole input are left out."""
    try:
        sizes = sizes_along_first_axis(graph)
    except NoClosedForm as error:
        raise needing(graph, str(error)) from None
    if not sizes:
        raise Unknown(NO_FIELD)
    return Total(sizes, ranges, inner)


# --- memory ----------------------------------------------------------------------------------------------------------


class Pieces(Form):
    """A figure of memory: pieces are found as designs need them."""

    is_quick = False

    def __init__(self, graph: Graph, figure: str, setup: TrainingSetup, ranges: Ranges, reasons: Reasons) -> None:
        self.graph, self.figure, self.setup, self.ranges, self.reasons = graph, figure, setup, ranges, reasons
        self.pieces: list[tuple[list[Test], Greatest | int]] = []

    def at(self, values: Values, shape: tuple[int, ...]) -> Found:
        given = {name: np.broadcast_to(values[name], shape).ravel() for name in self.graph.symbols}
        left = np.arange(int(np.prod(shape)))
        found, why = np.zeros(len(left), dtype=object), np.zeros(len(left), dtype=np.int64)
        number = 0
        while len(left):
            here = {name: each[left] for name, each in given.items()}
            if number == len(self.pieces):
                self.pieces.append(self.piece({name: int(each[0]) for name, each in here.items()}))
            tests, form = self.pieces[number]
            covered = np.ones(len(left), dtype=bool)
            for test in tests:
                covered &= test.at(here)
            some = left[covered]
            if isinstance(form, int):
                why[some] = form
            elif len(some):
                found[some] = form.at({name: each[some] for name, each in given.items()})
            left, number = left[~covered], number + 1
        return Found(as_whole(found).reshape(shape), why.reshape(shape) if why.any() else None)

    def piece(self, values: Mapping[str, int]) -> tuple[list[Test], Greatest | int]:
        """The conditions and the form around one design, or the number of the reason why there is none."""
        found = Course(self.graph, self.setup, (self.figure,)).around(**values)
        form: Greatest | int
        if found.why:
            form = self.reasons[f"memory is not predicted: {found.why}"]
        else:
            form = Greatest(found.amounts[self.figure], self.ranges)
        return [Test(each, self.ranges) for each in found.conditions if not holds_in(each, self.ranges)], form


def as_whole(values: Array) -> Array:
    """Python's integers as int64 where they fit."""
    try:
        return values.astype(np.int64)
    except OverflowError:
        return values


def memory(figure: str, setup: TrainingSetup) -> Maker:
    def make(graph: Graph, ranges: Ranges, inner: Inner, reasons: Reasons) -> Form:
        if graph.repeats:
            raise NeedsNumbers(counts(graph))
        return Pieces(graph, figure, setup, ranges, reasons)

    return make


def maker_of(quantity: Quantity, setup: TrainingSetup) -> Maker:
    """What makes the form of a quantity."""
    if quantity.name in FORMS:
        return memory(quantity.name, setup)
    return field if quantity.name == FIELD else total(quantity.name)


# --- what the layers require -----------------------------------------------------------------------------------------


class Requirements(Form):
    """The requirements of all layers: no values, but a reason for each design that does not fit."""

    def __init__(self, graph: Graph, ranges: Ranges, reasons: Reasons) -> None:
        self.tests = [
            (Test(claim, ranges), [Test(each, ranges) for each in copies], reasons[text])
            for claim, copies, text in requirements(graph, ranges)
        ]

    def at(self, values: Values, shape: tuple[int, ...]) -> Found:
        why: Array = np.zeros((), dtype=np.int64)
        for test, copies, reason in self.tests:
            fails = ~test.at(values)
            for each in copies:
                fails = fails & each.at(values)
            if fails.any():
                why = np.where((why == 0) & fails, reason, why)
        return Found(why, why if why.any() else None)


def requirements(graph: Graph, ranges: Ranges) -> Iterator[tuple[Claim, tuple[Claim, ...], str]]:
    """The claims that some design violates, each with the claims that its layer exists, and in words."""
    counts: dict[str, list[Dim]] = {}
    for repeat in graph.repeats:
        for name in repeat.nodes:
            counts.setdefault(name, []).append(repeat.count)
    seen = set[tuple[Claim, tuple[Claim, ...]]]()
    for each in graph.conditions:
        exists = (Claim(expression(count) - 1, ">=") for count in counts.get(each.node, ()))
        copies = tuple(claim for claim in exists if not holds_in(claim, ranges))
        if (each.claim, copies) not in seen and not holds_in(each.claim, ranges):
            seen.add((each.claim, copies))
            yield each.claim, copies, f"{each.node}: {in_short(each.message)}"


def holds_in(claim: Claim, ranges: Ranges) -> bool:
    """Whether a claim certainly holds for all values in these ranges."""
    least, most = interval(claim.left, ranges)
    if claim.relation == ">=":
        return least >= 0
    return least == most == 0 if claim.relation == "==" else least > 0 or most < 0


def in_short(message: str) -> str:
    """A message without its arithmetic."""
    return message.partition(": ")[0]


def required(graph: Graph, ranges: Ranges, inner: Inner, reasons: Reasons) -> Form:
    return Requirements(graph, ranges, reasons)
