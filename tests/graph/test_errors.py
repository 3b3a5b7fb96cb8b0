"""Wrong specs, and the exact text that `archcalc check` prints of each: `tests/errors/NAME.yaml` and `NAME.txt`.

A file that begins with `# structure` is one that editors refuse too: its fault shows in the JSON Schema.
`GOLDEN=write pytest tests/graph/test_errors.py` writes the texts anew, to be read as a user would.
"""

from pathlib import Path

import pytest
import yaml

from archcalc.command import PROBLEMS, run
from tests.goldens import assert_golden
from tests.lint.test_schema import validator

FOLDER = Path(__file__).parent / "errors"
FILES = sorted(FOLDER.glob("*.yaml"))
STRUCTURAL = [file for file in FILES if file.read_text(encoding="utf-8").startswith("# structure\n")]


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 60
    assert len(STRUCTURAL) >= 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_reported_of_a_wrong_spec(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(FOLDER)
    assert run(["check", file.name]) == PROBLEMS
    reported = capsys.readouterr()
    assert reported.err == ""
    assert_golden(f"{file.stem}.txt", reported.out, FOLDER)


@pytest.mark.parametrize("file", STRUCTURAL, ids=lambda file: file.stem)
def test_editors_refuse_what_is_wrong_in_structure(file: Path) -> None:
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return  # no editor takes it
    assert not validator().is_valid(read)
