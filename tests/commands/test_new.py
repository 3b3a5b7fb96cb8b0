"""Specs to start from: each is sound, and is written to a file once."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it carries no types

from archcalc.usage.starters import starter, starters
from tests.shell import Shell


@pytest.mark.parametrize("kind", starters())
def test_a_spec_to_start_from_is_sound(kind: str, shell: Shell, tmp_path: Path) -> None:
    """No errors, no warnings, no unused line of `defaults` or `params`; comments explain it."""
    file = tmp_path / "mine.yaml"
    assert shell("new", kind, "-o", str(file)).code == 0
    assert file.read_text() == starter(kind) == shell("new", kind).out
    checked = shell("check", "--strict", str(file))
    assert (checked.code, checked.out) == (0, "")
    assert starter(kind).count("#") >= 2
    assert shell("report", str(file)).code == 0


def test_an_existing_file_is_not_replaced(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    outcome = shell("new", "cnn", "-o", str(file))
    assert outcome.code == 2
    assert "the file exists" in outcome.err
    assert file.read_text() == "mine"


def test_an_unknown_kind_is_answered_with_the_closest(shell: Shell) -> None:
    assert "did you mean 'transformer'?" in shell("new", "transfomer").err


def test_a_schema_is_written_beside_the_spec_and_named_in_it(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert shell("new", "cnn", "-o", str(file), "--schema").code == 0
    assert file.read_text() == "# yaml-language-server: $schema=archcalc.schema.json\n" + starter("cnn")
    made = json.loads((tmp_path / "archcalc.schema.json").read_text())
    Draft202012Validator(made).validate(yaml.safe_load(file.read_text()))
    assert shell("check", "--strict", str(file)).code == 0
    assert shell("fmt", "--check", str(file)).code == 0
    assert "--schema needs -o FILE" in shell("new", "cnn", "--schema").err
