"""Calls that were bound before: repeated blocks make the same layers from the same arguments, copy after copy."""

from typing import Any, TypeAlias

from archcalc.core.diagnostic import SpecError
from archcalc.graph.application import MANY
from archcalc.graph.binding import Bound, bind
from archcalc.graph.frame import Named
from archcalc.layer import Layer
from archcalc.record import field, record
from archcalc.spec.chain import Invocation
from archcalc.spec.expression import Expression, Names, Number, Word, names_in

Defaults = tuple[tuple[Word, Expression, Names], ...]


class NotAlike(Exception):
    """A name stands for a layer: what a call makes of it depends on more than its value."""


Given: TypeAlias = tuple[Expression, ...]


@record
class Used:
    """The names that the arguments of a call use, and those that each default uses; `given`: those arguments."""

    own: tuple[str, ...]
    theirs: tuple[tuple[int, str], ...]
    given: Given

    @classmethod
    def by(cls, call: Invocation, defaults: Defaults) -> "Used":
        stated = [*call.positional, *(value for _, value in call.keywords)]
        assumed = [value for _, value, _ in defaults]
        own = dict.fromkeys(name.id for each in stated for name in names_in(each))
        theirs = tuple((i, name.id) for i, value in enumerate(assumed) for name in names_in(value))
        return cls(tuple(own), theirs, (*stated, *assumed))


@record
class Remembered:
    """Binds each call once for the same values of the names that its arguments use.

    Calls are the same if their arguments are, as objects: each expression of a document is read once. They are kept
    with what was bound, so that no others take their identities. Calls of numbers alone are the same on
    every line. `used`: for calls that use names.
    """

    used: dict[Any, Used] = field(default_factory=dict)
    known: dict[Any, tuple[Bound, Given]] = field(default_factory=dict)

    def make_room(self) -> None:
        """Forgets all calls once they are many: between networks, of which variants share their calls."""
        if len(self.used) > MANY or len(self.known) > MANY:
            self.used.clear()
            self.known.clear()

    def bound(self, call: Invocation, layer: type[Layer], names: Names, defaults: Defaults) -> Bound:
        """What `bind` makes of a call. Raises SpecError as it does."""
        plain = not call.keywords and not defaults
        written: Any = (layer, call.target.text, *map(number_or_id if plain else id, call.positional))
        if not plain:
            stated = [(word.text, id(value)) for word, value in call.keywords]
            written = (*written, *stated, *[(word.text, id(value)) for word, value, _ in defaults])
        known = self.known.get(written)
        if known is not None:
            return known[0]
        used = self.used.get(written) or Used.by(call, defaults)
        key = written
        if used.own or used.theirs:
            self.used[written] = used
            try:
                own = [comparable(names.get(name)) for name in used.own]
                theirs = [comparable(defaults[i][2].get(name)) for i, name in used.theirs]
            except (NotAlike, SpecError):
                return bind(call, layer, names, defaults)
            key = (*written, *own, *theirs)
            known = self.known.get(key)
        if known is None:
            bound = bind(call, layer, names, defaults)
            if plain and (bound.others or bound.asserted):  # these know where they stand: another call stands elsewhere
                return bound
            known = self.known[key] = bound, used.given
        return known[0]


REMEMBERED = Remembered()
"""The calls of networks so far."""


def number_or_id(value: Expression) -> Any:
    """What an argument is known by: a number that stands there by itself, any other by its identity."""
    return (Number, type(value.value), value.value) if isinstance(value, Number) else id(value)


def comparable(value: Any) -> Any:
    """A value with its type: 1, 1.0 and true are equal, and not the same argument. Raises NotAlike."""
    if isinstance(value, Named):
        raise NotAlike
    if isinstance(value, tuple):
        return tuple(map(comparable, value))
    return type(value), value
