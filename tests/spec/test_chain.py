"""Chains: what they parse to, and that every part knows its exact place."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

import pytest

from archcalc.core.location import Location, Source
from archcalc.spec.chain import Body, Choice, Invocation, Merge, Step, parse_chain, settled
from archcalc.spec.document import read_document
from archcalc.spec.expression import Binary, Function, Name, Number, TupleOf, Word


def chain(text: str) -> Body:
    return parse_chain(text, Location(Source("test", text)))


def only(text: str) -> Step:
    (step,) = chain(text)
    assert isinstance(step, Step)
    return step


def call(text: str) -> Invocation:
    found = only(text).call
    assert isinstance(found, Invocation)
    return found


HERE = Location(Source("", ""))


def word(text: str) -> Word:
    return Word(text, HERE)


def number(value: int | Fraction) -> Number:
    return Number(value, HERE)


def test_a_step_has_name_call_and_repeat() -> None:
    name, target = word("e1"), word("conv")
    made = Invocation(target, (number(3), number(64)), (), True, HERE)
    assert only("e1 = conv(3, 64) * (n - 1)") == Step(
        name, made, Binary("-", Name("n", HERE), number(1), HERE), (), True, HERE
    )


def test_only_the_first_step_leads() -> None:
    assert [step.leads for step in chain("a -> b -> c") if isinstance(step, Step)] == [True, False, False]


def test_tags_are_keywords() -> None:
    found = settled(call("conv(64, k7, s2, p3, d1, g32)"), ()).keywords
    assert [(w.text, v) for w, v in found] == [
        ("kernel_size", number(7)),
        ("stride", number(2)),
        ("padding", number(3)),
        ("dilation", number(1)),
        ("groups", number(32)),
    ]


@pytest.mark.parametrize("text", ["f(s2 + 1)", "f(s)", "f(s2a)", "f(z2)", "f((s2))"])
def test_what_is_no_tag(text: str) -> None:
    assert len(call(text).positional) == 1


def test_kernels_functions_and_words() -> None:
    found = call("conv(1x7, 64, padding=same, act=leaky_relu(0.1), bias=false)")
    assert found.positional[0] == TupleOf((number(1), number(7)), HERE)
    assert {w.text: v for w, v in found.keywords} == {
        "padding": Name("same", HERE),
        "act": Function(word("leaky_relu"), (number(Fraction("0.1")),), HERE),
        "bias": Name("false", HERE),
    }


def test_parens_distinguish_a_call_from_a_name() -> None:
    assert (call("relu").parens, call("relu()").parens) == (False, True)


def test_targets_may_have_dots_and_digits() -> None:
    assert [call(t).target.text for t in ("rn.bottleneck(64)", "layer3.1.conv2")] == ["rn.bottleneck", "layer3.1.conv2"]


def test_if_takes_the_whole_chain_and_else_another_path() -> None:
    (choice,) = chain("a -> b if n > 1 else c if n else prev")
    assert isinstance(choice, Choice)
    assert choice.then == chain("a -> b")
    assert choice.otherwise == chain("c if n else prev")
    (alone,) = chain("a if n")
    assert isinstance(alone, Choice)
    assert alone.otherwise == ()


# --- places --------------------------------------------------------------------------------------------------------

SPEC = """\
archcalc: 1
name: "é 卷积 — wide"
params: {w: 64, d: [1, 2]}
input: [3, 32, 32]
blocks:
  b(width, n=w//2):
    - conv: 3
layers:
  - e1 = conv(3x3, 64*w, s2, padding=same) -> relu * (2 - 1)
  - "e2 = conv(3, w) -> b(d[0], n=4)"
  - 'fc(10, bias=false)'
  - conv(1, w)
    -> gelu(w)
      -> e3 = conv(5, w) if w > 3 else prev
  - >-
    conv(7, w) ->
    tanh
  - |
    conv(9, w)

      -> e4 = sigmoid
  - "conv(11,
     w) -> silu"
  - skip = add:
      - prev
      - [conv(1), {fc: 100}, {conv: {kernel_size: 3, act: {elu: 0.1}}, from: e1, repeat: w}]
expect: {params: 12 +- 1%, shapes: {e1: [64, 16, 16]}}
"""


def parts(node: Any) -> Iterator[Any]:
    """Every part of a document that has a place."""
    if is_dataclass(node) and not isinstance(node, Location | Source):
        if hasattr(node, "where"):
            yield node
        for each in fields(node):
            yield from parts(getattr(node, each.name))
    elif isinstance(node, tuple | list):
        for each in node:
            yield from parts(each)
    elif isinstance(node, dict):
        yield from parts(list(node.values()))


def under(place: Location) -> str:
    return place.source.line(place.line)[place.column : place.column + place.length]


TAGGED = {"stride": "s", "padding": "p"}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_part_knows_its_place(ending: str) -> None:
    document = read_document(Source("test.yaml", SPEC.replace("\n", ending)))
    seen = 0
    for part in parts(document):
        text = under(part.where)
        seen += 1
        match part:
            case Name(id, _):
                assert text == id
            case Number(value, _):
                assert Fraction(text.replace("_", "")) == value
            case Word(name, _):
                assert text == name or text == TAGGED[name] + text[1:]
            case Function(name, _, _):
                assert text.startswith(name.text)
            case Binary(op, left, right, _):
                assert op in text
                assert text.startswith(under(left.where))
                assert text.endswith((under(right.where), ")"))
            case Invocation(target, _, _, _, _) | Merge(target, _, _, _):
                assert text.startswith(target.text)
            case Step(name, step_call, _, _, _, _):
                assert text.startswith(name.text if name else step_call.target.text)
    assert seen > 100
