"""Names: which value of the network a word of the spec stands for, where it is read."""

import re

from archcalc.core.diagnostic import Label, SpecError, did_you_mean, problem
from archcalc.core.location import Location
from archcalc.graph.declarations import unknown_layer
from archcalc.graph.frame import INCOMING, MEMBERS, Frame, Named, Several, is_members
from archcalc.graph.inference import Network
from archcalc.record import record
from archcalc.spec.expression import Expression, Word
from archcalc.spec.value import kind_of


@record
class Resolver:
    """Finds names among what a frame knows and what the network has so far."""

    network: Network

    def value(self, word: Word, source: str, frame: Frame) -> str:
        """The path of the value that a name stands for; `source` is what `prev` is there."""
        found = self.named(word, source, frame)
        if found is not None:
            return value_of(found, word.text, word.where)
        names = names_of_layers(frame)
        help = self.elsewhere(word.text, frame) if word.text == "input" else frame.why_missing(word.text)
        help = (
            help or did_you_mean(word.text, names) or (f"names so far: {', '.join(names)}" if len(names) < 12 else "")
        )
        raise problem("AC102", f"no earlier layer is named '{word.text}'", word.where, help=help)

    def hint(self, name: str, frame: Frame) -> str:
        """What is meant by a name that no single value has."""
        return frame.why_missing(name) or (self.elsewhere(name, frame) if name == "input" else "")

    def called(self, word: Word, source: str, frame: Frame) -> Named:
        """What a name stands for where a call stands."""
        found = self.named(word, source, frame)
        if found is not None:
            return found
        raise self.unknown_call(word, frame)

    def named(self, word: Word, source: str, frame: Frame) -> Named | None:
        return Named(source) if word.text == "prev" else frame.named(word.text)

    def values(self, word: Word, source: str, frame: Frame) -> tuple[str, ...]:
        """The paths of the values that a name stands for: several for the members of a repeat."""
        if MEMBERS not in word.text:
            return (self.value(word, source, frame),)
        found = tuple(value_of(each, word.text, word.where) for each in frame.members(word.text))
        lacks = bool(found) and bool(frame.lacking(word.text))
        if found and not lacks:
            return found
        base = word.text.partition(MEMBERS)[0]
        help = frame.why_missing(word.text) if lacks else f"{base}.* needs a repeat with a name: {base} = block * 3"
        raise problem("AC102", f"'{word.text}' stands for no earlier layers", word.where, help=help)

    def entry(self, picked: Expression, frame: Frame) -> Named:
        """The layer that an entry of a list is: `ys[i]`."""
        found = picked.evaluate(frame.scope)
        if isinstance(found, Named):
            return found
        what, text = kind_of(found), picked.where.text
        help = f"write {text}.* for all of them" if is_members(found) else ""
        raise problem("AC101", f"{text} is {what}, and a path needs a layer", picked.where, help=help)

    def unknown_call(self, word: Word, frame: Frame) -> SpecError:
        if help := self.hint(word.text, frame) or self.elsewhere(word.text, frame):
            return problem("AC101", f"no earlier layer is called '{word.text}'", word.where, help=help)
        return unknown_layer(word.text, word.where, [*frame.library.blocks, *names_of_layers(frame)])

    def elsewhere(self, name: str, frame: Frame) -> str:
        """Where a layer of that name is, if not where it is seen."""
        if name in frame.taken:
            return "it is defined later; a chain can use only earlier layers"
        if name == "input" and frame.within_block:
            return "a block's own input is x; pass the network's input as an argument if that is meant"
        return ""


def value_of(named: Named, written: str, where: Location) -> str:
    """The path of the value that a name stands for. Raises SpecError where people would take it for another one."""
    if named.several:
        help = f"write one of them: {', '.join(f'{written}.{name}' for name in named.several)}"
        raise problem("AC142", f"'{written}' ends in several values", where, help=help)
    if not named.chain:
        return str(named)
    head, *others = (place.text for place in named.chain)
    given = re.match(r"(\w+)\s*=\s*", head)
    name, first = (given[1], head[given.end() :]) if given else (written, head)
    end = " -> ".join([first, *others[:-1], f"{name} = {others[-1]}"])
    items = f"`- {name} = {first}` and `- {' -> '.join(others)}`"
    raise problem(
        "AC139",
        f"'{written}' is the first layer of its chain, {first}, and not what the chain ends in",
        where,
        labels=[Label(named.chain[0], "named here")],
        help=f"write `{end}` if the end is meant, or two items, {items}, if the first layer is meant",
    )


def single(source: str, where: Location) -> str:
    """The path of a value that goes into something. Raises SpecError where there are several."""
    if isinstance(source, Several):
        names = ", ".join(source.names)
        help = f"begin an item with one of them: {source.names[0]} -> ..."
        raise problem("AC142", f"several values come in here, {names}, and a chain carries one", where, help=help)
    return source


def names_of_layers(frame: Frame) -> list[str]:
    return [name for name in frame.scope if isinstance(frame.scope.found(name), Named)]


def claim(name: Word, frame: Frame) -> None:
    """Makes sure that a name is new in its frame."""
    if name.text == INCOMING and isinstance(frame.names.get(INCOMING), Named):
        message = f"'{INCOMING}' is the input of the block, so a layer in it cannot have this name"
        raise problem("AC107", message, name.where, help="give the layer another name")
    if name.text in frame.places:
        raise problem(
            "AC107",
            f"the name '{name.text}' is used twice",
            name.where,
            notes=[f"first used at {frame.places[name.text]}"],
            help="layer names are unique within a block",
        )
    frame.places[name.text] = name.where
