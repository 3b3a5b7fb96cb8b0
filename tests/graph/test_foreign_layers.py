"""Names of other frameworks: none is a layer here, and every layer that is suggested exists."""

import re

import pytest

from archcalc.graph.foreign_layers import MEANINGS, NONE, meaning_of
from archcalc.layer import known_names, layer_named


@pytest.mark.parametrize("name", MEANINGS)
def test_no_foreign_name_is_a_layer(name: str) -> None:
    assert layer_named(name) is None
    assert meaning_of(name) == MEANINGS[name]


@pytest.mark.parametrize("text", sorted(set(MEANINGS.values())))
def test_what_is_to_be_written_exists(text: str) -> None:
    called = re.findall(r"([a-z_]+)(?:\(|: \[)", text)
    assert set(called) - {"layer"} <= set(known_names())
    assert called or text.startswith((NONE, "leave it out", "write the", "write gap", "write global_maxpool"))


def test_near_spellings_of_layers_are_not_foreign() -> None:
    assert [name for name in known_names() if meaning_of(name)] == []
