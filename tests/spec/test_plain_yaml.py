"""Plain YAML is read as PyYAML reads it, event by event; all else is left to PyYAML."""

import random
from typing import Any

import pytest
import yaml

from archcalc.spec.plain_yaml import DEEPEST, LONGEST, events
from tests.networks.zoo import SPECS

TEXTS = [each.read_text(encoding="utf-8") for each in sorted(SPECS.glob("*.yaml"))]

AROUND = ("StreamStartEvent", "StreamEndEvent", "DocumentStartEvent", "DocumentEndEvent")


def facts(event: Any) -> tuple[Any, ...]:
    """What a reader asks an event for."""
    name, start, end = type(event).__name__, event.start_mark, event.end_mark
    if name == "ScalarEvent":
        places = (start.line, start.column, start.index, end.line, end.column, end.index)
        return name, places, event.value, event.style or None
    return (name, end.index) if "End" in name else (name, start.line, start.column, start.index, event.flow_style)


def by_pyyaml(text: str) -> list[tuple[Any, ...]]:
    return [facts(each) for each in yaml.parse(text, Loader=yaml.CSafeLoader) if type(each).__name__ not in AROUND]


def plainly(text: str) -> list[tuple[Any, ...]] | None:
    found = events(text)
    return None if found is None else [facts(each) for each in found]


def test_nearly_all_bundled_specs_are_plain_and_read_as_by_pyyaml() -> None:
    found = {text: plainly(text) for text in TEXTS}
    assert sum(each is None for each in found.values()) <= len(TEXTS) // 30
    for text, own in found.items():
        assert own is None or own == by_pyyaml(text)


PIECES = [
    " ", "  ", "- ", ": ", ":", ",", "[", "]", "{", "}", '"', "'", "#", " #", "\n\n", "-", "?", "? ", "a", "|", ">",
    "&a", "*", "!t", "%", "@", "`", "\\", "é", "\t", "---\n", "\n  ", "\n    ", '"x\n\n y"', "'it''s'", "a: b",
    "- - a", "<<",    "{a: b, c}", "[a: b]", "\n- ", "0", "~", "key:\n", "\r\n", "=", "\x85", "\u2028", "\ufeff",
]  # fmt: skip


def altered(text: str, chance: random.Random) -> str:
    """Some lines of a text, with pieces put in, left out and repeated."""
    lines = text.split("\n")
    first = chance.randrange(len(lines))
    made = "\n".join(lines[first : first + chance.randrange(1, 12)])
    for _ in range(chance.randrange(1, 4)):
        at, to = chance.randrange(len(made) + 1), chance.randrange(len(made) + 1)
        piece = chance.choice([chance.choice(PIECES), chance.choice(PIECES), made[to : to + chance.randrange(1, 20)]])
        made = made[:at] + piece + made[at + chance.choice([0, 0, chance.randrange(1, 6)]) :]
    return made


@pytest.mark.parametrize("seed", range(4))
def test_altered_specs_are_left_to_pyyaml_or_read_as_by_it(seed: int) -> None:
    chance, plain = random.Random(seed), 0
    for _ in range(1500):
        text = altered(chance.choice(TEXTS), chance)
        own = plainly(text)
        if own is not None:
            plain += 1
            assert own == by_pyyaml(text), text
    assert plain > 300


@pytest.mark.parametrize(
    "text",
    [
        "a: &b 1", "a: *b", "a: !t 1", "a: |\n  b", "a: >\n  b", "? a\n: b", "--- a", "a: b\n...\n",
        "%YAML 1.1\n---\na", '{"a\n b": c}', f"{'a' * 1100}: b", f"{{{'a' * 1100}: b}}",
        "a:\n  b\n  c", "a: b: c", "a: [b", "a: [b, ]", "a: {b}", "a: [b: c]", 'a: "\\n"', "a: 'b", "a:\tb", "a: b\r\n",
        "a: @", "a: `", "- a\nb: c", "a: 1\n  b: 2", "a: 1\n- b", "-", "- \n- a", "a: [f(x, [1])]",
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), f"a: {'b' * LONGEST}",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_pyyaml(text: str) -> None:
    assert events(text) is None


@pytest.mark.parametrize("text", ["", "\n", "# a\n", "a", "'a'", "[]", "- a", "a:", "a:\n- b\n- c\nd:\n", "a: b # c\n"])
def test_what_is_plain_is_read(text: str) -> None:
    assert plainly(text) == by_pyyaml(text)
