"""Plain English: texts use the standard terms of the field, and no word that readers would have to decode."""

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pytest

from archcalc.command import run
from archcalc.usage.declared import SUMMARIES
from tests.networks.zoo import ROOT

SCOPE = (
    "archcalc/**/*.py",
    "docs/**/*.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "specs/*.yaml",
    "benchmarks/*.py",
    "tests/**/*.py",
    "tests/graph/errors/*.txt",
    "tests/spec/wrong_specs.txt",
    "tests/golden/*",
)
"""The files to check, as patterns from the root of the repository."""

WORDS = {
    r"undisturbed": "unaffected",
    r"(?:is|are|was|were|be|been) told|told": "reported",
    r"(?:tell|put|silence)(?=\()": "report, add, suppress",
    r"prov(?:e|es|en|ing)|proofs?": "verify, check",
    r"suspects?": "likely culprit",
    r"rims?": "border",
    r"circumstances?": "environment, conditions",
    r"witness(?:es)?": "recording, counterexample",
    r"mend(?:s|ed|ing)?": "fix",
    r"(?:hold|holds|held) (?:\S+ ){0,3}(?:to|against) (?:it|its|the|what|them|each)": "check against, compare with",
    r"(?:take|takes|taken|took) (?:\S+ ){0,5}off": "remove, cancel",
    r"(?:come|comes|came|coming) to": "equal, total",
    r"(?:come|comes|came) out (?:as|at)": "equal",
    r"items? at a time|(?:bytes|tokens?|values?|shapes?|samples?) (?:of|for|per) (?:an|one|each|every) item": "sample",
    r"(?:bytes|FLOPs|MACs|values?|vectors?) (?:a|for each) (?:token|byte|sample|item)": "per token",
    r"(?:a|an|one|half a|half an|every|each|single|input|output|neighbouring|first|last|two) units?": "element",
    r"units (?:of|along|on|over) (?:an?|the|each|this|its) (?:map|axis|input|output)s?": "elements",
    r"(?:places of|place of) (?:a|the) window": "positions",
    r"faults? of (?:its|their) own|own faults?": "internal error",
    r"for nothing|in silence|for ever": "in vain, silently, without end",
    r"whole or not at all": "atomically",
    r"questions? backwards": "inverse questions",
    r"slips? of the pen": "typing error",
    r"beyond all bounds": "too large",
    r"cannot be had|may be said|be said to|speaks? of": "is impossible, accepts, names",
    r"goes without|wherever": "if, in every",
}
"""Phrases, and the standard words to write instead. Case is ignored."""

IDENTIFIERS = {
    "practice": "setup",
    "undisturbed": "gc_paused",
    "ledger": "live_set",
    "prove": "verify",
    "circumstances": "environment",
    "witnesses": "recordings",
    "behind": "after, earlier",
    "told": "reported, output",
    "tell": "report",
    "silence": "suppress",
    "silenced": "suppressed",
    "proven": "verified",
    "proof": "certificate",
    "suspect": "likely_culprit",
    "suspects": "likely_culprits",
    "witness": "counterexample, recording",
    "rim": "border",
    "rims": "borders",
    "mended": "fixed",
    "mend": "fix",
}
"""Words of identifiers, and what to use instead."""

ALLOWED = (
    "Rectified linear units improve restricted Boltzmann machines",
    "Gaussian error linear units",
    "one unit's pieces at every position: Goodfellow et al. 2013",
    "the two halves of a unit: Ma et al. 2018",
    "A number can have a unit: `5M`",
)
"""Citations and the papers' own terms, which stay as they are; units of numbers."""


@dataclass(frozen=True)
class Phrase:
    """A phrase that is not plain English, where it is, and what to write instead."""

    place: str
    text: str
    instead: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text!r}, write: {self.instead}"


PHRASES = {re.compile(rf"\b(?:{pattern})(?!\w)", re.IGNORECASE): instead for pattern, instead in WORDS.items()}


def phrases_in(text: str, name: str) -> Iterator[Phrase]:
    """The phrases in a text. A phrase may continue on the next line."""
    for allowed in ALLOWED:
        text = text.replace(allowed, "")
    lines = [line.strip(" #*>=|") for line in text.split("\n")]
    ends = [*accumulate(len(line) + 1 for line in lines)]
    for pattern, instead in PHRASES.items():
        for match in pattern.finditer(" ".join(lines)):
            yield Phrase(f"{name}:{bisect_right(ends, match.start()) + 1}", match[0], instead)


def identifiers_in(text: str, name: str) -> Iterator[Phrase]:
    """The identifiers of a module that contain a word of IDENTIFIERS."""
    for node in ast.walk(ast.parse(text)):
        for field in ("id", "attr", "arg", "name"):
            word = getattr(node, field, None)
            for part in word.lower().split("_") if isinstance(word, str) else ():
                if part in IDENTIFIERS:
                    yield Phrase(f"{name}:{getattr(node, 'lineno', 1)}", str(word), IDENTIFIERS[part])


def files() -> list[Path]:
    found = {file for pattern in SCOPE for file in ROOT.glob(pattern) if file.is_file()}
    return sorted(found - {Path(__file__)})


@pytest.mark.parametrize("pattern", SCOPE)
def test_every_pattern_of_the_scope_matches_files(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_is_in_plain_english(file: Path) -> None:
    text, name = file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))
    found = [*phrases_in(text, name), *(identifiers_in(text, name) if file.suffix == ".py" else ())]
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("command", ["", *SUMMARIES])
def test_the_help_of_a_command_is_in_plain_english(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*([command] if command else []), "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Usage:")
    found = list(phrases_in(shown, f"archcalc {command} --help"))
    assert not found, "\n".join(map(str, found))


# --- the check itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("what is wrong is told at once", "is told"),
        ("batchnorm1 takes the bias of conv1 off again", "takes the bias of conv1 off"),
        ("what the layers come\n    to together", "come to"),
        ("a fault of its own", "fault of its own"),
        ("64 bytes a token", "bytes a token"),
        ("lies half a unit aside", "half a unit"),
    ],
)
def test_an_old_phrase_is_found(text: str, phrase: str) -> None:
    assert phrase in [each.text for each in phrases_in(text, "x")]


def test_the_line_of_a_phrase_is_that_of_its_first_word() -> None:
    assert [each.place for each in phrases_in("one\ntwo\n  it is\n  told here\n", "x")] == ["x:3"]


@pytest.mark.parametrize(
    "text", ["units of bytes", "U-Net", "32 units", "it is reported", "outcomes today", "an input"]
)
def test_plain_text_is_clean(text: str) -> None:
    assert not list(phrases_in(text, "x"))


def test_an_old_identifier_is_found() -> None:
    assert [each.text for each in identifiers_in("def told_of(behind): return 1", "x")] == ["told_of", "behind"]
