"""Diagnostics for programs: SARIF as its schema wants it, GitHub's annotations as its runner reads them."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft4Validator  # type: ignore[import-untyped]  # it carries no types

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.location import Location, Source
from archcalc.graph.builder import build
from archcalc.lint.diagnostic_formats import FORMATS
from archcalc.lint.linting import findings_of
from archcalc.lint.rule import RULES, example_spec
from archcalc.spec.document import read_document
from tests.networks.zoo import DATA

NASTY = Source("specs/my spec, 100%: [ä]\n.yaml", "conv(3, 8)\n")

MADE_UP = [
    Diagnostic(code="AC201", message="50 %: a, b\r\nc", location=Location(NASTY, 0, 5, 1), notes=("n",), help="h: %0A"),
    Diagnostic(code="AC004", message="no place"),
    Diagnostic(code="AR101", message="an 'ä' in \"it\"", severity="warning", location=Location(NASTY, 3, 0, 1)),
]


def all_findings() -> list[Diagnostic]:
    """What every rule says of its own example."""
    documents = [read_document(Source("e.yaml", example_spec(RULES[code].bad))) for code in sorted(RULES)]
    return [each for document in documents for each in findings_of(document, build(document, free=()))]


@pytest.mark.parametrize("found", [[], MADE_UP, all_findings()], ids=["nothing", "made up", "findings"])
def test_sarif_is_what_its_schema_says(found: list[Diagnostic]) -> None:
    schema = json.loads((DATA / "sarif-2.1.0-excerpt.json").read_text())
    Draft4Validator.check_schema(schema)
    log = json.loads(FORMATS["sarif"](found))
    assert [error.message for error in Draft4Validator(schema).iter_errors(log)] == []
    [run] = log["runs"]
    assert len(run["results"]) == len(found)
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {each.code for each in found}


def test_a_validator_that_accepts_anything_would_show() -> None:
    schema = json.loads((DATA / "sarif-2.1.0-excerpt.json").read_text())
    log: dict[str, Any] = json.loads(FORMATS["sarif"](MADE_UP))
    for spoil in (
        lambda: log["runs"][0]["results"][0].pop("message"),
        lambda: log.update(version="2.0"),
        lambda: log["runs"][0]["results"][2]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
    ):
        before = len(list(Draft4Validator(schema).iter_errors(log)))
        spoil()
        assert len(list(Draft4Validator(schema).iter_errors(log))) == before + 1


def test_places_in_sarif_are_uris_and_count_from_one() -> None:
    first, without, third = json.loads(FORMATS["sarif"](MADE_UP))["runs"][0]["results"]
    place = first["locations"][0]["physicalLocation"]
    assert re.fullmatch(r"[\w%./~-]+", place["artifactLocation"]["uri"])  # RFC 3986, unreserved or quoted
    assert place["region"] == {"startLine": 1, "startColumn": 6, "endColumn": 7}
    assert "locations" not in without
    assert third["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


# --- GitHub ----------------------------------------------------------------------------------------------------------


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it.

    Source: actions/toolkit, packages/core/src/command.ts, escapeData and escapeProperty (undone in their order).
    """
    found = re.fullmatch(r"::(\w+) ?(.*?)::(.*)", line)
    assert found
    properties = dict(each.split("=", 1) for each in found[2].split(","))
    read = {key: undone(value, {"%3A": ":", "%2C": ","}) for key, value in properties.items()}
    return found[1], read, undone(found[3], {})


def undone(text: str, more: dict[str, str]) -> str:
    signs = {"%0D": "\r", "%0A": "\n", **more, "%25": "%"}
    return re.sub("|".join(signs), lambda sign: signs[sign[0]], text)


def test_annotations_say_after_escaping_what_they_said_before() -> None:
    lines = FORMATS["github"](MADE_UP).splitlines()
    assert len(lines) == len(MADE_UP)
    command, properties, text = parsed(lines[0])
    assert (command, text) == ("error", "50 %: a, b\r\nc\nn\nhelp: h: %0A")
    assert properties == {"title": "AC201", "file": NASTY.name, "line": "1", "col": "6"}
    assert parsed(lines[1]) == ("error", {"title": "AC004"}, "no place")
    assert parsed(lines[2])[0] == "warning"


def test_every_finding_is_one_line_of_each_line_format() -> None:
    found = all_findings()
    for name in ("concise", "github"):
        assert len(FORMATS[name](found).splitlines()) == len(found)
