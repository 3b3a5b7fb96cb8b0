"""What a sweep can count, filter and optimise: totals of measures, figures of memory, the receptive field.

Each is written by its name, with other values for some names in brackets: `training_peak(N=32)`.
"""

import re
from collections.abc import Mapping

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.core.diagnostic import did_you_mean
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import FIELD
from archcalc.memory.footprint import FORMS
from archcalc.record import field, record
from archcalc.sweeping.space import Value, split, wrong

KNOWN = (*MEASURES, *FORMS, FIELD)

CALL = re.compile(r"\b(?P<name>[a-z_]\w*)\((?P<given>[^()]*=[^()]*)\)")
"""A quantity with other values; a function of the language has no `=` in its brackets."""


@record
class Quantity:
    """One quantity. `given`: values of names that differ from those of the design."""

    name: str
    given: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.given.items())})" if self.given else self.name

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def cost(self) -> int:
        """What is evaluated first: sums, then fields, then memory, whose structure has to be found."""
        return 3 if self.name in FORMS else 2 if self.name == FIELD else 1

    @property
    def is_bytes(self) -> bool:
        return self.name in FORMS or (self.name in MEASURES and MEASURES[self.name].unit == "byte")


def quantity(text: str, option: str) -> Quantity:
    """The quantity that a text names. Raises SpecError."""
    call = CALL.fullmatch(text.strip())
    name = call["name"] if call else text.strip()
    if name not in KNOWN:
        help = did_you_mean(name, KNOWN) or f"the quantities are {', '.join(KNOWN)}"
        raise wrong(f"'{name}' is not a quantity", text, option, help=help)
    return Quantity(name, settings_in(call["given"], text, option) if call else {})


def settings_in(given: str, text: str, option: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for part in split(given, ","):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not name or not value:
            raise wrong("a value in brackets has a name", text, option, help="write training_peak(N=32)")
        found[name] = int(value) if value.isdecimal() else value
    return found


def with_plain_names(text: str, option: str, found: dict[str, Quantity]) -> str:
    """The text with a name of equal length for each quantity in brackets; adds these names to `found`."""

    def plain(call: re.Match[str]) -> str:
        name = re.sub(r"\W", "_", call[0])
        found[name] = quantity(call[0], option)
        return name

    return CALL.sub(plain, text)
