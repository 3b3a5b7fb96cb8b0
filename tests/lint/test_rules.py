"""Every rule against its own examples. None is named here: a new one is tested by what it states of itself."""

import re
from pathlib import Path

import pytest

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.lint import rules  # noqa: F401  every file in it registers itself
from archcalc.lint.editing import edited
from archcalc.lint.linting import Selection, findings_of
from archcalc.lint.rule import RULES, example_spec, text_of, title_of
from archcalc.spec.document import read_document
from tests.networks.zoo import ROOT, document, references

MARK = re.compile(r"\s*# <-$")

each_rule = pytest.mark.parametrize("code", sorted(RULES))


def found(text: str, code: str) -> list[Diagnostic]:
    document = read_document(Source("example.yaml", text))
    return list(findings_of(document, build(document, free=()), Selection((code,))))


def marked(text: str) -> list[int]:
    """The numbers of the lines that are reported for an example, from 0."""
    return [number for number, line in enumerate(text.splitlines()) if MARK.search(line)]


@each_rule
def test_the_bad_example_is_found_on_the_marked_lines(code: str) -> None:
    text = example_spec(RULES[code].bad)
    lines = [each.location.line for each in found(text, code) if each.location]
    assert lines
    assert sorted(lines) == marked(text)


@each_rule
def test_the_good_example_is_clean(code: str) -> None:
    assert found(example_spec(RULES[code].good), code) == []


@each_rule
def test_a_comment_on_the_line_leaves_it_out(code: str) -> None:
    text = re.sub(r"# <-$", f"# noqa: {code}", example_spec(RULES[code].bad), flags=re.MULTILINE)
    assert found(text, code) == []
    assert found(text.replace(code, "AR999"), code)


@each_rule
def test_what_is_fixed_is_no_longer_found(code: str) -> None:
    text = example_spec(RULES[code].bad)
    edits = [edit for each in found(text, code) for edit in each.edits]
    if edits:
        assert found(edited(text, edits), code) == []


@each_rule
def test_a_finding_is_a_sentence_with_a_way_out(code: str) -> None:
    for each in found(example_spec(RULES[code].bad), code):
        assert each.severity == "warning"
        assert not each.message.endswith(".")
        assert each.help
        assert len(each.message) <= 120


@each_rule
def test_a_rule_says_what_it_objects_to_why_and_who_says_so(code: str) -> None:
    rule = RULES[code]
    assert re.fullmatch(r"AR[1-6]\d\d", code)
    assert 10 <= len(title_of(rule)) <= 90
    assert re.search(r"^Sources?: ", text_of(rule), re.MULTILINE)
    assert not any(MARK.search(line) for line in rule.good.splitlines())


# --- where rules are left out ----------------------------------------------------------------------------------------

TEXT = "archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 16) -> batchnorm -> relu{}\n  - conv(3, 16) -> batchnorm\n"


@pytest.mark.parametrize(
    ("comment", "lines"),
    [
        ("", [3, 4]),
        ("  # noqa", [4]),
        ("  # noqa: AR101", [4]),
        ("  # noqa: AR203, AR101 the paper has it so", [4]),
        ("  # noqa: AR203", [3, 4]),
    ],
)
def test_a_comment_leaves_out_what_it_names(comment: str, lines: list[int]) -> None:
    assert [each.location.line for each in found(TEXT.format(comment), "AR101") if each.location] == lines


def test_a_comment_at_the_head_is_for_the_whole_file() -> None:
    assert found("# noqa: AR101\n" + TEXT.format(""), "AR101") == []
    assert len(found("# a network\n" + TEXT.format(""), "AR101")) == 2


@pytest.mark.parametrize(
    ("select", "ignore", "asked"),
    [
        ((), (), False),
        (("AR",), (), True),
        (("ar1",), (), True),
        (("AR2",), (), False),
        (("AR",), ("AR101",), False),
        (("AR101",), ("AR1",), True),
    ],
)
def test_the_longer_of_select_and_ignore_decides(select: tuple[str, ...], ignore: tuple[str, ...], asked: bool) -> None:
    assert ("AR101" in Selection(select, ignore)) is asked


def test_layers_of_one_place_are_reported_once() -> None:
    text = "archcalc: 1\ninput: [8, 8, 8]\nblocks:\n  b:\n    - conv(3, 8) -> batchnorm\nlayers: [b * 3]\n"
    [only] = found(text, "AR101")
    assert only.notes == ("also 2 more layers from this line, up to b3.conv1",)
    assert only.edits


# --- the zoo ---------------------------------------------------------------------------------------------------------


def zoo_findings() -> set[tuple[str, str]]:
    """Every rule with every file of the zoo that it finds something in, its variants included."""
    found = set()
    for reference in references():
        for each in findings_of(document(reference), build(document(reference), free=())):
            assert each.location
            found.add((each.code, Path(each.location.source.name).stem))
    return found


def test_every_finding_in_the_zoo_is_listed_with_its_reason() -> None:
    listed = set()
    for line in (ROOT / "docs" / "rules" / "zoo.md").read_text().splitlines():
        if row := re.fullmatch(r"\| (AR\d+) \| (.+?) \| (.+\.) \|", line):
            listed |= {(row[1], spec) for spec in row[2].split(", ")}
    assert zoo_findings() == listed
