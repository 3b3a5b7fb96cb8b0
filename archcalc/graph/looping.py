"""Loops: the turns of `body for i in range(n)`, and the frames that the body of each turn stands in."""

from collections import Counter
from collections.abc import Collection, Iterator
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
from archcalc.spec.chain import Body, Choice, Each, Invocation, Merge, Step, after_lead, explicit_names
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


def in_a_row(each: Each, frame: Frame, truth: Truth) -> Iterator[Turn]:
    """The turns of a loop of which each goes on from the one before."""
    for turn in turns(each, frame, truth):
        if turn.number == 1:
            check_read(each, frame)
        yield turn


def check_read(each: Each, frame: Frame) -> None:
    """Raises SpecError if every turn of a loop begins with the same value: nothing reads what the turns before made."""
    first = each.body[0]
    value = begun_with(first, each.index, frame) if isinstance(first, Step) else ""
    if value:
        rest = each.where.text.removeprefix(f"{value} -> ")
        help = f"write two items: '- {value}', then '- {rest}'" if rest != each.where.text else ""
        message = f"each turn of the loop begins with {value}, so that nothing reads what the turns before it made"
        raise problem("AC108", message, first.where, help=help or f"name {value} in an item of its own before the loop")


def begun_with(first: Step, index: Collection[str], frame: Frame) -> str:
    """The value that a chain begins with, as it is written, whatever the index is; empty where it takes what comes."""
    call = first.call
    if first.origin:
        fixed = not any(word.text in index or word.text == "prev" for word in first.origin)
        return first.origin[0].text if fixed else ""
    if not first.leads or not isinstance(call, Invocation) or call.parens or call.positional or call.keywords:
        return ""
    if call.picked is not None:
        return "" if any(name.id in index for name in names_in(call.picked)) else call.picked.where.text
    word = call.target.text
    return "" if word in index or word == "prev" or frame.named(word) is None else word


def step_of_turn(each: Each, frame: Frame, truth: Truth) -> tuple[Body, Step]:
    """The step of one turn of a named loop, or the one that a condition chooses, after the value that goes into it if
    one is named."""
    lead, [item] = after_lead(each.body, each.index)
    while isinstance(item, Choice):
        lead, [item] = after_lead(chosen(item, frame, truth), each.index)
    assert isinstance(item, Step)
    return lead, item


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
