"""LaTeX of expressions: word for word where people look, and its brackets closed whatever is in it."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.sym.expr import Expr, ceil_div, expression, extremum, floor_div, grouped, symbol
from archcalc.sym.latex import escaped, latex, named
from tests.sym.test_expr import SYMBOLIC, tree, worked

n, m, H, W, s, t = map(symbol, ("n", "m", "H", "W", "s", "t"))

WRITTEN = [
    (n - n, "0"),
    (n - n - 3, "-3"),
    (-n + 1, "-n + 1"),
    (ceil_div(n, 32), r"\left\lceil \frac{n}{32} \right\rceil"),
    (n // 2 - 3, r"\left\lfloor \frac{n}{2} \right\rfloor - 3"),
    (3 * n**2 * m - m, r"3\,m\,n^{2} - m"),
    (81_456 * H * W + 2_048_000, r"81456\,H\,W + 2048000"),
    (floor_div(H + 2, s * t), r"\left\lfloor \frac{H + 2}{s\,t} \right\rfloor"),
    (((n + 1) // 3) ** 2, r"\left\lfloor \frac{n + 1}{3} \right\rfloor^{2}"),
    (extremum([n, 2 * m], -1), r"\min\left(2\,m, n\right)"),
    (extremum([n + 3, 2 * m], 1), r"\max\left(n + 3, 2\,m\right)"),
    (grouped(H - 4) ** 2 * W, r"W\,\left(H - 4\right)^{2}"),
    (symbol("width") * symbol("w_in") ** 2, r"w_{\mathrm{in}}^{2}\,\mathrm{width}"),
]


@pytest.mark.parametrize(("whole", "expected"), WRITTEN, ids=[str(whole) for whole, _ in WRITTEN])
def test_expressions_are_written_as_people_write_them(whole: Expr, expected: str) -> None:
    assert latex(whole) == expected


NAMES = {
    "H": "H",
    "w1": "w_{1}",
    "hidden_dim": r"\mathrm{hidden}_{\mathrm{dim}}",
    "depths[0]": r"\mathrm{depths}_{0}",
    "d_ff_2": r"d_{\mathrm{ff},2}",
    "_": r"\_",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_long_names_are_upright_and_what_follows_is_an_index(name: str, expected: str) -> None:
    assert named(name) == expected


def read_back(written: str) -> str:
    """LaTeX as Python."""
    plain = re.sub(r"\^\{(\d+)\}", r"**\1", written)
    for command, python in ((r"\,", "*"), (r"\left(", "("), (r"\right)", ")"), (r"\max", "max"), (r"\min", "min")):
        plain = plain.replace(command, python)
    innermost = re.compile(r"\\left\\l(floor|ceil) \\frac\{([^{}]*)\}\{([^{}]*)\} \\right\\r\1")
    while found := innermost.search(plain):
        side, top, below = found.groups()
        made = f"(({top}) // ({below}))" if side == "floor" else f"(-(-({top}) // ({below})))"
        plain = plain.replace(found[0], made)
    return plain


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(-50, 200), st.integers(-50, 200))
def test_what_is_written_has_the_value(seed: int, a: int, b: int) -> None:
    whole = expression(worked(tree(random.Random(seed), 5), {"n": n, "m": m}, SYMBOLIC))
    plain = read_back(latex(whole))
    assert not set(plain) & set("\\{}"), plain
    assert eval(plain, {"n": a, "m": b}) == whole.at(n=a, m=b), latex(whole)


def test_words_are_printed_as_they_are() -> None:
    assert escaped(r"a_b & 50 % \ {x}") == r"a\_b \& 50 \% \textbackslash{} \{x\}"
