"""Loops: the turns of `body for i in range(n)`, and the frames that the body of each turn stands in."""

from collections import Counter
from collections.abc import Iterator
from typing import cast

from archcalc.core.diagnostic import problem
from archcalc.core.dim import Dim, is_number
from archcalc.graph.binding import shown
from archcalc.graph.bounds import evaluated_in
from archcalc.graph.deciding import chosen
from archcalc.graph.declarations import WORDS
from archcalc.graph.frame import Frame, Site
from archcalc.graph.inference import UNKNOWN
from archcalc.record import record, replace
from archcalc.spec.chain import Body, Choice, Each, Merge, Step, explicit_names
from archcalc.spec.expression import Expression, Function, Inner, Names, names_in
from archcalc.spec.value import Truth


@record
class Turn:
    """One turn of a loop: its number, and the values of the index."""

    number: int
    index: Names

    @property
    def said(self) -> str:
        return ", ".join(f"{name} = {shown(value)}" for name, value in self.index.items())

    def frame(self, each: Each, frame: Frame) -> Frame:
        """Where the body of an unnamed loop stands: what it makes is numbered on."""
        return self.within(frame, f"in the loop at line {each.where.line + 1}, {self.said}")

    def member(self, name: str, frame: Frame) -> Frame:
        """Where the call of a named loop stands."""
        return self.within(frame, f"in {name}.{self.number}, {self.said}")

    def within(self, frame: Frame, note: str) -> Frame:
        names = Inner(frame.names, self.index, frame.meter)
        return replace(frame, names=names, stack=(*frame.stack, Site(note, guarded=frame.guarded)))


def turns(each: Each, frame: Frame, truth: Truth) -> Iterator[Turn]:
    """The turns of a loop, in order."""
    for number, index in enumerate(each.loop.turns(frame.scope, WORDS, truth)):
        yield Turn(number, index)


def free_count(each: Each, frame: Frame, truth: Truth) -> Dim | None:
    """The number of turns of `for i in range(n)` if n is free; None for every other loop.

    Raises SpecError if the turns differ: no closed form adds up layers that depend on the index.
    """
    over = each.loop.over
    if not isinstance(over, Function) or over.name.text != "range" or len(over.arguments) != 1:
        return None
    count = over.arguments[0].evaluate(frame.scope, WORDS, truth)
    if isinstance(count, bool | str | tuple) or is_number(cast(Dim, count)):
        return None
    index = each.loop.targets[0]
    used = [name for part in expressions_of(each.body) for name in names_in(part) if name.id == index.text]
    if used or each.loop.condition is not None:
        where = used[0].where if used else each.loop.where
        message = f"the turns of this loop depend on {index.text}, and {count} of them are no number"
        raise problem("AC136", message, where, help="set the symbol with --set")
    return cast(Dim, count)


def expressions_of(body: Body) -> Iterator[Expression]:
    """Every expression in a chain, with those of its paths."""
    for item in body:
        yield from evaluated_in(item)
        if isinstance(item, Choice):
            yield from expressions_of((*item.then, *item.otherwise))
        elif isinstance(item, Each):
            yield from expressions_of(item.body)
        elif isinstance(item.call, Merge):
            for path in item.call.paths:
                yield from expressions_of(path)


def check_names(each: Each) -> None:
    """Raises SpecError for a name that every turn would give again."""
    own = each.named
    within = explicit_names(each.body) - ({own.name.text} if own and own.name else set())
    if within and not (own and isinstance(own.call, Merge)):
        name = min(within)
        message = f"each turn of the loop would give the name '{name}' again"
        help = f"make the chain a block, and name its call: {name} = my_block(i) for i in range(n)"
        raise problem("AC107", message, each.where, help=help)


def step_of_turn(each: Each, frame: Frame, truth: Truth) -> Step:
    """The step of one turn of a named loop, or the one that a condition chooses."""
    [item] = each.body
    while isinstance(item, Choice):
        [item] = chosen(item, frame, truth)
    assert isinstance(item, Step)
    return item


def check_made(step: Step, made: str, layers: int) -> None:
    """Raises SpecError if a turn of a named loop made no layer, which would have the name of the turn."""
    if made != UNKNOWN and not layers:
        message = f"{step.call.target.text} makes no layer, and each turn of a named loop has to"
        raise problem("AC107", message, step.where, help="write identity, or make the choice a block")


def members_frame(frame: Frame, name: str, numbered: bool = True) -> Frame:
    """Where the members of a named repeat stand: name.0, name.1 ..., or by their own names as in a block."""
    return replace(
        frame,
        prefix=frame.path(name),
        module=frame.module_path(name),
        names=frame.scope,
        numbered=numbered,
        taken=frozenset(),
        counts=Counter(),
        local={},
        places={},
    )
