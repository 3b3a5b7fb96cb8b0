"""Plain command lines, read without click: a command, words, and options with their values, as most are.

In: arguments, and what their command declares. Out: the values of its parameters; none where click has to read them,
which says what is wrong and knows everything else: `--help`, options before the command, a configuration, completion.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from archcalc.core.configuration import configuration_of
from archcalc.record import record
from archcalc.usage.declared import NAMED, SUMMARIES, UNCONFIGURED, Declared, Parameter, UsageError


class NotPlain(Exception):
    """Click has to read this command line."""


@record
class Plain:
    """A command and the values that it takes."""

    command: Declared
    values: Mapping[str, Any]

    def call(self, settings: Any) -> Any:
        """What the command returns."""
        try:
            return self.command.function(*(settings,) * self.command.with_settings, **self.values)
        except UsageError as error:
            error.help = error.help or f"see `archcalc {self.command.name} --help`"
            raise


def read(arguments: Sequence[str]) -> Plain | None:
    """The command that the arguments name and its values, if they are plain."""
    if arguments == ["--version"]:
        return Plain(VERSION, {})
    name, *words = arguments or [""]
    others = sys.platform == "win32" or "_ARCHCALC_COMPLETE" in os.environ  # click expands arguments there
    if name not in SUMMARIES or others:
        return None
    if name not in UNCONFIGURED and configuration_of(os.getcwd()).values:
        return None
    command = importlib.import_module(f"archcalc.commands.{name}").command
    if not isinstance(command, Declared):
        return None
    try:
        return Plain(command, values_of(command.parameters, words))
    except NotPlain:
        return None


def values_of(parameters: Iterable[Parameter], words: Sequence[str]) -> Mapping[str, Any]:
    """The value of each parameter. Raises NotPlain."""
    options = {name: each for each in parameters for name in each.options}
    given: dict[str, list[Any]] = {}
    left = iter(words)
    rest = []
    for word in left:
        if not word.startswith("-"):
            rest.append(word)
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = options.get(name)
        if option is None or (equals and option.is_flag):
            raise NotPlain
        if option.is_flag:
            given[option.name] = [name == option.options[0]]
        else:
            given.setdefault(option.name, []).append(converted(option, value if equals else next(left, "-")))
    found = {each.name: value_of(each, given.get(each.name, [])) for each in options.values()}
    return {**found, **words_of([each for each in parameters if not each.options], rest)}


def converted(option: Parameter, text: str) -> Any:
    """The value of an option. Raises NotPlain where it is refused, or might be an option."""
    kind = option.settings.get("type")
    value = kind.read(text) if kind else text
    if value is None or text.startswith("-"):
        raise NotPlain
    return value


def value_of(option: Parameter, given: Sequence[Any]) -> Any:
    """What the function gets: all values, or the last one, or the default. Raises NotPlain where one is missing."""
    if option.settings.get("required") and not given:
        raise NotPlain
    if option.settings.get("multiple"):
        return tuple(given)
    value = given[-1] if given else option.settings.get("default", False if option.is_flag else None)
    check: Callable[[Any], Any] | None = option.settings.get("callback")
    try:
        return check(value) if check else value
    except UsageError:
        raise NotPlain from None


def words_of(arguments: Sequence[Parameter], words: Sequence[str]) -> Mapping[str, Any]:
    """The values of arguments: of one that takes all words, or of one that takes one."""
    if not arguments and not words:
        return {}
    if len(arguments) != 1:
        raise NotPlain
    [argument] = arguments
    if argument.settings.get("nargs") == -1:
        return {argument.name: tuple(words)}
    if len(words) != 1:
        raise NotPlain
    return {argument.name: converted(argument, words[0])}


def print_version() -> None:
    sys.stdout.write(f"{NAMED}\n")


VERSION = Declared("version", print_version, (), (), False)
