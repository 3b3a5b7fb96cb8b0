"""Every diagnostic's code is explained, and every explanation is of a code that is used."""

import re
from pathlib import Path

import pytest

import archcalc
from archcalc.core.codes import CODES

FILES = [file for file in Path(archcalc.__file__).parent.rglob("*.py") if file.name != "codes.py"]
USED = {code for file in FILES for code in re.findall(r'"(AC\d{3})"', file.read_text())}


def test_every_code_that_is_used_is_explained() -> None:
    assert USED - CODES.keys() == set()


def test_every_code_that_is_explained_is_used() -> None:
    assert CODES.keys() - USED == set()


@pytest.mark.parametrize("code", CODES)
def test_an_explanation_has_a_title_and_more_than_a_sentence(code: str) -> None:
    title, text = CODES[code]
    assert title == title.strip()
    assert not title.endswith(".")
    assert len(text.split()) >= 12
