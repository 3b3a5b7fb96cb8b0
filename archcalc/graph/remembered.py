"""Calls that were bound before: repeated blocks make the same layers from the same arguments, copy after copy."""

from typing import Any

from archcalc.core.diagnostic import SpecError
from archcalc.graph.binding import Bound, bind
from archcalc.graph.frame import Named
from archcalc.layer import Layer
from archcalc.record import field, record
from archcalc.spec.chain import Invocation
from archcalc.spec.expression import Expression, Names, Word, names_in

Defaults = tuple[tuple[Word, Expression, Names], ...]


class NotAlike(Exception):
    """A name stands for a layer: what a call makes of it depends on more than its value."""


@record
class Remembered:
    """Binds each call once for the same values of the names that its arguments use.

    Calls are the same if their arguments are, as objects: each expression of a document is read once. What was bound
    keeps its call, and with it those objects.
    """

    names: dict[Any, tuple[str, ...]] = field(default_factory=dict)
    known: dict[Any, tuple[Invocation, Defaults, Bound]] = field(default_factory=dict)

    def bound(self, call: Invocation, layer: type[Layer], names: Names, defaults: Defaults) -> Bound:
        """What `bind` makes of a call. Raises SpecError as it does."""
        written = (layer, call.target.text, id(defaults), *map(id, call.positional), *map(id_of_keyword, call.keywords))
        used = self.names.get(written)
        if used is None:
            used = self.names_of(written, call)
        try:
            key = (*written, *[comparable(names.get(name)) for name in used]) if used else written
        except (NotAlike, SpecError):
            return bind(call, layer, names, defaults)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = call, defaults, bind(call, layer, names, defaults)
        return known[2]

    def names_of(self, written: Any, call: Invocation) -> tuple[str, ...]:
        """The names that the arguments of a call use."""
        given = (*call.positional, *(value for _, value in call.keywords))
        used = self.names[written] = tuple(dict.fromkeys(name.id for each in given for name in names_in(each)))
        return used


def id_of_keyword(keyword: tuple[Word, Expression]) -> tuple[str, int]:
    return keyword[0].text, id(keyword[1])


def comparable(value: Any) -> Any:
    """A value with its type: 1, 1.0 and true are equal, and not the same argument. Raises NotAlike."""
    if isinstance(value, Named):
        raise NotAlike
    if isinstance(value, tuple):
        return tuple(map(comparable, value))
    return type(value), value
