"""Every call of a layer that a message of archcalc suggests can be written as it stands there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import archcalc.layers
from archcalc.core.location import Location, Source
from archcalc.graph.binding import given_arguments, signature_of
from archcalc.layer import known_names, layer_named
from archcalc.spec.chain import Invocation, Step, parse_chain, settled
from archcalc.spec.function import FUNCTIONS

SUGGESTED = re.compile(rf"(?<![\w.`])({'|'.join(sorted(known_names(), key=len, reverse=True))})\(([^()']*)\)")
"""A call of a layer in a text: `conv(3, 64)`."""

PLACE = "1"
"""Stands for what a message fills in."""


def texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a file, without docstrings; what f-strings fill in is PLACE."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else PLACE for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | documentation:
            yield node.value


def suggestions() -> Iterator[str]:
    """Calls in texts that say what to write; names of functions are those of expressions."""
    for file in sorted(Path(archcalc.__file__).parent.rglob("*.py")):
        for text in texts(ast.parse(file.read_text(encoding="utf-8"))):
            if "write " in text or "did you mean" in text:
                yield from (match[0] for match in SUGGESTED.finditer(text) if match[1] not in FUNCTIONS)


@pytest.mark.parametrize("call", sorted(set(suggestions())))
def test_a_suggested_call_can_be_written(call: str) -> None:
    text = call.replace("...", PLACE)
    (step,) = parse_chain(text, Location(Source("help", text), 0, 0, len(text)))
    assert isinstance(step, Step)
    assert isinstance(step.call, Invocation)
    layer = layer_named(step.call.target.text)
    assert layer is not None
    signature = signature_of(layer)
    known = (*signature.kinds, *signature.others)
    arguments = signature.positional, known, signature.kinds, signature.joins, signature.inferred, bool(signature.sizes)
    given, problems = given_arguments(settled(step.call, {}), *arguments)
    assert [each.message for each in problems] == []
    assert set(signature.required) <= set(given)
