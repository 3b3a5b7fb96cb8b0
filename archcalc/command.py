"""What a command is: a click command in a file of commands/, loaded when it is called.

Data goes to stdout, diagnostics and progress to stderr. Exit codes: 0 good, 1 problems found, 2 usage, 3 a missing
extra, 130 interrupted.
"""

import errno
import gc
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

import click

from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean
from archcalc.core.extra import MissingExtra
from archcalc.core.overrides import MAX_LAYERS, Overrides
from archcalc.core.render import render_all
from archcalc.core.version import VERSION

PROBLEMS = 1
MISSING = 3
INTERRUPTED = 130

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF}
"""What the system says where a stream takes no more: the disk is full, or the stream is closed."""

SUMMARIES = {
    "report": "The layer table and totals of a network.",
    "check": "What is wrong with specs, and weak in their designs.",
    "verify": "Build the generated PyTorch, run it, compare every number.",
    "generate": "The network as PyTorch source.",
    "formula": "Totals as closed forms in free sizes; which sizes fit.",
    "solve": "Which sizes fit; what batch or width keeps within a budget.",
    "explain": "A layer's numbers, derived; the long text of a code.",
    "layers": "The catalogue of layers.",
    "specs": "The bundled specs.",
    "schema": "The JSON Schema of specs, for editors.",
}
"""Every command, in the order of `--help`; each lives in the file of its name."""


