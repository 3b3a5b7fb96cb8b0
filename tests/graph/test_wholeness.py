"""Specs of the zoo, changed at random: each makes a graph that is whole, or its problem is reported.

The builder asserts that a graph is whole (archcalc/graph/wholeness.py), so that one which is not raises AssertionError.
"""

import contextlib
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.graph.wholeness import faults

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
TEXTS = [text for text in (file.read_text(encoding="utf-8") for file in SPECS) if len(text) < 2_500]
"""Small specs: what is drawn from larger ones takes longer, and says the same."""

Change = Callable[[random.Random, list[str]], None]
"""Of the lines of a spec, of which the first ones are its head."""


def without_a_line(pick: random.Random, lines: list[str]) -> None:
    del lines[pick.randrange(1, len(lines))]


def with_a_line_twice(pick: random.Random, lines: list[str]) -> None:
    at = pick.randrange(1, len(lines))
    lines.insert(at, lines[at])


def with_two_lines_swapped(pick: random.Random, lines: list[str]) -> None:
    a, b = pick.randrange(1, len(lines)), pick.randrange(1, len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def with_another_word(pick: random.Random, lines: list[str]) -> None:
    """A name where another one stood: a layer, a block, a parameter or a key of the same spec."""
    words = re.findall(r"[A-Za-z_]\w*", "\n".join(lines[1:]))
    replaced(pick, lines, r"[A-Za-z_]\w*", pick.choice([*words, "prev", "input", "x"]))


def with_another_number(pick: random.Random, lines: list[str]) -> None:
    replaced(pick, lines, r"\d+", pick.choice(["0", "1", "2", "3", "7", "64"]))


def with_a_condition(pick: random.Random, lines: list[str]) -> None:
    condition = pick.choice([" if 0 > 1", " if 1 > 0", " if 0 > 1 else prev", " * 0", " * 2", " -> prev"])
    replaced(pick, lines, r"\)", f"){condition}")


def without_a_step(pick: random.Random, lines: list[str]) -> None:
    replaced(pick, lines, r"-> [^>\n]*? (?=->)", "")


def with_a_name(pick: random.Random, lines: list[str]) -> None:
    replaced(pick, lines, r"-> ", f"-> {pick.choice(['a', 'b', 'skip'])} = ")


def replaced(pick: random.Random, lines: list[str], pattern: str, by: str) -> None:
    """One of the places that match, in the lines after the head."""
    places = [(i, m) for i, line in enumerate(lines) if i for m in re.finditer(pattern, line)]
    if places:
        at, match = pick.choice(places)
        lines[at] = lines[at][: match.start()] + by + lines[at][match.end() :]


CHANGES: tuple[Change, ...] = (
    without_a_line, with_a_line_twice, with_two_lines_swapped, with_another_word, with_another_word,
    with_another_number, with_a_condition, without_a_step, with_a_name,
)  # fmt: skip


def mutants(first: int, count: int) -> Iterator[str]:
    for seed in range(first, first + count):
        pick = random.Random(f"mutant {seed}")
        lines = [line for line in pick.choice(TEXTS).splitlines() if not line.lstrip().startswith("#")]
        for _ in range(pick.randint(1, 3)):
            pick.choice(CHANGES)(pick, lines)
        yield "\n".join(lines) + "\n"


def built(text: str) -> Graph | None:
    """None where a problem is reported."""
    with contextlib.suppress(SpecError):
        return load_text(text)
    return None


def check(first: int, count: int) -> int:
    """How many graphs there are among the mutants; each is whole."""
    whole = 0
    for text in mutants(first, count):
        if graph := built(text):
            assert list(faults(graph)) == [], text
            whole += 1
    return whole


def test_a_changed_spec_is_a_whole_graph_or_a_reported_problem() -> None:
    whole = check(0, 60)
    assert 10 <= whole <= 50


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(1_000, 21_000, 1_000))
def test_many_changed_specs_are_whole_graphs_or_reported_problems(first: int) -> None:
    assert check(first, 1_000) > 100
