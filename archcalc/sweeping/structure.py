"""The designs of one structure, evaluated in chunks: conditions first, the cheapest of them before the others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import prod

import numpy as np

from archcalc.core.diagnostic import SpecError
from archcalc.record import field, record
from archcalc.sweeping.arrays import Formula, Inner, Test
from archcalc.sweeping.evaluator import Evaluator, Points
from archcalc.sweeping.forms import Maker, Reasons, in_short, maker_of, required
from archcalc.sweeping.front import Numbers
from archcalc.sweeping.network import VARIANT, Network, network_of, with_values
from archcalc.sweeping.quantity import Quantity
from archcalc.sweeping.question import Parsed, Question, symbol_of
from archcalc.sweeping.space import Array, Space, Value
from archcalc.sym.expr import Claim, Expr

CHUNK = 1 << 16
"""Designs at a time: the arrays of a few quantities then stay in the processor's cache."""

FEW = 1 << 13
"""Designs at a time where memory is wanted: each of many networks then needs pieces of its own."""

THIN = 4
"""A block of which less than one in so many designs are left is thinned out."""


@record(frozen=False)
class Tally:
    """What became of the designs: how many there were, how many have no numbers and why, and how many each condition
    excluded."""

    designs: int = 0
    kept: int = 0
    invalid: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.designs += other.designs
        self.kept += other.kept
        self.invalid.update(other.invalid)
        self.excluded.update(other.excluded)


@record
class Consecutive:
    """Consecutive numbers, as an array that is not stored."""

    first: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, positions: Array) -> Array:
        return self.first + positions


class Batch:
    """Some designs, and what is known of them: a block of outer by inner points, or a list."""

    def __init__(self, points: Points, first: int) -> None:
        self.points, self.first = points, first
        self.designs: Array | None = None  # all from the first on
        self.alive: Array | None = None  # all of them
        self.known: dict[str, Array] = {}

    @property
    def left(self) -> int:
        return self.points.count if self.alive is None else int(self.alive.sum())

    def keep(self, good: Array) -> int:
        """Leaves out the designs that are not good, and returns how many these are."""
        if good.all():
            return 0
        before = self.left
        good = np.broadcast_to(good, self.points.shape)
        self.alive = good if self.alive is None else self.alive & good
        left = int(self.alive.sum())
        if len(self.points.shape) == 1 or left * THIN < self.points.count:
            self.thin()
        return before - left

    def thin(self) -> None:
        """Makes a list of the designs that are left."""
        shape = self.points.shape
        numbers = np.arange(self.first, self.first + self.points.count) if self.designs is None else self.designs
        chosen = np.arange(self.points.count) if self.alive is None else np.flatnonzero(self.alive)
        self.designs = numbers[chosen]
        self.known = {name: np.broadcast_to(each, shape).reshape(-1)[chosen] for name, each in self.known.items()}
        self.points, self.alive = self.points.where(chosen), None

    def numbers(self) -> Numbers:
        """The numbers of the designs that are left."""
        if self.designs is None and self.alive is None:
            return Consecutive(self.first, self.points.count)
        found = np.arange(self.first, self.first + self.points.count) if self.designs is None else self.designs
        return found if self.alive is None else found[self.alive.ravel()]

    def values(self, name: str) -> Array:
        """What is known of the designs that are left, in one dimension."""
        whole = np.broadcast_to(self.known[name], self.points.shape)
        return whole.reshape(-1) if self.alive is None else whole[self.alive]


