"""Diagnostics: every error, finding and disagreement is one, and one renderer prints them all."""

from collections.abc import Sequence
from dataclasses import dataclass

from archcalc.core.location import Location


@dataclass(frozen=True, slots=True)
class Label:
    """A related place and what it has to do with the problem."""

    location: Location
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem: a stable code, a lower-case sentence, a place, and what to write instead."""

    code: str
    message: str
    location: Location | None = None
    severity: str = "error"
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""


class SpecError(Exception):
    """A spec that cannot be used, with every problem found in it."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(f"{d.location or ''}: {d.message}".lstrip(": ") for d in diagnostics))
        self.diagnostics = tuple(diagnostics)


def problem(
    code: str, message: str, location: Location | None = None, *, help: str = "", notes: Sequence[str] = ()
) -> SpecError:
    """One problem, ready to raise."""
    return SpecError([Diagnostic(code=code, message=message, location=location, help=help, notes=tuple(notes))])
