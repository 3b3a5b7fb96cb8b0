"""Diagnostics: the type of every error, finding and disagreement. One renderer prints them all."""

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from archcalc.core.location import Location
from archcalc.record import record

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_WORD = 40
"""Messages shorten longer words when they quote them, and suggest no correction."""

CLOSE = 0.65
"""How alike two words are, at least, for one to be a misspelling of the other: `difflib`'s ratio."""

CLOSER = 0.7
"""The same for a word of three letters: with another letter it is another word, `map` and `max`."""

SHORTEST_BEGINNING = 3
"""Letters of a word that may stand for the whole."""

MOST_ENUMERATED = 12

MOST_PROBLEMS = 100
"""Reading stops at this many: the file is not a spec."""


@record
class Label:
    """A related location and its relation to the problem."""

    location: Location
    text: str


@record
class Edit:
    """A change of a text: the part at a location, which may be empty, becomes `text`."""

    where: Location
    text: str


@record(kw_only=True)
class Diagnostic:
    """One problem: a stable code, a lower-case sentence, a location, and what to write instead.

    `severity`: "error" means that the spec is unusable or its numbers are wrong; "warning" is a finding of a rule.
    `edits`: changes that fix the problem and nothing else.
    """

    code: str
    message: str
    location: Location | None = None
    severity: str = "error"
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    edits: tuple[Edit, ...] = ()


class SpecError(Exception):
    """A spec that cannot be used, with every problem found in it."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(f"{d.location or ''}: {d.message}".lstrip(": ") for d in diagnostics))
        self.diagnostics = tuple(diagnostics)

    def __str__(self) -> str:
        """Every problem as the command line prints it: the line, carets below it, and what to write instead."""
        rendered: str = importlib.import_module("archcalc.core.render").render_all(self.diagnostics)
        return rendered


def facts_of(each: Diagnostic) -> dict[str, object]:
    """A diagnostic for programs: lines and columns count from 1; they are null if it has no location."""
    at = each.location
    return {
        "code": each.code,
        "severity": each.severity,
        "message": each.message,
        "file": at and at.source.name,
        "line": at and at.line + 1,
        "column": at and at.column + 1,
        "length": at and at.length,
        "notes": list(each.notes),
        "help": each.help,
        "fixable": bool(each.edits),
    }


def problem(
    code: str,
    message: str,
    location: Location | None = None,
    *,
    help: str = "",
    notes: Sequence[str] = (),
    labels: Sequence[Label] = (),
) -> SpecError:
    """One problem, ready to raise."""
    return SpecError(
        [Diagnostic(code=code, message=message, location=location, help=help, notes=tuple(notes), labels=tuple(labels))]
    )


def quoted(text: str) -> str:
    """A word of the user, as a message shows it.

    >>> quoted("strides"), quoted("a" * 99)
    ("'strides'", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'")
    """
    line = " ".join(text.split())
    shown = line if len(line) <= LONGEST_WORD else f"{line[:LONGEST_WORD]}..."
    return f'"{shown}"' if "'" in shown else f"'{shown}'"


def enumerated(words: Iterable[str]) -> str:
    """The first dozen words, separated by commas.

    >>> enumerated(["w", "depth"]), enumerated(map(str, range(99)))
    ('w, depth', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 87 more')
    """
    known = list(words)
    more = len(known) - MOST_ENUMERATED
    return ", ".join(known[:MOST_ENUMERATED]) + (f" and {more:,} more" if more > 0 else "")


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """The suggestion for a misspelt word; empty if no option is close.

    >>> did_you_mean("strides", ["stride", "padding"]), did_you_mean("x", ["stride"])
    ("did you mean 'stride'?", '')
    """
    close = closest(word, options)
    return f"did you mean '{close}'?" if close else ""


def closest(word: str, options: Iterable[str]) -> str:
    """The option closest to a misspelt word, or the only one that has it as a part or begins alike; else empty.

    >>> closest("strides", ["stride", "padding"]), closest("field", ["receptive_field", "params"])
    ('stride', 'receptive_field')
    >>> closest("LayerNorm", ["layer_norm", "rms_norm"]), closest("mean", ["expand"])
    ('layer_norm', '')
    """
    known = list(dict.fromkeys(options))
    if len(word) > LONGEST_WORD:
        return ""
    bare = {bared(option): option for option in reversed(known)}
    if same := bare.get(bared(word)):
        return same
    from difflib import get_close_matches  # lazy: 2 ms, needed only when something is wrong

    if close := get_close_matches(word, known, 1, CLOSER if len(word) == SHORTEST_BEGINNING else CLOSE):
        return close[0]
    parts = [option for option in known if word.lower() in option.lower().split("_")]
    begun = [option for option in known if min(len(word), len(option)) >= SHORTEST_BEGINNING and alike(word, option)]
    return parts[0] if len(parts) == 1 else begun[0] if len(begun) == 1 else ""


def alike(word: str, other: str) -> bool:
    """Whether one word is the beginning of the other: `pad` of `padding`, `min` of `minimum`."""
    return word.startswith(other) or other.startswith(word)


def bared(word: str) -> str:
    """A word in lower case, without what joins its parts."""
    return word.lower().replace("_", "").replace("-", "")


def in_file_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted by location; files in order of first appearance, diagnostics without a location first."""
    known = list(diagnostics)
    files = {d.location.source.name: None for d in known if d.location}
    order = {name: number for number, name in enumerate(files)}

    def position(diagnostic: Diagnostic) -> tuple[int, int, int]:
        at = diagnostic.location
        return (order[at.source.name], at.line, at.column) if at else (-1, 0, 0)

    return sorted(known, key=position)


class Problems:
    """The problems of a file, collected so that all of them are reported at once."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(self, error: SpecError) -> None:
        self.found += error.diagnostics
        if len(self.found) >= MOST_PROBLEMS:
            self.found = in_file_order(self.found)[:MOST_PROBLEMS]
            raise TooManyProblems(self.found)

    def attempt(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T | None:
        """The result of the function; None if it raised SpecError, whose problems are collected."""
        try:
            return function(*arguments, **keywords)
        except TooManyProblems:
            raise
        except SpecError as error:
            self.add(error)
            return None

    def settle(self) -> None:
        """Raises SpecError with all problems, if there are any."""
        if self.found:
            raise SpecError(in_file_order(self.found))


class TooManyProblems(SpecError):
    """Too many problems: the rest of the file is not read."""
