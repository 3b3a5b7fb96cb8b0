"""Commands run in this process, and their output."""

from dataclasses import dataclass

import pytest

from archcalc.command import run


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Outcome:
        code = run(arguments)
        reported = self.capture.readouterr()
        return Outcome(code, reported.out, reported.err)
