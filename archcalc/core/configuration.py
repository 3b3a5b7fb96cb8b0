"""The configuration: defaults of options, in `archcalc.toml` or in `[tool.archcalc]` of `pyproject.toml`."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from archcalc.core.answers import looked_for
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean, enumerated, problem
from archcalc.core.location import Location, Source
from archcalc.record import field, record

OWN, SHARED = "archcalc.toml", "pyproject.toml"

MOST_BYTES = 1 << 20
"""A larger file is not read."""


def words(value: Any) -> tuple[str, ...]:
    """A list of texts, or one text with commas."""
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(","))
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise ValueError('a list of texts: ["AR1", "AR2"]')


def word(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError("a text in quotes")


def switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("true or false")


KEYS: Mapping[str, Callable[[Any], Any]] = {
    "select": words,
    "ignore": words,
    "convention": word,
    "units": word,
    "dtype": word,
    "optimizer": word,
    "implementation": word,
    "autocast": word,
    "accumulate": switch,
    "machine": word,
    "cache": switch,
}
"""What can be configured: the options of these names, and what each takes."""


@record
class Configured:
    """One value and where it is written."""

    value: Any
    where: Location = field(compare=False)


@record
class Configuration:
    """The values of one file, by the names of options; `file` is empty if there is none."""

    file: str = ""
    values: Mapping[str, Configured] = field(default_factory=dict)

    def refused(self, name: str, message: str) -> SpecError:
        """The problem of a value that an option does not take."""
        return problem("AC561", message, self.values[name].where)


EMPTY = Configuration()


def configuration_of(folder: str) -> Configuration:
    """The configuration of a folder: that of the nearest file in it or above it.

    Raises SpecError if the file cannot be read or has keys or values that are not known.
    """
    place, above = "", folder
    while place != above:
        place, above = above, os.path.dirname(above)
        for name in (OWN, SHARED):
            path = os.path.join(place, name)
            if (text := text_of(path)) is not None and (name == OWN or "tool.archcalc" in text):
                return read_configuration(Source(path, text))
    return EMPTY


def text_of(path: str) -> str | None:
    """The text of a file; None if there is none that can be read."""
    looked_for(path)
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > MOST_BYTES:
            return None
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def read_configuration(source: Source) -> Configuration:
    """The configuration that a TOML file contains. Raises SpecError with all its problems."""
    import tomllib  # lazy: 3 ms, needed only if there is a configuration

    try:
        table = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise unreadable(source, str(error)) from None
    if os.path.basename(source.name) == SHARED:
        table = table.get("tool", {}).get("archcalc", {})
    found: dict[str, Configured] = {}
    problems: list[Diagnostic] = []
    for name, value in table.items():
        where = place_of(source, name)
        if name not in KEYS:
            help = did_you_mean(name, KEYS) or f"the keys are {enumerated(KEYS)}"
            problems += problem("AC560", f"unknown key '{name}' in the configuration", where, help=help).diagnostics
            continue
        try:
            found[name] = Configured(KEYS[name](value), where)
        except ValueError as error:
            message = f"{name} must be {error}"
            problems += problem("AC561", message, where).diagnostics
    if problems:
        raise SpecError(problems)
    return Configuration(source.name, found)


def unreadable(source: Source, message: str) -> SpecError:
    """A syntax error of TOML, at the line that its message names."""
    what, _, rest = message.partition(" (at ")
    numbers = [int(each) for each in re.findall(r"\d+", rest)] or [len(source.lines), 1]
    line, column = numbers[0] - 1, numbers[1] - 1
    return problem("AC560", f"invalid TOML: {what[:1].lower()}{what[1:]}", Location(source, line, column))


def place_of(source: Source, name: str) -> Location:
    """The line of a key: in the table of archcalc, if the file has others."""
    table = ""
    for number, line in enumerate(source.lines):
        if header := re.match(r"\s*\[([^\]]+)\]", line):
            table = header[1].strip()
        own = table == "" if os.path.basename(source.name) == OWN else table in ("tool.archcalc", "tool", "")
        if own and (key := re.match(rf"\s*(?:[\w.]+\.)?(\"?{re.escape(name)}\"?)\s*[=.]", line)):
            return Location(source, number, key.start(1), len(key[1]))
        if header and header[1].strip().endswith(f"archcalc.{name}"):
            return Location(source, number, line.index(name), len(name))
    return Location(source)
