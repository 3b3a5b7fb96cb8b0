"""What a rule of lowering is: which functions it takes, and the names of their arguments."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from archcalc.importing.lowering.lowering import Lowering, NotExact
from archcalc.importing.program import Operation
from archcalc.record import record

Arguments: TypeAlias = Mapping[str, Any]
"""The arguments of a call by name; those that it leaves out are missing."""

Place: TypeAlias = Callable[[Lowering, Operation, Arguments], bool]
"""Places layers for an operation and returns True; False if no layer does the same."""


@record
class Rule:
    """`names`: the arguments that calls may pass by position, in torch's order; the last one, with a star, takes the
    rest."""

    place: Place
    names: tuple[str, ...]

    def arguments(self, operation: Operation) -> Arguments:
        """The arguments by name."""
        given = list(operation.arguments)
        found: dict[str, Any] = {}
        for i, name in enumerate(self.names):
            if name.startswith("*"):
                rest = given[i:]
                listed = len(rest) == 1 and isinstance(rest[0], tuple)
                found[name[1:]] = tuple(rest[0]) if listed else tuple(rest)
            elif i < len(given):
                found[name] = given[i]
        return found | dict(operation.keywords)


RULES: dict[str, Rule] = {}
"""The rule of each function, by its short name."""


def lowers(*functions: str, takes: str) -> Callable[[Place], Place]:
    """Registers a rule for these functions; `takes` are the names of their arguments in torch's order."""

    def register(place: Place) -> Place:
        for function in functions:
            if function in RULES:
                raise TypeError(f"two rules lower {function}")
            RULES[function] = Rule(place, tuple(takes.split()))
        return place

    return register


def lower(lowering: Lowering, operation: Operation) -> bool:
    """Whether a layer was placed for an operation."""
    rule = RULES.get(operation.function)
    try:
        return rule is not None and rule.place(lowering, operation, rule.arguments(operation))
    except NotExact:
        return False
