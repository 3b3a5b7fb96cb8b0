"""The command line: each command is a click command in a file of commands/, loaded when it is called.

Data goes to stdout, diagnostics and progress to stderr. Exit codes: 0 success, 1 problems found, 2 usage error,
3 missing extra, 130 interrupted.
"""

import errno
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from archcalc.core.answers import Asked
from archcalc.core.configuration import EMPTY, configuration_of, read_configuration, text_of
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean
from archcalc.core.extra import MissingExtra
from archcalc.core.location import Source
from archcalc.core.render import complaint, fitted, render_all, width_of
from archcalc.core.version import VERSION
from archcalc.record import record
from archcalc.usage.help import CONFIGURATION, words_of

PROBLEMS = 1
MISSING = 3
INTERRUPTED = 130

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF}
"""What the system says where a stream takes no more: the disk is full, or the stream is closed."""

SUMMARIES = {
    "report": "Print the layer table and the totals of a network.",
    "serve": "Show the page of a spec, and refresh it when the file is saved.",
    "draw": "Draw a network, in a file or on the terminal.",
    "check": "Find errors in specs and weaknesses in designs.",
    "diff": "Print what differs between two networks and their totals.",
    "import": "Write existing code as a spec.",
    "verify": "Build the generated PyTorch, run it, compare every number.",
    "selftest": "Check the figures on this machine, with this torch.",
    "generate": "Write the network as PyTorch source.",
    "formula": "Print totals as closed forms in free sizes, and the valid sizes.",
    "solve": "Find what fits a budget: a size, the batch size or a width.",
    "sweep": "Find the best of a space of designs, or its Pareto front.",
    "explain": "Derive the numbers of a layer, or explain a diagnostic code.",
    "layers": "List the layers.",
    "specs": "List the bundled specs.",
    "config": "Show the configuration and where it is from.",
    "cache": "Show where answers are kept, or remove them.",
    "schema": "Print the JSON Schema of specs, for editors.",
    "server": "Run the language server, which editors start.",
    "new": "Print a commented spec to start from.",
    "fmt": "Lay out specs in one canonical form.",
    "completion": "Print what makes a shell complete archcalc's words.",
    "help": "Show the help of a command.",
}
"""Every command, in the order of `--help`; each is in the file of its name."""