@record(frozen=False, slots=False)
class Structure:
    """All designs with one choice of what changes the structure. `number`: which one, in the order of the space."""

    question: Question
    number: int

    def __post_init__(self) -> None:
        axes, count = self.question.space.axes, self.question.structural
        self.outer, self.grid = Space(axes[:count]), Space(axes[count:])
        self.chosen: dict[str, Value] = self.outer.design(self.number) if count else {}
        self.reasons = Reasons()
        self.axes = dict(enumerate(self.grid.axes))

    @cached_property
    def network(self) -> Network:
        """The network with all numbers of the grid free. Raises SpecError."""
        given = {name: value for name, value in self.chosen.items() if name != VARIANT}
        document = self.question.documents[str(self.chosen.get(VARIANT, ""))]
        document, batch = with_values(document, self.question.batch, given)
        return network_of(document, self.grid.names, batch, self.question.dtype)

    def inner(self, free: Mapping[str, Sequence[str]]) -> Inner:
        """The symbols of the inner axes that are free, those of the last axis first."""
        return [
            frozenset(each for name in axis.columns for each in free.get(name, ()))
            for axis in reversed(self.inner_space.axes)
        ]

    @property
    def inner_space(self) -> Space:
        return Space(self.grid.axes[len(self.grid.axes) - self.question.inner :])

    def evaluator(self, make: Maker, given: Mapping[str, Value] | None = None) -> Evaluator:
        """What evaluates a quantity, in the network with some values other than those of the design."""
        network = self.network.at(given) if given else self.network
        return Evaluator(network, self.axes, make, self.inner(network.symbols), self.reasons)

    @cached_property
    def requirements(self) -> Evaluator:
        return self.evaluator(required)

    @cached_property
    def quantities(self) -> dict[Quantity, Evaluator]:
        setup = self.question.setup
        return {each: self.evaluator(maker_of(each, setup), each.given) for each in self.question.quantities}

    @cached_property
    def tests(self) -> list[tuple[Parsed, Test | bool]]:
        """The conditions, the cheapest first."""
        names = self.network.names
        order = sorted(self.question.where, key=lambda each: max((q.cost for q in each.quantities.values()), default=0))
        claims = [(each, each.claim(names)) for each in order]
        return [(each, Test(made, None) if isinstance(made, Claim) else made) for each, made in claims]

    @cached_property
    def formulas(self) -> dict[str, Formula | int]:
        """The objectives, and what the histogram counts, by their texts."""
        wanted = [*self.question.computed, *self.question.columns]
        values = {each.text: each.value(self.network.names) for each in wanted}
        return {text: Formula(each, None) if isinstance(each, Expr) else each for text, each in values.items()}

    # --- chunks ------------------------------------------------------------------------------------------------------

    def chunk(self, begin: int, end: int, tally: Tally) -> Batch | None:
        """The designs of the grid from `begin` to `end` that meet the conditions; counts the others."""
        tally.designs += end - begin
        try:
            batch = self.batch(begin, end)
            _ = self.network
        except SpecError as error:
            if not self.chosen:
                raise
            tally.invalid[in_short(error.diagnostics[0].message)] += end - begin
            return None
        _ = self.formulas  # a name that is not known is reported before anything is evaluated
        self.sift(batch, tally)
        tally.kept += batch.left
        return batch

    def batch(self, begin: int, end: int) -> Batch:
        """Designs as a block if they are whole rows of it, or a part of one row along one axis."""
        first, inner = self.number * self.grid.size, self.inner_space
        is_whole = begin % inner.size == 0 and end % inner.size == 0
        is_part = self.question.inner == 1 and begin // inner.size == (end - 1) // inner.size
        if inner.size > 1 and (is_whole or is_part):
            outer = Space(self.grid.axes[: len(self.grid.axes) - self.question.inner])
            numbers = np.arange(begin // inner.size, -(-end // inner.size))
            rows = [each.reshape(-1, *[1] * len(inner.shape)) for each in outer.rows(numbers)]
            start = begin % inner.size
            slices = [slice(length) for length in inner.shape] if is_whole else [slice(start, start + end - begin)]
            sides = np.ogrid[:1, *slices][1:]
            rows += sides
            shape: tuple[int, ...] = (len(numbers), *(each.size for each in sides))
        else:
            rows, shape = self.grid.rows(np.arange(begin, end)), (end - begin,)
        return Batch(Points(self.grid.axes, dict(enumerate(rows)), shape), first + begin)

    def sift(self, batch: Batch, tally: Tally) -> None:
        """Leaves out what does not fit, has no numbers or does not meet a condition; computes what is wanted."""
        for parsed, test in self.tests:
            if test is False or (test is not True and not parsed.quantities):
                self.test(batch, parsed, test, tally)
        self.evaluate(batch, "", self.requirements, tally)
        for parsed, test in self.tests:
            if parsed.quantities and test is not False:
                self.find(batch, parsed.quantities.values(), tally)
                self.test(batch, parsed, test, tally)
        for each in self.question.computed:
            self.work_out(batch, each.text, tally)

    def work_out(self, batch: Batch, text: str, tally: Tally) -> None:
        """Computes an objective of the designs that are left."""
        self.find(batch, self.needed[text], tally)
        if batch.left:
            formula = self.formulas[text]
            symbols = self.requirements.values(batch.points) | batch.known
            batch.known[text] = formula.at(symbols) if isinstance(formula, Formula) else np.asarray(formula)

    @cached_property
    def needed(self) -> dict[str, Sequence[Quantity]]:
        """The quantities in each formula."""
        wanted = [*self.question.computed, *self.question.columns]
        return {each.text: tuple(each.quantities.values()) for each in wanted}

    def test(self, batch: Batch, parsed: Parsed, test: Test | bool, tally: Tally) -> None:
        if batch.left and test is not True:
            symbols = {**self.requirements.values(batch.points), **batch.known}
            good = test.at(symbols) if isinstance(test, Test) else np.asarray(test)
            tally.excluded[parsed.text] += batch.keep(good)

    def find(self, batch: Batch, quantities: Iterable[Quantity], tally: Tally) -> None:
        """Computes quantities of the designs that are left."""
        for each in quantities:
            if symbol_of(each) not in batch.known:
                self.evaluate(batch, symbol_of(each), self.quantities[each], tally)

    def evaluate(self, batch: Batch, name: str, evaluator: Evaluator, tally: Tally) -> None:
        """Computes one quantity, and leaves out the designs that have none; counts them by reason."""
        if not batch.left:
            return
        if not evaluator.is_quick:
            batch.thin()
        found = evaluator.at(batch.points)
        if name:
            batch.known[name] = found.values
        if found.why is not None:
            why = np.broadcast_to(found.why, batch.points.shape)
            lost = np.bincount(why.ravel() if batch.alive is None else why[batch.alive])
            for reason, text in enumerate(self.reasons.texts, 1):
                if reason < len(lost) and lost[reason]:
                    tally.invalid[text] += int(lost[reason])
            batch.keep(found.why == 0)


def chunks(question: Question, begin: int, end: int) -> list[tuple[int, int, int]]:
    """The chunks of the designs from `begin` to `end`: the number of the structure, and the part of its grid."""
    size = prod(question.space.shape[question.structural :])
    found = []
    while begin < end:
        structure, here = divmod(begin, size)
        stop = min(size, here + end - begin, edge_from(question, here + 1))
        found.append((structure, here, stop))
        begin += stop - here
    return found


def edge_from(question: Question, here: int) -> int:
    """The first design of a grid, from this one on, at which a chunk begins: after whole rows, or within a long one."""
    step, width = step_of(question), width_of(question)
    if step >= width:
        return -(-here // step) * step
    row, rest = divmod(here, width)
    return row * width + min(width, -(-rest // step) * step)


def step_of(question: Question) -> int:
    """The designs of a chunk: whole rows, or a part of a long one."""
    width = width_of(question)
    most = FEW if any(each.cost > 2 for each in question.quantities) else CHUNK
    return most // width * width if width <= most else most


def width_of(question: Question) -> int:
    """The designs of a row of a block."""
    return prod(question.space.shape[len(question.space.shape) - question.inner :])
