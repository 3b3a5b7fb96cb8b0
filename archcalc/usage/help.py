"""How commands explain themselves: options in groups, examples, and hints for an option or a word that is not known.

In: the declarations of a command's options. Out: click commands and options. To touch: the form of `--help`.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource
from click.formatting import join_options
from click.shell_completion import CompletionItem

from archcalc.core.diagnostic import did_you_mean, enumerated
from archcalc.usage.declared import (
    CONTENT,
    GROUPS,
    OUTPUT,
    Choice,
    Declared,
    Parameter,
    Range,
    UsageError,
    parameters_of,
)
from archcalc.usage.foreign import option_help

NAMES = 24
"""The width of the column of options; longer ones take a line of their own."""

SHORT = 20
"""Characters of a list of words that can stand for an option's value: [text|json]. Longer ones go into the text."""


CONFIGURATION = "archcalc.configuration"
"""The key of the configuration in the context of a command."""


def is_configured(ctx: click.Context, name: str) -> bool:
    """Whether the value of an option is that of the configuration, rather than of the command line."""
    return ctx.get_parameter_source(name) == ParameterSource.DEFAULT_MAP


def words_of(error: click.ClickException) -> tuple[str, str]:
    """What is wrong with a command line, as a sentence of ours, and where to look; empty if nothing helps."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    help = f"see `{context.command_path} --help`" if context else ""
    parameter = error.param if isinstance(error, click.BadParameter) else None
    if parameter is None:
        return sentence(error.format_message()), help
    named = parameter.metavar or "" if isinstance(parameter, click.Argument) else max(parameter.opts, key=len)
    if isinstance(error, click.MissingParameter):
        return f"{named} is missing", help
    return f"{named}: {sentence(error.message)}", help


def sentence(message: str) -> str:
    """A message of click as archcalc writes them: without capital letters and full stops. Names keep theirs."""
    first = message[:1].lower() if message.split(" ")[0].isalpha() and message[1:2].islower() else message[:1]
    return first + message[1:].removesuffix(".").replace(". Did you mean", "; did you mean")


class Words(click.Choice):  # type: ignore[type-arg]  # generic in some releases of click only
    """One of a few words; another is refused with the closest one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            help = did_you_mean(str(value), self.choices) or f"use one of {enumerated(self.choices)}"
            self.fail(f"unknown word '{value}'; {help}", param, ctx)
        return value