class Commands(click.Group):
    """Commands by name, imported when called: `--help` and `--version` import none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUMMARIES:
            return None
        module = importlib.import_module(f"archcalc.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command, and reports what is wrong with the settings of the command line."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would exit with 1
            discard_output()
            return 0
        except SpecError as error:
            print_diagnostics(error.diagnostics, ctx.obj)
            return PROBLEMS
        except MissingExtra as missing:
            complain(str(missing), settings=ctx.obj)
            return MISSING
        except click.ClickException as error:
            complain(*words_of(error), settings=ctx.obj)
            return error.exit_code

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in SUMMARIES and not args[0].startswith("-"):
            ctx.fail(f"no command is called '{args[0]}'; {did_you_mean(args[0], list(SUMMARIES))}".strip("; "))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell offers for the command: without loading any."""
        names = [CompletionItem(name, help=text) for name, text in SUMMARIES.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@record
class Settings:
    """The options before the command's name."""

    quiet: bool = False
    verbose: bool = False
    color: str = "auto"

    def colors_for(self, output: str | None) -> bool:
        """Whether a result written to `output` is coloured: never in a file."""
        return output in (None, "-") and self.colors(sys.stdout)

    def colors(self, stream: Any) -> bool:
        """Whether to colour a stream: as set by --color, else by NO_COLOR or FORCE_COLOR, else if it is a terminal."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        if os.environ.get("FORCE_COLOR"):
            return True
        return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="archcalc", message="%(prog)s %(version)s")
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
    context.obj = Settings(quiet, verbose, color)
    if context.invoked_subcommand not in UNCONFIGURED:
        configure(context, config)


UNCONFIGURED = ("help", "completion", "new", "server", "selftest", "cache")
"""Commands without options that the configuration sets. The server reads it for each file."""


def configure(context: click.Context, file: str | None) -> None:
    """Makes the configuration the defaults of options; those of the command line have precedence."""
    found = EMPTY if file == "none" else read_configuration(source_at(file)) if file else configuration_of(Path.cwd())
    context.meta[CONFIGURATION] = found
    values = {name: each.value for name, each in found.values.items()}
    context.default_map = dict.fromkeys(SUMMARIES, values)


def source_at(file: str) -> Source:
    """The text of a configuration that --config names."""
    text = text_of(Path(file))
    if text is None:
        raise click.UsageError(f"--config: {file} cannot be read")
    return Source(file, text)


def main(arguments: Sequence[str] | None = None, asked: Asked | None = None) -> int:
    """The program: runs a command and returns its exit code. The answer to what is `asked` is kept."""
    if sys.stdout is None:
        return unwritable("standard output is closed")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # characters that the terminal cannot encode are not errors
    return asked.answered(run) if asked else run(arguments)


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code. No input causes a traceback."""
    try:
        result = root.main(arguments, prog_name="archcalc", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.Abort:
        return INTERRUPTED
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except click.ClickException as error:
        complain(*words_of(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return lost(error, arguments)
    except Exception as error:
        return internal_error(error, arguments)


def lost(error: OSError, arguments: Sequence[str] | None = None) -> int:
    """The exit code where output could not be written: success if its reader wants no more of it."""
    if isinstance(error, BrokenPipeError):
        discard_output()
        return 0
    if error.errno not in UNWRITABLE:
        return internal_error(error, arguments)
    discard_output()
    return unwritable(f"standard output cannot be written: {(error.strerror or str(error)).lower()}")


def discard_output() -> None:
    """Discards further output: the reader of the pipe is gone, and Python must not flush to it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unwritable(reason: str) -> int:
    """Reports on standard error, if it is open, that the output is lost."""
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"{complaint(reason)}\n")
    return PROBLEMS


def internal_error(error: Exception, arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if "-v" in given or "--verbose" in given:
        raise error
    complain(
        f"internal error: {type(error).__name__}: {error}", "please report it; `archcalc -v ...` shows the traceback"
    )
    return PROBLEMS


def complain(message: str, help: str = "", settings: Settings | None = None) -> None:
    """Prints an error that has no code to stderr."""
    color = (settings or Settings()).colors(sys.stderr)
    text = complaint(message, help, color=color, room=width_of(sys.stderr))
    click.echo(text, err=True, color=True)


def print_diagnostics(diagnostics: Sequence[Diagnostic], settings: Settings) -> None:
    """Prints diagnostics as text to stderr."""
    text = render_all(diagnostics, color=settings.colors(sys.stderr), room=width_of(sys.stderr))
    click.echo(text, err=True, color=True)


# --- where the result goes ----------------------------------------------------------------------------------------


def notice(text: str) -> None:
    """Prints to stderr what is no error and no part of the result, broken between words on a terminal."""
    click.echo(fitted(f"archcalc: {text}", width_of(sys.stderr)), err=True)


def room_of(output: str | None) -> int | None:
    """The width of the terminal in characters; None, without a limit, if the output is not a terminal."""
    return width_of(sys.stdout) if output in (None, "-") else None


def write_text(text: str, output: str | None = None) -> None:
    """Writes text for people: on a terminal, lines that are too long for it are broken between words."""
    write_output(fitted(text, room_of(output)), output)


def write_output(made: str | bytes, output: str | None) -> None:
    """Writes a result to stdout, or atomically to a file: after an error the old file is unchanged."""
    if output is None or output == "-":
        sys.stdout.write(made if isinstance(made, str) else made.decode("utf-8"))
        return
    with replacing(output) as path:
        path.write_bytes(made.encode("utf-8") if isinstance(made, str) else made)


@contextmanager
def replacing(output: str) -> Iterator[Path]:
    """Where to write a file that takes the place of the output when it is whole."""
    target = Path(os.path.realpath(output))  # keep symbolic links
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.exists() and not target.is_file():  # a device or a pipe: write to it, do not replace it
            yield target
            return
        yield partial
        if target.exists():
            partial.chmod(target.stat().st_mode & 0o777)
        partial.replace(target)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
