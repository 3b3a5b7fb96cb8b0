"""Memory in closed form, in pieces: on each set of sizes the network's tape has one structure, and each figure a form.

A tape in symbols has to decide things: which of two tensors is larger, whether a batch is 1. It is written with a guide
(sym/guided.py), a size at which all is decided as it is there; what has been decided says for which other sizes the
same forms are exact. From guide to guide the sizes are covered.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from math import inf
from typing import cast

from archcalc.closed_forms.feasibility import example, feasible
from archcalc.closed_forms.tracing import Course
from archcalc.graph.graph import Graph
from archcalc.memory.footprint import FORMS
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import field, record, replace
from archcalc.sym.bounds import Ranges
from archcalc.sym.decide import Beyond, Effort, Undecided, always, of_claim, reach
from archcalc.sym.envelope import above_least, envelope, highest_of_alike
from archcalc.sym.expr import Claim, Expr, NoClosedForm, largest
from archcalc.sym.greatest import greatest_on
from archcalc.sym.periodic import PeriodicSet

MOST_PIECES = 96
"""Where so many do not cover the sizes that are asked about, memory is said to have no closed form."""

MOST_TRIES = 8
"""So many pieces are looked at for the one that has most sizes."""

FAR_ENOUGH = 1_024
"""Where sizes without a bound cannot be decided, those up to here are."""

QUICK = 50_000
"""The effort for one condition on all sizes that are asked about."""

EVERY_SIZE = ~PeriodicSet()


@record
class Piece:
    """Memory at some sizes: the `lines` of each figure of footprint.FORMS, exact where all `conditions` hold.

    `ranges`: between which values each symbol lies there; `sizes`: these sizes, of a network with one free symbol, None
    of one with several. `why`: of sizes for which memory is not predicted, the reason; they have no lines.
    """

    lines: Mapping[str, Sequence[Expr]]
    conditions: tuple[Claim, ...]
    ranges: Ranges
    sizes: PeriodicSet | None = None
    why: str = ""

    def figures(self, *names: str) -> dict[str, Expr]:
        """Figures by their names: each the greatest of its lines, without those that are below others everywhere."""
        return {name: largest(*self.upper(self.lines[name])) for name in names}

    def upper(self, lines: Sequence[Expr]) -> Sequence[Expr]:
        """The lines that are the greatest at one of the sizes, perhaps with some that are not."""
        if self.sizes and len(self.ranges) == 1:
            [symbol] = self.ranges
            kept = greatest_on(lines, symbol, self.sizes)
            if kept is None:
                lines = above_least(highest_of_alike(lines), self.ranges)
                kept = greatest_on(lines, symbol, self.sizes)
            if kept is not None or reach(self.sizes)[1] < inf:
                return kept or lines
        return envelope(lines, self.ranges)


@record(slots=False)
class Memory:
    """The memory of a network with free symbols, trained in one way: the figures that are asked about."""

    graph: Graph
    setup: TrainingSetup
    wanted: tuple[str, ...] = FORMS

    @cached_property
    def allowed(self) -> Mapping[str, PeriodicSet]:
        """The values of every symbol that fit the network."""
        return feasible(self.graph).by_symbol

    @cached_property
    def course(self) -> Course:
        return Course(self.graph, self.setup, self.wanted)

    @property
    def symbol(self) -> str:
        """The one symbol that is free. Raises NoClosedForm where several are."""
        if len(self.graph.symbols) != 1:
            several = " and ".join(self.graph.symbols)
            raise NoClosedForm(
                f"memory is worked out in one symbol at a time; {several} are free: give numbers to others"
            )
        return next(iter(self.graph.symbols))

    def pieces(self, sizes: PeriodicSet) -> Iterator[Piece]:
        """Pieces that together have all of these sizes of the one free symbol, that of the spec's own size first.

        Raises Beyond where these are too many.
        """
        name = self.symbol
        left = sizes & feasible(self.graph).of(name)
        within = Within(name, left)
        for _ in range(MOST_PIECES):
            if not left:
                return
            own = self.graph.symbols[name].own
            piece = self.at({name: own if own is not None and own in left else int(reach(left)[0])}, within)
            left -= cast(PeriodicSet, piece.sizes)
            yield piece
        if left:
            first = int(reach(left)[0])
            raise Beyond(
                f"memory has another form at almost every {name}, and {MOST_PIECES} of them do not reach "
                f"{name} = {first:,}: bound {name} with --most {first - 1}, or give it a number",
                first - 1,
            )

    def decided(self, sizes: PeriodicSet) -> tuple[tuple[Piece, ...], int | None]:
        """The pieces of as many of these sizes as can be decided, and the last of these; None where all can.

        Raises Undecided where none can.
        """
        found: list[Piece] = []
        try:
            for piece in self.pieces(sizes):
                found.append(piece)  # what there is before it gives up
            return tuple(found), None
        except Beyond as beyond:
            last = beyond.last
            if last < int(reach(sizes & self.allowed[self.symbol])[0]):
                raise
        except Undecided:
            if reach(sizes)[1] <= FAR_ENOUGH:
                raise
            found, last = [*self.pieces(sizes & PeriodicSet.interval(1, FAR_ENOUGH))], FAR_ENOUGH
        within = PeriodicSet.interval(1, last)
        some = (replace(each, sizes=cast(PeriodicSet, each.sizes) & within) for each in found)
        return tuple(each for each in some if each.sizes), last

    def main(self) -> Piece:
        """Of the first pieces that with the most sizes; of several free symbols that of their own sizes, or where these
        are too special, as a batch of 1 is, of larger ones."""
        if len(self.allowed) > 1:
            own = example(self.graph)
            special = [
                name for name, exact in exact_sizes(self.at(own), self.allowed).items() if reach(exact)[1] == own[name]
            ]
            return self.at(own | {name: self.allowed[name].next(own[name] + 1) or own[name] for name in special})
        found = islice(self.pieces(EVERY_SIZE), MOST_TRIES)
        return max(found, key=lambda piece: reach(piece.sizes or EVERY_SIZE)[1] - reach(piece.sizes or EVERY_SIZE)[0])

    def at(self, values: Mapping[str, int], within: "Within | None" = None) -> Piece:
        """The piece that a size is in, of those of one symbol that are asked about.

        Raises NoClosedForm where something has to be known that no size decides.
        """
        if self.graph.repeats:
            counts = ", ".join(dict.fromkeys(str(each.count) for each in self.graph.repeats))
            raise NoClosedForm(f"the memory of a free number of copies ({counts}) is not worked out: give it a number")
        found = self.course.around(**values)
        if within:
            conditions, sizes = within.where(found.conditions)
            return Piece(found.amounts, conditions, {within.symbol: reach(sizes)}, sizes, found.why)
        conditions = tuple(each for each in found.conditions if not always(each, self.allowed).holds)
        ranges = {name: reach(each) for name, each in self.allowed.items()}
        return Piece(found.amounts, conditions, ranges, None, found.why)


@record
class Within:
    """The sizes that are asked about, of one symbol, and those of them at which conditions hold: guides write down the
    same ones again and again."""

    symbol: str
    sizes: PeriodicSet
    known: dict[Claim, PeriodicSet | None] = field(default_factory=dict)

    def where(self, conditions: Iterable[Claim]) -> tuple[tuple[Claim, ...], PeriodicSet]:
        """Those conditions that do not hold everywhere, and the sizes at which all hold."""
        sizes, kept, rest = self.sizes, [], []
        for each in conditions:
            found = self.held(each)
            if found is None:
                rest.append(each)
            elif found != self.sizes:
                kept.append(each)
                sizes &= found
        for each in rest:
            sizes = of_claim(each, self.symbol, sizes)
        return (*kept, *rest), sizes

    def held(self, condition: Claim) -> PeriodicSet | None:
        """The sizes at which a condition holds; None where that is quick to decide only of few sizes."""
        if condition not in self.known:
            try:
                self.known[condition] = of_claim(condition, self.symbol, self.sizes, Effort(QUICK))
            except Undecided:
                self.known[condition] = None
        return self.known[condition]


def where(conditions: Iterable[Claim], fits: tuple[str, PeriodicSet]) -> PeriodicSet:
    """The sizes of those that fit a symbol for which conditions on it hold."""
    name, allowed = fits
    for each in conditions:
        allowed &= of_claim(each, name, allowed)
    return allowed


def exact_sizes(piece: Piece, fits: Mapping[str, PeriodicSet]) -> dict[str, PeriodicSet]:
    """For each symbol the sizes of those that fit for which the conditions on it alone hold."""
    alone = [each for each in piece.conditions if len(each.left.symbols()) == 1]
    return {
        name: where((each for each in alone if name in each.left.symbols()), (name, allowed))
        for name, allowed in fits.items()
    }


def exactness(piece: Piece, fits: Mapping[str, PeriodicSet]) -> Iterator[str]:
    """For which of the sizes that fit a piece is exact, in words: each symbol on its own, then several together."""
    yield from (exact.named(name) for name, exact in exact_sizes(piece, fits).items() if exact != fits[name])
    yield from (str(each) for each in piece.conditions if len(each.left.symbols()) > 1)
