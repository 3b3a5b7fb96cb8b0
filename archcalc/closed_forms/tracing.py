"""The memory of a network around one size: what is alive at each step, as expressions, and where these are exact.

A tape is written once, with a guide in the place of sizes. Where torch runs a recurrent layer token by token, the tape
is another at every length. But each round of such a loop does what the one before did, so that every amount rises by
the same with every round more: what it rises by is read off tapes with few rounds.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, takewhile
from operator import attrgetter
from typing import Any, TypeAlias

from archcalc.core.volume import Volume
from archcalc.graph.application import Application
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Layer
from archcalc.memory.footprint import Line, Opaque, lines_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import field, record, replace
from archcalc.sym.expr import Claim, Expr, expression
from archcalc.sym.guided import Guide

ROUNDS = 6
"""The rounds of a loop on the shortest of three tapes: the first and the last rounds may differ from those between."""

OVERLAP = 2
"""So many rounds at least have to be alike from the beginning and from the end."""

Lines: TypeAlias = Mapping[str, Sequence[Line]]


@record
class Around:
    """For each figure of footprint.FORMS the amounts of which it is the maximum around a size, exact where all
    `conditions` hold. `why`: where memory is not predicted, the reason; then there are no amounts."""

    amounts: Mapping[str, Sequence[Expr]]
    conditions: tuple[Claim, ...]
    why: str = ""


@record
class Course:
    """The memory of a network with free symbols, trained in one way: the figures that are asked about.

    `guide`: what goes from size to size.
    """

    graph: Graph
    setup: TrainingSetup
    wanted: Sequence[str]
    guide: Guide = field(default_factory=lambda: Guide(ROUNDS))

    def around(self, **values: int) -> Around:
        """The amounts at these values of the symbols, in a form that holds at as many others as can be."""
        guide = self.guide
        guide.move(values)
        try:
            amounts = self.in_rounds(guide)
            if amounts is None:
                guide = Guide(**values)
                amounts = amounts_of(self.lines(guide))
        except Opaque as opaque:
            return Around({}, guide.conditions, str(opaque))
        return Around(amounts, guide.conditions)

    def lines(self, guide: Guide) -> Lines:
        return lines_of(guided(self.graph, guide), self.setup, self.wanted)

    def in_rounds(self, guide: Guide) -> Mapping[str, Sequence[Expr]] | None:
        """The amounts for all numbers of rounds that are not below those of the guide. None for what does not rise
        evenly."""
        lines = self.lines(guide)
        found = amounts_of(lines)
        for count in guide.counted:
            longer = [self.lines(Guide(ROUNDS, {count: more}, **guide.values)) for more in (1, 2)]
            for name, amounts in found.items():
                rises = rising(lines[name], *(each[name] for each in longer))
                if rises is None:
                    return None
                found[name] = [each + rise * (count - ROUNDS) for each, rise in zip(amounts, rises, strict=True)]
        return found


def amounts_of(lines: Lines) -> dict[str, list[Expr]]:
    return {name: [amount_of(each) for each in some] for name, some in lines.items()}


def amount_of(line: Line) -> Expr:
    return expression(line.amount).undecided


# --- loops -----------------------------------------------------------------------------------------------------------


def rising(*tapes: Sequence[Line]) -> list[Expr] | None:
    """What each line of a tape rises by with a round more, from two longer tapes, each with a round more than the one
    before. None where they do not rise evenly.

    Lines of rounds that the first tape does not have lie between those of its rounds: each is as far above the one of
    the round before as that is above the one before it.
    """
    parts = [
        [(place, list(map(amount_of, some))) for place, some in groupby(each, attrgetter("place"))] for each in tapes
    ]
    if any([place for place, _ in each] != [place for place, _ in parts[0]] for each in parts):
        return None
    found: list[Expr] = []
    for of_part in zip(*([some for _, some in each] for each in parts), strict=True):
        rises = rising_in(*of_part)
        if rises is None:
            return None
        found += rises
    return found


def rising_in(first: list[Expr], second: list[Expr], third: list[Expr]) -> list[Expr] | None:
    """The same for a part of a layer with one loop: lines of the first rounds are where they are from the beginning,
    those of the last ones from the end.

    >>> from archcalc.sym.expr import ONE
    >>> tapes = [[ONE * n for n in each] for each in ([9, 1, 2, 3, 8], [9, 1, 2, 3, 4, 9], [9, 1, 2, 3, 4, 5, 10])]
    >>> rising_in(*tapes)
    [0, 0, 0, 1, 1]
    """
    longer = len(second) - len(first)
    if longer < 0 or len(third) - len(second) != longer:
        return None
    front = evenly(zip(first, second, third, strict=False))
    if not longer:
        return front if len(front) == len(first) else None
    back = evenly(zip(reversed(first), reversed(second), reversed(third), strict=False))[::-1]
    alike = len(front) + len(back) - len(first)
    if alike < OVERLAP * longer:
        return None
    cut = len(front) - alike // 2
    return [*front[:cut], *back[cut - len(first) :]]


def evenly(rows: Iterable[tuple[Expr, Expr, Expr]]) -> list[Expr]:
    """Of the first rows what the second is above the first, as long as the third is as far above the second."""
    rises = ((b - a, c - b) for a, b, c in rows)
    return [rise for rise, again in takewhile(lambda pair: pair[0] == pair[1], rises)]


# --- a network that follows a guide ----------------------------------------------------------------------------------


def guided(graph: Graph, guide: Guide) -> Graph:
    """The network with a guide for every number that depends on a symbol."""
    lifting = Lifting(guide)
    inputs = tuple(replace(each, volume=lifting.volume(each.volume)) for each in graph.inputs)
    return replace(graph, inputs=inputs, nodes=tuple(lifting.node(node) for node in graph))


class Lifting:
    """What a guide makes of layers and volumes: of what many nodes share, one thing; of what has no symbol, itself."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide
        self.volumes: dict[int, Volume] = {}
        self.applications: dict[int, Application] = {}

    def node(self, node: Node) -> Node:
        before = node.application
        made = self.applications.get(id(before)) or self.applications.setdefault(id(before), self.application(before))
        if made is before:
            return node
        return replace(node, layer=made.layer, inputs=made.inputs, outputs=made.outputs, application=made)

    def application(self, before: Application) -> Application:
        layer = self.layer(before.layer)
        inputs, outputs = (tuple(map(self.volume, some)) for some in (before.inputs, before.outputs))
        kept = zip((layer, *inputs, *outputs), (before.layer, *before.inputs, *before.outputs), strict=True)
        alike = all(made is each for made, each in kept)
        return before if alike else Application(layer, inputs, outputs, (self.guide, before))

    def volume(self, volume: Volume) -> Volume:
        if id(volume) not in self.volumes:
            before = volume.batch, volume.channels, volume.spatial
            made = self.value(before)
            batch, channels, spatial = made
            lifted = replace(volume, batch=batch, channels=channels, spatial=spatial)
            self.volumes[id(volume)] = volume if made is before else lifted
        return self.volumes[id(volume)]

    def layer(self, layer: Layer) -> Layer:
        before = {name: getattr(layer, name) for name in layer.known}
        made = {name: self.value(value) for name, value in before.items()}
        return layer if all(made[name] is before[name] for name in before) else type(layer)(**made)

    def value(self, value: Any) -> Any:
        """The value of a field."""
        if isinstance(value, tuple):
            made = tuple(map(self.value, value))
            return value if all(a is b for a, b in zip(made, value, strict=True)) else made
        return self.guide(value) if isinstance(value, Expr) else value
