"""Memory in closed form, in pieces: on each set of sizes the network's tape has one structure, and each figure a form.

A tape in symbols has to decide things: which of two tensors is larger, whether a batch is 1. It is written with a guide
(sym/guided.py), a size at which all is decided as it is there; what has been decided says for which other sizes the
same forms are exact. From guide to guide the sizes are covered.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, cast

from archcalc.closed_forms.feasibility import example, feasible
from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Layer
from archcalc.memory.footprint import Opaque, lines_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import record, replace
from archcalc.sym.bounds import Ranges
from archcalc.sym.decide import Undecided, always, of_claim, reach
from archcalc.sym.envelope import envelope
from archcalc.sym.expr import Claim, Expr, NoClosedForm, expression, largest
from archcalc.sym.greatest import greatest_on
from archcalc.sym.guided import Guide
from archcalc.sym.periodic import PeriodicSet

MOST_PIECES = 96
"""Where so many do not cover the sizes that are asked about, memory is said to have no closed form."""

MOST_TRIES = 8
"""So many pieces are looked at for the one that has most sizes."""

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
        """The lines that are the greatest at one of the sizes."""
        if self.sizes and len(self.ranges) == 1 and is_broken(self.sizes):
            [symbol] = self.ranges
            if found := greatest_on(lines, symbol, self.sizes):
                return found
        return envelope(lines, self.ranges)


@record(slots=False)
class Memory:
    """The memory of a network with free symbols, trained in one way."""

    graph: Graph
    setup: TrainingSetup

    @cached_property
    def allowed(self) -> Mapping[str, PeriodicSet]:
        """The values of every symbol that fit the network."""
        return feasible(self.graph).by_symbol

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

        Raises Undecided where these are too many.
        """
        name = self.symbol
        left = sizes & feasible(self.graph).of(name)
        for _ in range(MOST_PIECES):
            if not left:
                return
            own = self.graph.symbols[name].own
            piece = self.at({name: own if own is not None and own in left else int(reach(left)[0])}, sizes)
            left -= cast(PeriodicSet, piece.sizes)
            yield piece
        if left:
            first = int(reach(left)[0])
            raise Undecided(
                f"memory has another form at almost every {name}, and {MOST_PIECES} of them do not reach "
                f"{name} = {first:,}: bound {name} with --most {first - 1}, or give it a number"
            )

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

    def at(self, values: Mapping[str, int], asked: PeriodicSet = EVERY_SIZE) -> Piece:
        """The piece that a size is in, of those that are asked about.

        Raises NoClosedForm where something has to be known that no size decides.
        """
        if self.graph.repeats:
            counts = ", ".join(dict.fromkeys(str(each.count) for each in self.graph.repeats))
            raise NoClosedForm(f"the memory of a free number of copies ({counts}) is not worked out: give it a number")
        guide = Guide(**values)
        lines, why = {}, ""
        try:
            found = lines_of(guided(self.graph, guide), self.setup)
            lines = {name: [expression(each).undecided for each in some] for name, some in found.items()}
        except Opaque as opaque:
            why = str(opaque)
        conditions = tuple(each for each in guide.conditions if not always(each, self.allowed).holds)
        fits = [(name, allowed & asked) for name, allowed in self.allowed.items()]
        sizes = where(conditions, *fits) if len(fits) == 1 else None
        within = self.allowed if sizes is None else {self.symbol: sizes}
        return Piece(lines, conditions, {name: reach(each) for name, each in within.items()}, sizes, why)


def is_broken(sizes: PeriodicSet) -> bool:
    """Whether it ends, or has gaps without end."""
    return sizes.pieces[-1].end is not None or sizes.pieces[-1].period > 1


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


# --- a network that follows a guide ----------------------------------------------------------------------------------


def guided(graph: Graph, guide: Guide) -> Graph:
    """The network with a guide for every number that depends on a symbol."""
    inputs = tuple(replace(each, volume=of_volume(each.volume, guide)) for each in graph.inputs)
    return replace(graph, inputs=inputs, nodes=tuple(of_node(node, guide) for node in graph))


def of_node(node: Node, guide: Guide) -> Node:
    inputs, outputs = (tuple(of_volume(each, guide) for each in some) for some in (node.inputs, node.outputs))
    return replace(node, layer=of_layer(node.layer, guide), inputs=inputs, outputs=outputs)


def of_volume(volume: Volume, guide: Guide) -> Volume:
    batch, channels, spatial = (of_value(each, guide) for each in (volume.batch, volume.channels, volume.spatial))
    return replace(volume, batch=batch, channels=channels, spatial=spatial)


def of_layer(layer: Layer, guide: Guide) -> Layer:
    return type(layer)(**{name: of_value(getattr(layer, name), guide) for name in layer.known})


def of_value(value: Any, guide: Guide) -> Any:
    """The value of a field."""
    if isinstance(value, tuple):
        return tuple(of_value(each, guide) for each in value)
    return guide(value) if isinstance(value, Expr) else value
