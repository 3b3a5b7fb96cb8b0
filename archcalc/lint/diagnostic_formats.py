"""Diagnostics for programs: one line each, JSON, GitHub workflow commands, SARIF."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from archcalc.core.codes import CODES
from archcalc.core.diagnostic import Diagnostic, facts_of
from archcalc.core.render import printable
from archcalc.core.version import VERSION
from archcalc.lint.rule import RULES, title_of

Writer: TypeAlias = Callable[[Sequence[Diagnostic]], str]

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def concise(found: Sequence[Diagnostic]) -> str:
    """One line per diagnostic: `specs/x.yaml:5:7: AC201 add needs equal shapes`."""
    return "".join(printable(f"{each.location or 'archcalc'}: {each.code} {each.message}") + "\n" for each in found)


def as_json(found: Sequence[Diagnostic]) -> str:
    return as_text([facts_of(each) for each in found])


def as_text(value: object) -> str:
    """JSON with all unprintable characters escaped, so that it is safe for terminals."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    if text.replace("\n", "").isprintable():
        return text + "\n"
    return "".join(sign if sign.isprintable() or sign == "\n" else escape(sign) for sign in text) + "\n"


def all_said(each: Diagnostic) -> str:
    """The message, its notes and its help, one line each."""
    return "\n".join([each.message, *each.notes, *([f"help: {each.help}"] if each.help else [])])


def escape(sign: str) -> str:
    return json.dumps(sign)[1:-1]


# --- GitHub ----------------------------------------------------------------------------------------------------------


def github(found: Sequence[Diagnostic]) -> str:
    """Annotations of a pull request.

    Source: GitHub Docs, "Workflow commands for GitHub Actions", setting an error message.
    """
    return "".join(f"{annotation(each)}\n" for each in found)


def annotation(each: Diagnostic) -> str:
    at, properties = each.location, {"title": each.code}
    if at:
        properties |= {"file": at.source.name, "line": str(at.line + 1), "col": str(at.column + 1)}
    said = ",".join(f"{key}={escaped(value, ':,')}" for key, value in properties.items())
    return f"::{each.severity} {said}::{escaped(all_said(each))}"


def escaped(text: str, more: str = "") -> str:
    """Text escaped for a workflow command: no line breaks, and no characters that end a property.

    >>> escaped("50 %: a, b", ":,")
    '50 %25%3A a%2C b'
    """
    return "".join(f"%{ord(sign):02X}" if sign in f"%\r\n{more}" else printable(sign) for sign in text)


# --- SARIF -----------------------------------------------------------------------------------------------------------


def sarif(found: Sequence[Diagnostic]) -> str:
    """The Static Analysis Results Interchange Format, version 2.1.0 (OASIS standard)."""
    driver = {
        "name": "archcalc",
        "version": VERSION,
        "rules": [
            {"id": code, "shortDescription": {"text": text}} for code, text in titles({each.code for each in found})
        ],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [result(each) for each in found]}
    return as_text({"$schema": SARIF, "version": "2.1.0", "runs": [run]})


def titles(codes: set[str]) -> Iterator[tuple[str, str]]:
    for code in sorted(codes):
        yield code, title_of(RULES[code]) if code in RULES else CODES[code][0]


def result(each: Diagnostic) -> dict[str, Any]:
    found: dict[str, Any] = {"ruleId": each.code, "level": each.severity, "message": {"text": all_said(each)}}
    if at := each.location:
        region = {"startLine": at.line + 1, "startColumn": at.column + 1, "endColumn": at.column + 1 + at.length}
        uri = {"uri": quote(Path(at.source.name).as_posix())}
        found["locations"] = [{"physicalLocation": {"artifactLocation": uri, "region": region}}]
    return found


FORMATS: Mapping[str, Writer] = {"concise": concise, "json": as_json, "github": github, "sarif": sarif}
