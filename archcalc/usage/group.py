"""The program as click knows it: its options, its commands, and the help of both.

In: arguments, and the settings that they change. Out: what the command returns, or what is wrong with the arguments.
"""

import importlib
import os
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from archcalc.core.configuration import EMPTY, configuration_of, read_configuration, text_of
from archcalc.core.location import Source
from archcalc.core.version import VERSION
from archcalc.usage.declared import NAMED, SUMMARIES, UNCONFIGURED, Declared, Refused, UsageError
from archcalc.usage.foreign import command_help
from archcalc.usage.help import CONFIGURATION, command_of, words_of


class Unread(Exception):
    """Nobody reads the output."""


def called(arguments: Sequence[str], settings: Any) -> Any:
    """What the command that the arguments name returns. Raises Refused if they cannot be read."""
    try:
        return root.main(arguments, prog_name="archcalc", standalone_mode=False, obj=settings)
    except Unread:
        raise BrokenPipeError from None
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except click.ClickException as error:
        raise Refused(*words_of(error), error.exit_code) from None


class Commands(click.Group):
    """Commands by name, imported when called: `--help` and `--version` import none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUMMARIES:
            return None
        found = importlib.import_module(f"archcalc.commands.{cmd_name}").command
        command: click.Command = command_of(found) if isinstance(found, Declared) else found
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command. click would end the program with 1 where nobody reads its output."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise Unread from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in SUMMARIES and not args[0].startswith("-"):
            ctx.fail(f"no command is called '{args[0]}'; {command_help(args[0], list(SUMMARIES))}".strip("; "))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell offers for the command: without loading any."""
        names = [CompletionItem(name, help=text) for name, text in SUMMARIES.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message=NAMED)
@click.option("-q", "--quiet", is_flag=True, help="Print only data and problems.")
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an internal error.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour output."
)
@click.option("--config", metavar="FILE", help="Read this configuration; none: read no configuration.")
@click.pass_context
def root(context: click.Context, quiet: bool, verbose: bool, color: str, config: str | None) -> None:
    """The calculator for neural-network architectures.

    SPEC is a path, `-` for standard input, or the name of a bundled spec (resnet50). Add @variant to select a variant
    (resnet50@resnet101). A network can also be given as
    -e "input(3,32,32) -> conv(5,32,p2) -> relu -> fc(10)".
    """
    context.obj.quiet, context.obj.verbose, context.obj.color = quiet, verbose, color
    if context.invoked_subcommand not in UNCONFIGURED:
        configure(context, config)


def configure(context: click.Context, file: str | None) -> None:
    """Makes the configuration the defaults of options; those of the command line have precedence."""
    found = EMPTY if file == "none" else read_configuration(source_at(file)) if file else configuration_of(os.getcwd())
    context.meta[CONFIGURATION] = found
    values = {name: each.value for name, each in found.values.items()}
    context.default_map = dict.fromkeys(SUMMARIES, values)


def source_at(file: str) -> Source:
    """The text of a configuration that --config names."""
    text = text_of(file)
    if text is None:
        raise UsageError(f"--config: {file} cannot be read")
    return Source(file, text)
