"""Expressions: values against Python's own, bounds, and what is reported at which place."""

import ast
from fractions import Fraction
from math import ceil, floor, sqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Location, Source
from archcalc.spec.expression import Names, names_in, parse_expression
from archcalc.spec.function import make_divisible
from archcalc.spec.value import Inexact, Value
from archcalc.sym.expr import Expr, symbol
from archcalc.sym.ratio import Ratio

NAMES: dict[str, Value] = {
    "n": 7,
    "w": 64,
    "f": Fraction(1, 2),
    "depths": (3, 4, 6, 3),
    "yes": True,
    "no": False,
    "x.channels": 256,
}


NO_POWER = "only a positive number has such a power"


def value(text: str, names: Names = NAMES, words: tuple[str, ...] = ()) -> Value:
    return parse_expression(text, Location(Source("test", text))).evaluate(names, words)


def reported(text: str) -> tuple[str, str, str]:
    """Code, message, and the characters under the carets."""
    with pytest.raises(SpecError) as caught:
        value(text)
    (found,) = caught.value.diagnostics
    place = found.location
    assert place is not None
    return found.code, found.message, text[place.column : place.column + place.length]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1_000", 1000),
        ("1e3", 1000),
        ("2.5e6", 2_500_000),
        (".5", Fraction(1, 2)),
        ("-2 ** 2", -4),
        ("2 ** 2 ** 3", 256),
        ("2 ** -1", Fraction(1, 2)),
        ("w ** -0.5", Fraction(1, 8)),
        ("4 ** 1.5", 8),
        ("16 ** -0.75", Fraction(1, 8)),
        ("(9 / 4) ** 0.5", Fraction(3, 2)),
        ("-7 // 2", -4),
        ("7 % -3", -2),
        ("12 / 4", 3),
        ("7 / 2", Fraction(7, 2)),
        ("4*w - 1", 255),
        ("3x5", (3, 5)),
        ("3x3x3", (3, 3, 3)),
        ("(1, 2)", (1, 2)),
        ("(3,)", (3,)),
        ("(3)", 3),
        ("[[1, 2], 3,]", ((1, 2), 3)),
        ("depths[1 + 1]", 6),
        ("depths[-1]", 3),
        ("sum(depths) + len(depths)", 20),
        ("max(depths)", 6),
        ("min(n, f, 3)", Fraction(1, 2)),
        ("ceil(n / 2) + floor(n / 2) + round(2.6)", 10),
        ("make_divisible(w * f * 0.7)", 24),
        ("x.channels != 4*w or no", False),
        ("not n > 3 and yes", False),
        ("no and 1 // 0 == 1", False),
        ("[3, 4] == [3, 4]", True),
        ("yes == 1", False),
        ("1 if no else 2 if no else 3", 3),
        ("1 if n > 0 and yes else 1 // 0", 1),
        ("[4 * k if k > 1 else none for k in [1, 2, 3] if k < 3]", ("none", 8)),
        ("depths[0 if no else -1]", 3),
        ("max(4 if yes else 9, (1 if no else 5) + 1)", 6),
        ("2 ** 0.3", Inexact(2**0.3)),
        ("64 ** -0.25", Inexact(64**-0.25)),
        ("-sqrt(3) / 2 + n", Inexact(-sqrt(3) / 2 + 7)),
        ("(2 * w) ** -0.5 ** 2", Inexact(128**-0.25)),
        ("sqrt(3) == sqrt(3)", True),
        ("true", True),
        ("none", "none"),
        ("null", "none"),
    ],
)
def test_values(text: str, expected: Value) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_words_stand_for_themselves_unless_they_are_names() -> None:
    assert value("relu", {}, ("relu", "w")) == "relu"
    assert value("w", {"w": 3}, ("relu", "w")) == 3