class WholeNumber(click.IntRange):
    """A whole number within limits; anything else is refused with what is needed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            most = "" if self.max is None else f" and at most {self.max:,}"
            self.fail(f"a whole number of at least {self.min}{most} is needed, got '{value}'", param, ctx)


class Completed(click.Parameter):
    """A parameter that says what a shell may offer for it, by a word of usage/completion.py."""

    completes: str = ""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if not self.completes:
            return super().shell_complete(ctx, incomplete)
        completion = importlib.import_module("archcalc.usage.completion")  # it knows all words: loaded only here
        found: list[CompletionItem] = completion.KINDS[self.completes](ctx, incomplete)
        return found


class Argument(Completed, click.Argument):
    """An argument that says what a shell may offer for it."""

    def __init__(self, names: Sequence[str], completes: str = "", **settings: Any) -> None:
        self.completes = completes
        super().__init__(names, **settings)


class Option(Completed, click.Option):
    """An option that knows its group, and shows its words and its default in its text."""

    def __init__(self, names: Sequence[str], group: str = CONTENT, completes: str = "", **settings: Any) -> None:
        self.group = group
        self.completes = completes
        kind = settings.get("type")
        if isinstance(kind, Words):
            listed = f"[{'|'.join(kind.choices)}]"
            if len(listed) > SHORT:
                settings["help"] = settings["help"].replace(".", f": {', '.join(kind.choices)}.", 1)
                listed = max((each for each in names if each.startswith("-")), key=len).strip("-").upper()
            settings.setdefault("metavar", listed)
        elif isinstance(kind, click.IntRange):
            settings.setdefault("metavar", "N")
        super().__init__(names, **settings)

    def handle_parse_result(self, ctx: click.Context, opts: Any, args: list[str]) -> tuple[Any, list[str]]:
        """The value of the option. A wrong one that the configuration has is reported with its place there."""
        try:
            return super().handle_parse_result(ctx, opts, args)
        except click.UsageError as error:
            if self.name and is_configured(ctx, self.name):
                message = error.message.removeprefix(f"--{self.name}: ")
                raise ctx.meta[CONFIGURATION].refused(self.name, f"{self.name}: {message}") from None
            raise

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        if self.hidden:
            return None
        names = "/".join(join_options(each)[0] for each in (self.opts, self.secondary_opts) if each)
        default = f"Default: {self.default}." if self.show_default and not self.is_flag else ""
        needed = "Required." if self.required else ""
        text = " ".join(part for part in (self.help or "", default, needed) if part)
        return (names if self.is_flag else f"{names} {self.metavar}"), text


def parameter_of(declared: Parameter) -> click.Parameter:
    """What click knows of an argument or option that a command declares."""
    settings = dict(declared.settings)
    kind = settings.get("type")
    if isinstance(kind, Choice):
        settings["type"] = Words(kind.words)
    elif isinstance(kind, Range):
        settings["type"] = WholeNumber(kind.least, kind.most)
    if check := settings.get("callback"):
        settings["callback"] = lambda ctx, param, value: checked(check, value, ctx)
    return (Option if declared.options else Argument)(declared.names, **settings)


def checked(check: Callable[[Any], Any], value: Any, ctx: click.Context) -> Any:
    try:
        return check(value)
    except UsageError as error:
        raise click.UsageError(str(error), ctx) from None


def command_of(declared: Declared) -> "Command":
    """The click command of a declaration."""
    run = click.pass_obj(declared.function) if declared.with_settings else declared.function
    return Command(declared.name, callback=run, help=declared.function.__doc__, examples=declared.examples)


class Command(click.Command):
    """A command whose help has its options in groups and ends with examples. Its function declares what it takes."""

    examples: Sequence[str]

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        self.examples = examples
        declared = [parameter_of(each) for each in parameters_of(settings.get("callback"))]
        super().__init__(*args, **{**settings, "params": [*declared, *settings.get("params", ())]})

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command, which then knows what is configured."""
        ctx.obj.configured = frozenset(each.name for each in self.params if each.name and is_configured(ctx, each.name))
        try:
            return super().invoke(ctx)
        except UsageError as error:
            error.help = error.help or f"see `{ctx.command_path} --help`"
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
        for each in self.get_params(ctx):
            if isinstance(each, click.Option) and (record := each.get_help_record(ctx)):
                records[each.group if isinstance(each, Option) else OUTPUT].append(record)
        width = max((len(names) for rows in records.values() for names, _ in rows if len(names) <= NAMES), default=0)
        used = {group: rows for group, rows in records.items() if rows}
        for group, rows in used.items():
            with formatter.section(group if len(used) > 1 else "Options"):
                formatter.write_dl([(f"{names:<{width}}", text) for names, text in rows], col_max=NAMES + 2)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self.examples:
            return
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            message = f"{self.name} has no option {error.option_name}"
            if hint := self.hint(error.option_name, ctx):
                message += f"; {hint}"
            raise click.UsageError(message, ctx) from None
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click leaves it out where an option has no value
            raise

    def hint(self, name: str, ctx: click.Context) -> str:
        """What to write instead of an option that this command does not have; empty if nothing is close."""
        known = [each for option in self.params for each in option.opts if each.startswith("-")]
        if any(name in option.opts for option in ctx.find_root().command.params):
            return f"write it before the command: archcalc {name} {self.name}"
        return option_help(name, known, commands_with(name, ctx))


class Group(Command, click.Group):
    """A command with commands of its own, which its help lists as well."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def commands_with(name: str, context: click.Context) -> list[str]:
    """The commands of the program that have an option of this name."""
    root = context.find_root().command
    assert isinstance(root, click.Group)
    commands = ((each, root.get_command(context, each)) for each in root.list_commands(context))
    return [f"`{each}`" for each, command in commands if command and any(name in p.opts for p in command.params)]
