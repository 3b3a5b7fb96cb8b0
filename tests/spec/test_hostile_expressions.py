"""Expressions that somebody writes to see what happens: every one is reported, whatever symbols are free in it."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Location, Source
from archcalc.graph.binding import Kind, dimension, read
from archcalc.spec.expression import parse_expression
from archcalc.spec.value import Value
from archcalc.sym.expr import Expr, symbol

FREE: dict[str, Value] = {name: symbol(name) for name in (*"NHWCSEIQOsk", "width", "depth", "beta")}
"""Among them names that a computer algebra system takes for something else: N, C, S, E, I, Q, O, beta."""

HOSTILE = [
    "__import__('os').system('id')",
    "().__class__.__bases__[0].__subclasses__()",
    "H.__class__",
    "(lambda: 1)()",
    "[x for x in (1,)]",
    "H if W else C",
    "H == W",
    "'a'*9",
    "f'{H}'",
    "H[0]",
    "exec('1')",
    "open('/etc/passwd')",
    "H:=3",
    "*H",
    "yield",
    "9**9**9",
    "9**9",
    "H**W",
    "H**-1",
    "H**100",
    "(N+H+W+C+S+E+I)**8",
    "(N+H+W+C+S+E+I)**8*(N+H+W+C+S+E+I)**8",
    "1e308",
    "1e999",
    "1e-300",
    "H//0",
    "H%0",
    "H/0",
    "1/H",
    "H/3",
    "True",
    "None",
    "...",
    "1j",
    "H@W",
    "H<<99999",
    "H&W",
    "~H",
    "not H",
    "\U0001d407*2",
    "H\u200b",
    "H # c",
    "min()",
    "max(H,key=1)",
    "max(*H)",
    "heigth",
    "Width",
    "floor(H,2)",
    "",
    "max(max(max(max(max",
    "0b11*H",
    "H if 1 else 2",
    "0x" + "F" * 990,
    "9" * 999,
    "9" * 5000,
    "(" * 300 + "1" + ")" * 300,
    "-" * 900 + "1",
    "+".join(["H"] * 700),
    "+".join(["H"] * 450),
    "max(" * 90 + "H" + ",1)" * 90,
    "H*" * 200 + "H",
    "(H+1)*" * 90 + "1",
    "//".join(["H"] * 60),
]

HARMLESS = {
    "2**(8)": "256",
    "1_000*H": "1000·H",
    "64*width": "64·width",
    "-(-H//32)": "⌈H/32⌉",
    "beta + I*E": "E·I + beta",
}


def size(text: str) -> Value:
    """What a layer makes of the text where it needs a whole number."""
    found: Value = read("a size", parse_expression(text, Location(Source("test", text))), Kind(dimension), FREE)
    return found


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:24]))
def test_a_hostile_expression_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        size(text)
    assert all(each.code.startswith("AC1") or each.code.startswith("AC01") for each in caught.value.diagnostics)


@pytest.mark.parametrize(("text", "form"), HARMLESS.items())
def test_a_harmless_one_is_not(text: str, form: str) -> None:
    assert str(size(text)) == form


TOKENS = [
    *"HWCs12309()+-*/,.[]",
    "//",
    "%",
    "**",
    "min",
    "max",
    "floor",
    "ceil",
    "lambda",
    "and",
    "==",
    "0.5",
    "1e9",
    " ",
]
GARBAGE = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=40).map("".join)


def assert_reported(text: str) -> None:
    with suppress(SpecError):
        assert isinstance(size(text), int | Expr)


@settings(max_examples=500)
@given(GARBAGE)
def test_garbage_is_reported(text: str) -> None:
    assert_reported(text)


@pytest.mark.fuzz
@settings(max_examples=20_000)
@given(GARBAGE)
def test_much_garbage_is_reported(text: str) -> None:
    assert_reported(text)