class Commands(click.Group):
    """Commands by name, each imported when it is called: `--help` and `--version` load none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUMMARIES:
            return None
        module = importlib.import_module(f"archcalc.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; what is wrong with a spec is told as the command line asked to be told."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would leave with 1
            discard_output()
            return 0
        except SpecError as error:
            print_diagnostics(error.diagnostics, ctx.obj)
            return PROBLEMS

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in SUMMARIES and not args[0].startswith("-"):
            ctx.fail(f"no command is called '{args[0]}'. {did_you_mean(args[0], list(SUMMARIES))}".strip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@dataclass(frozen=True, slots=True)
class Settings:
    """What was said before the command's name."""

    quiet: bool = False
    verbose: bool = False
    color: str = "auto"

    def colors_for(self, output: str | None) -> bool:
        """Whether a result that goes to `output` is coloured: never in a file."""
        return output in (None, "-") and self.colors(sys.stdout)

    def colors(self, stream: Any) -> bool:
        """Whether to write colours to a stream: as told, else NO_COLOR and FORCE_COLOR, else if it is a terminal."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        if os.environ.get("FORCE_COLOR"):
            return True
        return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="archcalc", message="%(prog)s %(version)s")
@click.option("-q", "--quiet", is_flag=True, help="Data and problems only.")
@click.option("-v", "--verbose", is_flag=True, help="Tracebacks of archcalc's own faults.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.pass_context
def root(context: click.Context, quiet: bool, verbose: bool, color: str) -> None:
    """The calculator for neural-network architectures.

    SPEC is a path, `-` for standard input, the name of a bundled spec (resnet50), each with @variant
    (resnet50@resnet101), or -e "input(3,32,32) -> conv(5,32,p2) -> relu -> fc(10)".
    """
    context.obj = Settings(quiet, verbose, color)


def main(arguments: Sequence[str] | None = None) -> None:
    """The program: runs a command and leaves with its exit code."""
    gc.disable()  # a short life with many objects that all stay: collecting would only cost
    if sys.stdout is None:
        sys.exit(unwritable("standard output is closed"))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that the terminal's encoding lacks is no fault
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; no input, however bad, ends in a traceback."""
    try:
        result = root.main(arguments, prog_name="archcalc", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.Abort:
        return INTERRUPTED
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return 0
    except MissingExtra as missing:
        click.echo(f"archcalc: {missing}", err=True)
        return MISSING
    except OSError as error:
        if error.errno not in UNWRITABLE:
            return own_fault(error, arguments)
        discard_output()
        return unwritable(f"standard output cannot be written: {(error.strerror or str(error)).lower()}")
    except Exception as fault:
        return own_fault(fault, arguments)


def discard_output() -> None:
    """The reader of the pipe has gone: nothing more can be written, and Python must not try when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unwritable(reason: str) -> int:
    """Says on standard error, if there is one, that the output is lost."""
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"archcalc: {reason}\n")
    return PROBLEMS


def own_fault(fault: Exception, arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if "-v" in given or "--verbose" in given:
        raise fault
    click.echo(f"archcalc: a fault of its own: {type(fault).__name__}: {fault}", err=True)
    click.echo("  please report it; `archcalc -v ...` shows where it happened", err=True)
    return PROBLEMS


def print_diagnostics(diagnostics: Sequence[Diagnostic], settings: Settings) -> None:
    """Diagnostics, as people read them, to stderr."""
    click.echo(render_all(diagnostics, color=settings.colors(sys.stderr)), err=True, color=True)


# --- what commands share: the spec, and where the result goes -----------------------------------------------------

Function = TypeVar("Function", bound=Callable[..., Any])


def spec_options(function: Function) -> Function:
    """SPEC..., -e, --set, --input, --import-root, --free, --max-layers, --batch, --dtype."""
    for option in reversed(
        (
            click.argument("specs", nargs=-1, metavar="SPEC..."),
            click.option("-e", "expressions", multiple=True, metavar="CHAIN", help="A network in one line."),
            click.option(
                "--set",
                "assignments",
                multiple=True,
                metavar="NAME=VALUE",
                help="Change a parameter, or an axis: H=448.",
            ),
            click.option("--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="Another input: 3,448,448."),
            click.option(
                "--import-root", "import_roots", multiple=True, metavar="DIR", help="A folder that imports may lie in."
            ),
            click.option("--free", "free", multiple=True, metavar="NAME", help="Free a size or parameter."),
            click.option(
                "--max-layers",
                type=click.IntRange(1),
                default=MAX_LAYERS,
                show_default=True,
                help="Refuse networks with more.",
            ),
            click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Items at a time."),
            click.option(
                "--dtype",
                type=click.Choice(["float64", "float32", "bfloat16", "float16"]),
                default="float32",
                show_default=True,
            ),
        )
    ):
        function = option(function)
    return function


def output_option(function: Function) -> Function:
    return click.option("-o", "--output", metavar="FILE", help="Write here, whole or not at all.")(function)


def training_options(function: Function) -> Function:
    """How a network is trained, where its memory is asked for: what `setup.setup_of_options` reads."""
    for option in reversed(
        (
            click.option("--optimizer", metavar="CALL", help="Its state and step: adamw, 'sgd(0.1, momentum=0.9)'."),
            click.option(
                "--implementation",
                type=click.Choice(["forloop", "foreach", "fused"]),
                help="Torch's code for the optimizer's step. Default: foreach.",
            ),
            click.option("--accumulate", is_flag=True, help="Gradients are added to those of earlier batches."),
            click.option(
                "--autocast", type=click.Choice(["bfloat16"]), help="The forward pass runs under torch.autocast."
            ),
            checkpoint_option,
        )
    ):
        function = option(function)
    return function


def checkpoint_option(function: Function) -> Function:
    return click.option(
        "--checkpoint",
        multiple=True,
        metavar="BLOCK",
        help="This block keeps only its inputs, and runs again in backward.",
    )(function)


def overrides_of(specs: Sequence[str], expressions: Sequence[str], options: Mapping[str, Any]) -> Overrides:
    """What the options of a command that has been told a network change of its spec."""
    if not specs and not expressions:
        raise click.UsageError('no SPEC: a path, a bundled name such as resnet50, or -e "input(3,32,32) -> fc(10)"')
    if options["free"]:
        names = ", ".join(options["free"])
        raise click.UsageError(f"--free {names}: this command takes numbers; `archcalc formula` gives closed forms")
    found = {}
    for each in options["assignments"]:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"--set takes name=value, got '{each}'")
        found[name.strip()] = value.strip()
    return Overrides(
        settings=found, inputs=options["inputs"], roots=options["import_roots"], max_layers=options["max_layers"]
    )


def names_of(given: Sequence[str]) -> list[str] | None:
    """The names of several `--free H,W`; None where there are none."""
    return [name.strip() for each in given for name in each.split(",") if name.strip()] or None


def room_of(output: str | None) -> int | None:
    """How many characters a line may have: as many as the terminal, and any number where there is none."""
    if not sys.stdout.isatty() or output not in (None, "-"):
        return None
    import shutil  # lazy: 4 ms

    return shutil.get_terminal_size().columns


def write_output(text: str, output: str | None) -> None:
    """Writes a result to stdout, or to a file as a whole: the old one stays if anything goes wrong."""
    if output is None or output == "-":
        sys.stdout.write(text)
        return
    target = Path(os.path.realpath(output))  # a link stays a link
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.exists() and not target.is_file():  # a device or a pipe: not to be replaced by a file
            target.write_text(text, encoding="utf-8")
            return
        partial.write_text(text, encoding="utf-8")
        if target.exists():
            partial.chmod(target.stat().st_mode & 0o777)
        partial.replace(target)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
