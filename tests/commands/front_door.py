"""What comes in by the front door, and what may come of it: a network with all its numbers, or diagnostics.

Never another exception, never more than `MOST_SECONDS` of CPU or `MOST_BYTES` of memory, and never a line of the
input run as code: Python's own audit events tell of that, and nothing that runs can hide from them.
"""

import ast
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

from archcalc import layers  # noqa: F401  every file in them registers itself
from archcalc.codegen import generate
from archcalc.core.codes import CODES
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Source
from archcalc.core.render import render_all
from archcalc.graph.graph import Graph
from archcalc.graph.loading import gc_paused
from archcalc.layer import LAYERS
from archcalc.lint.checking import judged
from archcalc.lint.diagnostic_formats import FORMATS
from archcalc.lint.linting import findings_of
from archcalc.lint.rule import RULES
from archcalc.report import formats  # noqa: F401  every file in them registers itself
from archcalc.report.report import REPORTS, report_of
from archcalc.spec.declaration import Document
from archcalc.spec.document import decoded, one_liner, read_document, variant_names

MOST_SECONDS = 2
MOST_BYTES = 300 * 10**6

LARGE = 500
"""Layers; the source and the reports of larger networks, which `check` does not write, take longer than that."""

# --- from a text to what comes of it ---------------------------------------------------------------------------------


def outcome(text: str) -> list[str]:
    """The codes of what is wrong with a spec; none where a graph comes out, which then has all its numbers."""
    try:
        return made(read_document(Source("<test>", text), load=missing))
    except SpecError as error:
        return sound(error.diagnostics)


def outcome_of_bytes(data: bytes) -> list[str]:
    """The same for the bytes of a file, its variants included."""
    try:
        source = decoded("<test>", data)
        variants = variant_names(source)
    except SpecError as error:
        return sound(error.diagnostics)
    for variant in variants[:2]:
        try:
            made(read_document(source, variant=variant, load=missing))
        except SpecError as error:
            sound(error.diagnostics)
    return outcome(source.text)


def outcome_of_chain(text: str) -> list[str]:
    """The same for a network in one line."""
    try:
        return made(one_liner(text))
    except SpecError as error:
        return sound(error.diagnostics)


def missing(path: str) -> Source:
    raise FileNotFoundError(2, "No such file or directory")


def made(document: Document) -> list[str]:
    graph, problems = judged(document)
    if graph is None:
        return sound(problems)
    reported(problems)
    found = findings_of(document, graph)
    assert {each.code for each in found} <= RULES.keys()
    reported(found)
    return written(graph)


def written(graph: Graph) -> list[str]:
    """Every report of a network, and its source, which Python must be able to read."""
    if len(graph.nodes) > LARGE:
        return []
    report = report_of(graph)
    for form in FORMS:
        form.write(report)
    if graph.symbols:
        return []
    try:
        ast.parse(generate(graph).text)
    except SpecError as error:
        return sound(error.diagnostics)
    return []


def sound(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """The codes of diagnostics that are fit to be shown."""
    assert len(diagnostics) > 0
    for each in diagnostics:
        assert each.code in CODES
        assert each.message == each.message.strip() != ""
    reported(diagnostics)
    return [each.code for each in diagnostics]


def reported(diagnostics: Sequence[Diagnostic]) -> None:
    """They can be written in every form, and hold nothing that a terminal would obey."""
    for text in (render_all(diagnostics), *(form(diagnostics) for form in FORMATS.values())):
        assert text.replace("\n", "").isprintable(), ascii(text)


# --- bounds ----------------------------------------------------------------------------------------------------------


@contextmanager
def guarded() -> Iterator[None]:
    """Ends what takes too long or too much, and refuses what runs as code or reaches out."""
    before = peak()
    signal.signal(signal.SIGVTALRM, too_long)
    REACHED.clear()
    WATCHED.append(True)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS, 0.5)  # again, where it is swallowed
    try:
        with gc_paused():  # as when the tool reads a spec; callbacks of the collector would swallow the alarm
            yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        WATCHED.clear()
    assert REACHED == [], REACHED[:5]
    assert peak() - before < MOST_BYTES


def too_long(*_: object) -> NoReturn:
    REACHED.append(f"over {MOST_SECONDS} s")  # some callbacks swallow what is raised in them
    raise AssertionError(REACHED[-1])


def peak() -> int:
    """The most memory that the process has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


FORMS = [form for form in REPORTS.values() if not form.whole]
LOADED = [*LAYERS.values(), *FORMS]
"""Files that are otherwise imported when they are first asked for: Python may write what it compiles of them."""

WATCHED: list[bool] = []
REACHED: list[str] = []

FORBIDDEN = ("os.", "subprocess.", "shutil.", "socket.", "ctypes.", "pickle.", "urllib.", "tempfile.")
HARMLESS = ("os.listdir", "os.scandir", "os.fwalk", "os.walk")


def is_of_record(code: CodeType) -> bool:
    """Whether it only defines the `__init__` that `archcalc.record` makes of a class's fields."""
    names = {name for name in code.co_names if not name.startswith("default_")}
    return code.co_filename == "<string>" and names == {"__init__"}


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Python tells of every step that leaves the program's own code; only our own files may be loaded and read."""
    if not WATCHED:
        return
    if event.startswith(FORBIDDEN) and event not in HARMLESS:
        REACHED.append(event)
    elif event == "open" and arguments[1] not in (None, "r", "rb"):
        REACHED.append(f"{event} {arguments[:2]}")
    elif event == "exec" and not (Path(arguments[0].co_filename).suffix or is_of_record(arguments[0])):
        REACHED.append(f"{event} {arguments[0].co_filename}")


sys.addaudithook(audit)