@pytest.mark.parametrize(
    ("text", "code", "message", "marked"),
    [
        ("4 * widht", "AC110", "unknown name 'widht'", "widht"),
        ("sin(3)", "AC111", "unknown function 'sin'", "sin"),
        ("sqrt(-4)", "AC113", "sqrt(-4) has no value", "-4"),
        ("floor(sqrt(3))", "AC113", "an exact number is needed here, got 1.732050808, which is not exact", "sqrt(3)"),
        ("sqrt(3) < 2", "AC113", "an exact number is needed here, got 1.732050808, which is not exact", "sqrt(3)"),
        ("7 // sqrt(3)", "AC113", "an exact number is needed here, got 1.732050808, which is not exact", "sqrt(3)"),
        ("depths[sqrt(3)]", "AC112", "an index must be a whole number, got 1.732050808, which is not exact", "sqrt(3)"),
        ("sqrt(3) + yes", "AC112", "a number is needed here, got true", "yes"),
        ("n / (sqrt(3) * 0)", "AC113", "division by zero", "n / (sqrt(3) * 0)"),
        ("sqrt(3) * 1e15", "AC114", "numbers are limited to 1e15", "sqrt(3) * 1e15"),
        ("(-sqrt(3)) ** 2", "AC114", f"{NO_POWER}, and its exponent is at most 8", "(-sqrt(3)) ** 2"),
        ("log2(6)", "AC113", "log(6, 2) is not exact", "6"),
        ("log(2, 1)", "AC113", "the base of a logarithm must be greater than 1, got 1", "1"),
        ("zip([1], [2, 3])", "AC113", "the lists of zip have 1 and 2 entries", "[2, 3]"),
        ("range(9999)", "AC114", "a range has at most 4,096 numbers, got 9,999", "9999"),
        ("range(1, 5, 0)", "AC113", "the step of a range is 0", "0"),
        ("[i for i, j in [3]]", "AC112", "the loop has 2 names, got 3", "[3]"),
        ("[i for i, i in [3]]", "AC122", "the index 'i' is given twice", "i"),
        ("[i for if in [3]]", "AC115", "'if' is a reserved word and cannot be a name", "if"),
        ("sum(i for i in [3])", "AC012", "expected ',' or ')', got 'for'", "for"),
        ("[i for i in 3]", "AC112", "a list is needed here, got 3", "3"),
        ("7 B", "AC013", "'7 B' can be read as 7 billion or as 7 bytes", "7 B"),
        ("1 + depths", "AC112", "a number is needed here, got a list", "depths"),
        ("yes + 1", "AC112", "a number is needed here, got true", "yes"),
        ("1 + none", "AC112", "a number is needed here, got the word 'none'", "none"),
        ("n and yes", "AC112", "true or false is needed here, got 7", "n"),
        ("n[0]", "AC112", "a list is needed here, got 7", "n"),
        ("depths[f]", "AC112", "an index must be a whole number, got 0.5", "f"),
        ("len()", "AC112", "len takes 1 value, got 0", "len()"),
        ("1 + (n - 7) // (n - 7) * 2", "AC113", "division by zero", "(n - 7) // (n - 7)"),
        ("depths[4]", "AC113", "index 4 of a list of 4 entries", "4"),
        ("max([])", "AC113", "an empty list has no minimum or maximum", "[]"),
        ("make_divisible(8, 0)", "AC113", "a divisor must be at least 1, got 0", "0"),
        ("2 * 9 ** 9", "AC114", "an exponent is at most 8, got 9", "9"),
        ("(2 - 6) ** 0.5", "AC113", "-4 ** 0.5 has no value", "(2 - 6) ** 0.5"),
        ("0 ** -1", "AC113", "division by zero", "0 ** -1"),
        ("1e8 * 1e8", "AC114", "whole numbers are limited to 1e15", "1e8 * 1e8"),
        ("1000000000000001", "AC114", "whole numbers are limited to 1e15", "1000000000000001"),
        ("9" * 5000, "AC114", "whole numbers are limited to 1e15", "9" * 5000),
        ("1e999", "AC114", "this number is too large", "1e999"),
        ("1e200", "AC114", "this number is too large", "1e200"),
        ("2 ** 8 ** 2", "AC114", "an exponent is at most 8, got 64", "8 ** 2"),
        ("(0.123 ** 8) ** 8", "AC114", "this number is too large", "(0.123 ** 8) ** 8"),
        ("1 < n <", "AC012", "expected a value, but the text ends here", ""),
        ("3 +", "AC012", "expected a value, but the text ends here", ""),
        ("n n", "AC012", "'n' is not expected here", "n"),
        ("16:9", "AC013", "cannot read ':'", ":"),
        ("0x10", "AC013", "cannot read '0x10'", "0x10"),
        ("64w", "AC013", "cannot read '64w'", "64w"),
        ("010", "AC013", "a whole number cannot begin with 0, got '010'", "010"),
        ("f(a=1)", "AC012", "a call inside an argument takes no named arguments", "="),
        ("max(1, (2)", "AC015", "'max(' is not closed", "("),
        ("__import__('os')", "AC013", 'cannot read "\'"', "'"),
        ("n.__class__", "AC110", "unknown name 'n.__class__'", "n.__class__"),
        ("lambda: 1", "AC013", "cannot read ':'", ":"),
    ],
)
def test_what_is_reported(text: str, code: str, message: str, marked: str) -> None:
    assert reported(text) == (code, message, marked)


def test_help_comes_from_the_names_that_there_are() -> None:
    with pytest.raises(SpecError) as caught:
        value("depth[0]")
    assert caught.value.diagnostics[0].help == "did you mean 'depths'?"


@pytest.mark.parametrize("text", ["(" * 60 + "1" + ")" * 60, "-" * 300 + "1", "1" + "+1" * 300, "depths" + "[0]" * 300])
def test_nesting_and_length_are_bounded(text: str) -> None:
    assert reported(text)[0] == "AC014"


def test_operations_up_to_the_bound_are_evaluated() -> None:
    assert value("1" + "+1" * 200) == 201


def test_names_in_finds_every_name() -> None:
    found = names_in(parse_expression("f(a, -b)[c] + (d, 3 * e) == not g", Location(Source("test", ""))))
    assert [name.id for name in found] == ["a", "b", "c", "d", "e", "g"]


