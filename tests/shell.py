"""Commands run in this process, and what they told."""

from dataclasses import dataclass

import pytest

from archcalc.command import run


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Told:
        code = run(arguments)
        told = self.capture.readouterr()
        return Told(code, told.out, told.err)
