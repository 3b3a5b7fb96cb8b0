"""The command line: a plain one is read here and its command called; click reads all others.

A command is a function that declares what it takes, in a file of commands/ that is loaded when it is called.
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
from typing import Any

from archcalc.core.answers import Asked
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.extra import MissingExtra
from archcalc.core.render import complaint, fitted, render_all, width_of
from archcalc.record import record
from archcalc.usage.declared import Refused
from archcalc.usage.plain import read

PROBLEMS = 1
MISSING = 3
INTERRUPTED = 130

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF}
"""What the system says where a stream takes no more: the disk is full, or the stream is closed."""


@record(frozen=False)
class Settings:
    """The options before the command's name. `configured`: those of the command whose value is the configuration's."""

    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    configured: frozenset[str] = frozenset()

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


def main(arguments: Sequence[str] | None = None, asked: Asked | None = None) -> int:
    """The program: runs a command and returns its exit code. The answer to what is `asked` is kept."""
    if sys.stdout is None:
        return unwritable("standard output is closed")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # characters that the terminal cannot encode are not errors
    return asked.answered(run) if asked else run(arguments)


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code. No input causes a traceback."""
    given, settings = sys.argv[1:] if arguments is None else [*arguments], Settings()
    try:
        result = called(given, settings)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except Refused as error:
        complain(str(error), error.help, settings=settings)
        return error.code
    except SpecError as error:
        print_diagnostics(error.diagnostics, settings)
        return PROBLEMS
    except MissingExtra as missing:
        complain(str(missing), settings=settings)
        return MISSING
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return lost(error, given)
    except Exception as error:
        return internal_error(error, given)


def called(arguments: list[str], settings: Settings) -> Any:
    """What the command that the arguments name returns."""
    if plain := read(arguments):
        return plain.call(settings)
    by_click = importlib.import_module("archcalc.usage.group")  # click costs four times the start of Python
    return by_click.called(arguments, settings)


def lost(error: OSError, arguments: Sequence[str] = ()) -> int:
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


def internal_error(error: Exception, arguments: Sequence[str]) -> int:
    if "-v" in arguments or "--verbose" in arguments:
        raise error
    complain(
        f"internal error: {type(error).__name__}: {error}", "please report it; `archcalc -v ...` shows the traceback"
    )
    return PROBLEMS


def say(text: str, stream: Any = None) -> None:
    """Prints to stderr, or another stream, with the colours that the text has."""
    stream = stream or sys.stderr
    if sys.platform == "win32":
        import click  # lazy: four times the start of Python; old terminals there take colours by calls

        click.echo(text, stream, color=True)
        return
    stream.write(f"{text}\n")
    stream.flush()


def complain(message: str, help: str = "", settings: Settings | None = None) -> None:
    """Prints an error that has no code to stderr."""
    color = (settings or Settings()).colors(sys.stderr)
    text = complaint(message, help, color=color, room=width_of(sys.stderr))
    say(text)


def print_diagnostics(diagnostics: Sequence[Diagnostic], settings: Settings) -> None:
    """Prints diagnostics as text to stderr."""
    text = render_all(diagnostics, color=settings.colors(sys.stderr), room=width_of(sys.stderr))
    say(text)


# --- where the result goes ----------------------------------------------------------------------------------------


def notice(text: str) -> None:
    """Prints to stderr what is no error and no part of the result, broken between words on a terminal."""
    say(fitted(f"archcalc: {text}", width_of(sys.stderr)))


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
    with replacing(output) as path, open(path, "wb") as file:
        file.write(made.encode("utf-8") if isinstance(made, str) else made)


@contextmanager
def replacing(output: str) -> Iterator[str]:
    """Where to write a file that takes the place of the output when it is whole."""
    target = os.path.realpath(output)  # keep symbolic links
    folder, name = os.path.split(target)
    partial = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        if os.path.exists(target) and not os.path.isfile(target):  # a device or a pipe: write to it, do not replace it
            yield target
            return
        yield partial
        if os.path.exists(target):
            os.chmod(partial, os.stat(target).st_mode & 0o777)
        os.replace(partial, target)
    except OSError as error:
        raise Refused(f"cannot write {output}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            os.unlink(partial)
