"""Answers: what a command printed, kept to be printed again while all that it follows from is as it was.

An answer follows from the arguments, the folder, the terminal, the environment, the code of archcalc and of its
libraries, and the files that the run has looked at. All of it is compared before an answer is given again: code by size
and time, as Python decides whether to compile it again, other files by their content. A run that looks at anything else
keeps no answer. An answer is given before anything else is imported, so that this module imports little.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from marshal import dumps, loads
from time import time_ns

try:
    from _blake2 import blake2b  # `hashlib` loads OpenSSL first
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMANDS = ("check", "report")
"""The commands that keep answers."""

OPTION, VARIABLE = "--no-cache", "ARCHCALC_NO_CACHE"
"""What says that no answer is kept or given again: an option, and a variable of the environment that is not empty."""

ENVIRONMENT = (
    "COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES",
)  # fmt: skip
"""The variables that what is printed depends on."""

MOST_ANSWERS, MOST_BYTES = 200, 16 << 20
"""Where there are more answers, or larger ones in all, the oldest are removed."""

MOST_OF_ONE = 1 << 20
"""An answer of more bytes is not kept."""

MOST_CLOCKS_DIFFER = 2 * 10**9
"""Nanoseconds by which the clocks of a file system and of the system may differ."""

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOTHING, FOLDER, FILE, OTHER = b"nothing", b"folder", b"file", b"other"

Said = tuple[str, str]
"""The name of a stream and what was written to it."""

Stamp = tuple[int, int]
"""The size of a file and its time in nanoseconds."""


def digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=20).digest()


def folder() -> str | None:
    """Where answers are kept: in the folder that the system has for caches. None if the user has none."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        found = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        found = f"{home}/Library/Caches"
    else:
        given = os.environ.get("XDG_CACHE_HOME", "")
        found = given if os.path.isabs(given) else f"{home}/.cache"
    return os.path.join(found, "archcalc", "answers") if os.path.isabs(found) else None


# --- what an answer follows from -----------------------------------------------------------------------------------


def conditions(arguments: list[str]) -> bytes:
    """All that an answer follows from except the files that a run looks at."""
    terminals = [stream is not None and stream.isatty() for stream in (sys.stdout, sys.stderr)]
    facts = (
        sys.version,
        sys.path,
        os.getcwd(),
        arguments,
        [kind(part) for each in arguments for part in (each, each.partition("@")[0], each.rpartition("@")[0])],
        [os.environ.get(name) for name in ENVIRONMENT],
        terminals,
        width() if any(terminals) else None,
        sys.stdout.encoding,
    )
    return dumps(facts)


def width() -> int | None:
    """The width of the terminal as `shutil.get_terminal_size` finds it."""
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns
    except (AttributeError, ValueError, OSError):
        return None


def kind(path: str) -> bytes:
    try:
        return FOLDER if os.path.isdir(path) else FILE if os.path.isfile(path) else OTHER
    except ValueError:  # a path with a null character
        return OTHER


def code() -> Iterator[tuple[str, Stamp | str]]:
    """The files of the code that has run, and what its folders hold. The standard library has the version of Python."""
    standard = os.path.dirname(os.__file__)
    folders = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if file and ("site-packages" in file or not file.startswith(standard)):
            yield file, stamp(file)
            folders.add(os.path.dirname(file))
    for folder in sorted(folders):
        if folder.startswith(PACKAGE):
            yield folder, modules(folder)


def modules(folder: str) -> str:
    """The names of the modules in a folder: a new one may be discovered."""
    try:
        return " ".join(sorted(each for each in os.listdir(folder) if each.endswith(".py")))
    except OSError:
        return ""


def stamp(file: str) -> Stamp:
    """The size and time of a file of code: that by which Python decides whether to compile it again."""
    try:
        known = os.stat(file)
    except OSError:
        return -1, -1
    return known.st_size, known.st_mtime_ns


def state(path: str) -> bytes:
    """What is at a path: a file's content as its digest, the specs in a folder, or nothing."""
    try:
        if os.path.isdir(path):
            return digest("\0".join(files_below(path, ".yaml")).encode("utf-8", "surrogateescape"))
        if not os.path.isfile(path):
            return OTHER if os.path.lexists(path) else NOTHING
        with open(path, "rb") as file:
            return digest(file.read())
    except (OSError, ValueError):
        return OTHER


def files_below(folder: str, suffix: str) -> list[str]:
    """The files with a suffix in a folder and those in it, but not in hidden ones: .venv, .git."""
    found: list[str] = []
    try:
        with os.scandir(folder) as entries:
            inside = sorted((each.name, each.path, each.is_dir(follow_symlinks=False)) for each in entries)
    except OSError:
        return found
    for name, path, is_folder in inside:
        if not name.startswith("."):
            if is_folder:
                found += files_below(path, suffix)
            elif name.endswith(suffix):
                found.append(path)
    return found


# --- what a run looks at ---------------------------------------------------------------------------------------------


class Run:
    """What a run has looked at, and whether its answer follows from that alone."""

    def __init__(self) -> None:
        self.seen: dict[str, bytes | Stamp | str] = {}
        self.whole = False
        self.doubtful = False
        self.begin = time_ns()

    def see(self, path: str, what: bytes | Stamp | str) -> None:
        if self.seen.setdefault(path, what) != what:
            self.doubtful = True

    def see_code(self) -> None:
        """What has run. A file that has changed since the run began may have been read before or after."""
        for path, what in code():
            self.see(path, what)
            young = isinstance(what, tuple) and what[1] > self.begin - MOST_CLOCKS_DIFFER
            self.doubtful = self.doubtful or young

    def merge(self, other: "Run") -> None:
        """Adds what a run in another process has looked at."""
        for path, what in other.seen.items():
            self.see(path, what)
        self.doubtful = self.doubtful or other.doubtful