def mobilenet(v: float, divisor: int = 8, min_value: int | None = None) -> int:
    """`_make_divisible` as published with MobileNet (tensorflow/models, slim/nets/mobilenet)."""
    if min_value is None:
        min_value = divisor
    new_v = max(min_value, int(v + divisor / 2) // divisor * divisor)
    if new_v < 0.9 * v:
        new_v += divisor
    return new_v


@pytest.mark.parametrize("divisor", [1, 3, 8, 16])
def test_make_divisible_is_mobilenets(divisor: int) -> None:
    for v in (Fraction(quarters, 4) for quarters in range(2000)):
        assert make_divisible(v, divisor) == mobilenet(float(v), divisor)
    assert make_divisible(3, divisor, 20) == mobilenet(3, divisor, 20)


# --- against Python ------------------------------------------------------------------------------------------------

ATOMS = st.one_of(st.integers(0, 50).map(str), st.sampled_from(["n", "w", "f", "2.5", "depths[2]", "x.channels"]))


def combined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    return st.one_of(
        st.tuples(parts, operators, parts).map(" ".join),
        st.tuples(parts, operators, parts).map(lambda p: f"({''.join(p)})"),
        parts.map(lambda p: f"-{p}"),
        st.tuples(parts, st.integers(0, 3)).map(lambda p: f"({p[0]}) ** {p[1]}"),
        st.tuples(st.sampled_from(["min", "max"]), parts, parts).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        st.tuples(st.sampled_from(["ceil", "floor", "round"]), parts).map(lambda p: f"{p[0]}({p[1]})"),
    )


NUMBERS = st.recursive(ATOMS, combined, max_leaves=12)
COMPARED = st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS).map(" ".join)
TRUTHS = st.recursive(
    COMPARED,
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from([" and ", " or "]), parts).map("".join),
        parts.map(lambda p: f"not {p}"),
        parts.map(lambda p: f"({p})"),
    ),
    max_leaves=4,
)


class Exact(ast.NodeTransformer):
    """Makes a fraction of every number that Python's syntax tree holds, and of what `//` and `%` give."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return fraction_of(ast.Constant(str(node.value)))

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return fraction_of(node)


def fraction_of(node: ast.expr) -> ast.AST:
    return ast.Call(ast.Name("Fraction", ast.Load()), [node], [])


PYTHON: dict[str, Any] = {"__builtins__": {}, "Fraction": Fraction, "min": min, "max": max, "f": Fraction(1, 2)}
PYTHON |= {word: lambda x, of=of: Fraction(of(x)) for word, of in (("ceil", ceil), ("floor", floor), ("round", round))}


def in_python(text: str, n: int = 7, w: int = 64) -> Any:
    """What Python's own parser and fractions make of the text."""
    tree = ast.parse(text.replace("depths[2]", "6").replace("x.channels", "256"), mode="eval")
    code = compile(ast.fix_missing_locations(Exact().visit(tree)), "test", "eval")
    return eval(code, {**PYTHON, "n": Fraction(n), "w": Fraction(w)})


def outcome(text: str, names: Names = NAMES) -> Value:
    """The value, or the code of what is reported instead."""
    try:
        return value(text, names)
    except SpecError as error:
        return error.diagnostics[0].code


def assert_python_agrees(text: str) -> None:
    try:
        expected = in_python(text)
    except (ZeroDivisionError, OverflowError):
        assert reported(text)[0] in ("AC113", "AC114")
        return
    found = outcome(text)
    assert found == expected or found == "AC114"


def assert_symbols_agree(text: str, n: int, w: int) -> None:
    """With n and w free, the formula has the values that numbers give; or there is none, and it says so."""
    found = outcome(text, {**NAMES, "n": symbol("n"), "w": symbol("w")})
    if isinstance(found, str):
        assert found in ("AC112", "AC113", "AC114", "AC136")
        return
    try:
        expected = in_python(text, n, w)
    except ZeroDivisionError:
        pytest.fail(f"{text} is {found}, and divides by zero at n = {n}, w = {w}")
    if isinstance(found, Ratio):
        assert Fraction(found.numerator.at(n=n, w=w), found.divisor.at(n=n, w=w)) == expected
    else:
        assert (found.at(n=n, w=w) if isinstance(found, Expr) else found) == expected


SIZES = st.integers(1, 200)


@given(st.one_of(NUMBERS, TRUTHS))
def test_same_value_as_python(text: str) -> None:
    assert_python_agrees(text)


@settings(max_examples=600)
@given(st.one_of(NUMBERS, TRUTHS), SIZES, SIZES)
def test_free_symbols_have_the_same_values(text: str, n: int, w: int) -> None:
    assert_symbols_agree(text, n, w)


@pytest.mark.fuzz
@settings(max_examples=20_000)
@given(st.one_of(NUMBERS, TRUTHS), SIZES, SIZES)
def test_many_values_are_pythons(text: str, n: int, w: int) -> None:
    assert_python_agrees(text)
    assert_symbols_agree(text, n, w)
