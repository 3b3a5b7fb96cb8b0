"""What is said to a user who meant something else: one text, to be read from beginning to end.

`GOLDEN=write pytest tests/lint/test_what_was_meant.py` writes it anew.
"""

import re
import shlex
from pathlib import Path

import pytest

from archcalc.command import run
from tests.goldens import assert_golden
from tests.lint.meant import CHAPTERS


def test_what_is_said_to_a_user_who_meant_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    text = ""
    for chapter, cases in CHAPTERS.items():
        text += f"{chapter}\n{'=' * len(chapter)}\n\n"
        for case in cases:
            spec, *commands = re.split(r"^\$ archcalc ", case.strip(), flags=re.MULTILINE)
            if spec := spec.strip():
                Path("net.yaml").write_text(f"archcalc: 1\n{spec}\n", encoding="utf-8")
                text += f"{spec}\n\n"
            for command in map(str.strip, commands):
                run(shlex.split(command))
                reported = capsys.readouterr()
                text += f"$ archcalc {command}\n{reported.out}{reported.err}\n"
    assert_golden("what_was_meant.txt", text)