RUNNING: list[Run] = []
"""The run whose answer may be kept; none in other commands, and where archcalc is called from Python."""


def looked(path: str, content: bytes) -> None:
    """The run has read a file."""
    for run in RUNNING:
        run.see(os.path.abspath(path), digest(content))


def looked_for(path: str) -> None:
    """The run has asked whether something is at a path, or what is in a folder."""
    for run in RUNNING:
        run.see(os.path.abspath(path), state(os.path.abspath(path)))


def doubt() -> None:
    """The run has met something else that its answer follows from: it keeps none."""
    for run in RUNNING:
        run.doubtful = True


def whole_answer() -> None:
    """The command has said all: its answer follows from what the run has looked at."""
    for run in RUNNING:
        run.whole = True


def apart(work: "Callable[[Any], Any]", given: "Any") -> "tuple[Any, Run | None]":
    """What work makes in a process of its own, and what it has looked at there; `merged` takes both."""
    RUNNING[:] = [Run() for _ in RUNNING]
    made = work(given)
    for run in RUNNING:
        run.see_code()
    return made, RUNNING[0] if RUNNING else None


def merged(found: "tuple[Any, Run | None]") -> "Any":
    """What another process has made; what it has looked at is added to what this run has."""
    made, other = found
    if other:
        for run in RUNNING:
            run.merge(other)
    return made


class Heard:
    """A stream that remembers what is written to it."""

    def __init__(self, stream: "Any", name: str, said: list[Said]) -> None:
        self.stream, self.name, self.said = stream, name, said

    def write(self, text: str) -> int:
        written: int = self.stream.write(text)
        if text:
            self.said.append((self.name, text))
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for each in lines:
            self.write(each)

    def __getattr__(self, name: str) -> "Any":
        if name == "buffer":
            doubt()  # what is written to it is not heard
        return getattr(self.stream, name)


LOOKED_AGAIN: "dict[type, Callable[[str], Any]]" = {bytes: state, tuple: stamp, str: modules}
"""How to find what a run has seen at a path again, by what it has kept of it."""


# --- answers kept and given ------------------------------------------------------------------------------------------


class Asked:
    """A command line whose answer may be kept, in a file whose name is the digest of its conditions."""

    def __init__(self, file: str) -> None:
        self.file = file

    def again(self) -> tuple[int, list[Said]] | None:
        """The exit code and the output of an earlier run, if it would be the same now."""
        try:
            with open(self.file, "rb") as opened:
                if hasattr(os, "getuid") and os.fstat(opened.fileno()).st_uid != os.getuid():
                    return None
                check, content = opened.read(20), opened.read()
        except OSError:
            return None
        if check != digest(content):
            return None
        seen, code, said = loads(content)
        for path, what in seen.items():
            if what != LOOKED_AGAIN[type(what)](path):
                return None
        return code, said

    def answered(self, run: Callable[[], int]) -> int:
        """Runs the command; keeps its answer if that follows from what is known."""
        said: list[Said] = []
        streams = sys.stdout, sys.stderr
        RUNNING[:] = [running] = [Run()]
        try:
            sys.stdout, sys.stderr = (
                Heard(stream, name, said) for stream, name in zip(streams, ("stdout", "stderr"), strict=True)
            )
            code = run()
        finally:
            sys.stdout, sys.stderr = streams
            RUNNING.clear()
        if running.whole:
            running.see_code()
        if running.whole and not running.doubtful:
            self.keep(dumps((running.seen, code, said)))
        return code

    def keep(self, content: bytes) -> None:
        """Writes an answer. Where that fails there is none: the folder cannot be written, the disk is full."""
        if len(content) > MOST_OF_ONE:
            return
        folder = os.path.dirname(self.file)
        partial = f"{self.file}.{os.getpid()}"
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(digest(content) + content)
            os.replace(partial, self.file)
            remove_oldest(folder)
        except OSError:
            return


def asked_for(arguments: list[str]) -> Asked | None:
    """The command line, if its answer may be kept; None for other commands, and where the user wants none kept."""
    wanted = any(each in arguments for each in COMMANDS) and OPTION not in arguments
    if not wanted or os.environ.get(VARIABLE) or None in (sys.stdout, sys.stderr):
        return None
    if sys.platform == "win32" and (sys.stdout.isatty() or sys.stderr.isatty()):
        return None  # old terminals there take colours by calls only
    try:
        where, name = folder(), digest(conditions(arguments)).hex()
    except (OSError, ValueError, AttributeError):
        return None
    return Asked(os.path.join(where, name)) if where else None


def kept(folder: str) -> list[tuple[int, int, str]]:
    """The answers in a folder, oldest first: time in nanoseconds, bytes, path."""
    found = []
    with os.scandir(folder) as entries:
        for each in entries:
            known = each.stat(follow_symlinks=False)
            found.append((known.st_mtime_ns, known.st_size, each.path))
    return sorted(found)


def remove_oldest(folder: str, most: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES) -> int:
    """Removes the oldest answers until few enough are left; returns how many it has removed."""
    answers = kept(folder)
    total, removed = sum(size for _, size, _ in answers), 0
    while len(answers) > most or total > most_bytes:
        _, size, path = answers.pop(0)
        total -= size
        os.unlink(path)
        removed += 1
    return removed
