"""Compiled expressions against the algebra: the text alone gives their values, and can do nothing else."""

import random
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.sym.compile import compiled, every, python_source, upper_bound
from archcalc.sym.expr import Expr, FloorDiv, ceil_div, expression, extremum, floor_div, grouped, symbol, total, volume
from tests.goldens import assert_golden
from tests.sym.test_expr import SYMBOLIC, tree, worked

n, m, H, W, N, w = map(symbol, ("n", "m", "H", "W", "N", "w"))

SEEDS = st.integers(0, 2**32 - 1)
VALUES = st.integers(-50, 200)


def random_expression(pick: random.Random, depth: int = 5) -> Expr:
    return expression(worked(tree(pick, depth), {"n": n, "m": m}, SYMBOLIC))


def stages(count: int) -> dict[str, Expr]:
    """Counts of layers that halve their input again and again, as networks have them."""
    sizes = [(ceil_div(H, 2**i), ceil_div(W, 2**i)) for i in range(1, count + 1)]
    macs = total(volume(2**i * 147, N, *size) * w**2 for i, size in enumerate(sizes))
    outputs = total(volume(2**i * 8, N, *size) for i, size in enumerate(sizes))
    return {"macs": macs, "outputs": outputs * w, "params": 64 * w**2 + 10}


# --- values ----------------------------------------------------------------------------------------------------------


@settings(max_examples=300, derandomize=True, deadline=None)
@given(SEEDS, VALUES, VALUES)
def test_the_text_gives_the_values_of_the_algebra(seed: int, a: int, b: int) -> None:
    pick = random.Random(seed)
    outputs = {name: random_expression(pick) for name in ("first", "second", "third")}
    function = compiled("values", outputs, ["n", "m"])
    assert function(a, m=b) == {name: whole.at(n=a, m=b) for name, whole in outputs.items()}
    assert compiled("value", {"only": outputs["first"]}, ["m", "n"])(b, a) == outputs["first"].at(n=a, m=b)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(SEEDS, VALUES, VALUES, st.integers(1, 9))
def test_symbolic_divisors_too(seed: int, a: int, b: int, by: int) -> None:
    pick = random.Random(seed)
    divisor = pick.choice([w, 3 * w, w + 1, w * w])
    whole = floor_div(random_expression(pick, 3), divisor) * pick.randint(-3, 3) + random_expression(pick, 2)
    assert compiled("value", {"": whole}, ["n", "m", "w"])(a, b, by) == whole.at(n=a, m=b, w=by)


def test_sums_of_thousands_are_compiled() -> None:
    whole = total(grouped(n + i) * m for i in range(3_000))
    assert compiled("value", {"": whole}, ["n", "m"])(5, 7) == whole.at(n=5, m=7)


def test_what_depends_on_nothing_is_a_number() -> None:
    assert compiled("numbers", {"zero": n - n, "two": n - n + 2, "same": n}, ["n"])(7) == {
        "zero": 0,
        "two": 2,
        "same": 7,
    }
    assert compiled("nothing", {}, [])() == {}


# --- arrays ----------------------------------------------------------------------------------------------------------


def without_extrema(pick: random.Random) -> Expr:
    whole = random_expression(pick)
    return whole if not re.search("max|min", str(whole)) else without_extrema(pick)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(SEEDS)
def test_arrays_are_worked_out_exactly_where_the_bound_allows(seed: int) -> None:
    whole = without_extrema(random.Random(seed))
    points = np.random.default_rng(seed).integers(-50, 201, size=(2, 20))
    if upper_bound([whole], {"n": (-50, 200), "m": (-50, 200)}) < 2**63:
        found = np.broadcast_to(compiled("values", {"": whole}, ["n", "m"])(*points), 20)
        assert found.tolist() == [whole.at(n=int(a), m=int(b)) for a, b in points.T]


def test_a_grid_is_worked_out_along_its_axes() -> None:
    outputs = stages(5)
    axes = np.ix_(np.arange(1, 4), np.arange(200, 240), np.arange(30, 60))
    found = compiled("costs", outputs, ["N", "H", "W", "w"])(*axes, 64)
    assert found["macs"].shape == (3, 40, 30)
    assert found["macs"][2, 24, 7] == outputs["macs"].at(N=3, H=224, W=37, w=64)
    assert found["params"] == outputs["params"].at(w=64)


# --- how large numbers become ----------------------------------------------------------------------------------------


def watched(log: list[int]) -> Any:
    """Whole numbers that note the size of all that is worked out from them."""

    def noting(operation: str) -> Any:
        def note(self: int, *others: int) -> Any:
            made = getattr(int, operation)(self, *others)
            log.append(abs(made))
            return kind(made)

        return note

    names = ("add", "radd", "sub", "rsub", "mul", "rmul", "floordiv", "rfloordiv", "neg", "pow")
    kind = type("Watched", (int,), {f"__{name}__": noting(f"__{name}__") for name in names})
    return kind


@settings(max_examples=300, derandomize=True, deadline=None)
@given(SEEDS)
def test_nothing_on_the_way_is_above_the_bound(seed: int) -> None:
    pick = random.Random(seed)
    outputs = {name: random_expression(pick) for name in ("first", "second")}
    a, b, c, d = (pick.randint(-50, 200) for _ in range(4))
    ranges = {"n": (min(a, b), max(a, b)), "m": (min(c, d), max(c, d))}
    bound, function = upper_bound(outputs.values(), ranges), compiled("values", outputs, ["n", "m"])
    for _ in range(10):
        log: list[int] = []
        kind = watched(log)
        found = function(kind(pick.randint(*ranges["n"])), kind(pick.randint(*ranges["m"])))
        assert max([*log, *map(abs, found.values())]) <= bound


def test_the_bound_is_met() -> None:
    assert upper_bound([64 * n * m + 3, -n], {"n": (1, 10), "m": (-7, 2)}) == 64 * 10 * 7 + 3
    assert upper_bound([1_000 * n * (m // 1_000)], {"n": (0, 0), "m": (0, 9)}) == 1_000  # a product before it is zero


def test_a_large_transformer_is_beyond_int64_and_the_bound_says_so() -> None:
    """Forward FLOPs of 126 layers of width 16,384 on 1,024 sequences of 131,072: int64 wraps around without a word."""
    L, T, d = map(symbol, ("L", "T", "d"))
    flops = 24 * L * N * T * d**2 + 4 * L * N * T**2 * d
    size = {"L": 126, "N": 1_024, "T": 131_072, "d": 16_384}
    function = compiled("flops", {"flops": flops}, list(size))
    exact = 254_219_191_765_809_758_208
    assert flops.at(**size) == function(**size) == exact
    wrapped = function(**{name: np.array([value]) for name, value in size.items()})
    assert wrapped.tolist() == [-4_035_225_266_123_964_416]
    assert upper_bound([flops], {name: (1, value) for name, value in size.items()}) == exact >= 2**63


def test_what_has_no_bound_is_said() -> None:
    with pytest.raises(ValueError, match="'m' has no range"):
        upper_bound([n * m], {"n": (1, 2)})
    with pytest.raises(ValueError, match=r"⌊n/m⌋ is unbounded: its divisor can be 0 or less"):
        upper_bound([floor_div(n, m)], {"n": (1, 2), "m": (0, 2)})
    assert upper_bound([], {}) == 0


# --- the text --------------------------------------------------------------------------------------------------------


def test_the_text_word_for_word() -> None:
    outputs = {**stages(3), "peak": extremum([volume(64, H, W), volume(3, H + 6, W + 6) * 20], 1), "twice": 2 * H * W}
    assert_golden(
        "compiled.py.txt", python_source("costs", outputs, ["N", "H", "W", "w"], "Costs of a network.\n\nw: 64")
    )


@pytest.mark.parametrize("seed", range(5))
def test_every_floor_and_every_product_that_occurs_again_is_worked_out_once(seed: int) -> None:
    pick = random.Random(seed)
    outputs = {f"y{i}": random_expression(pick) for i in range(20)} | stages(5)
    text = python_source("values", outputs, ["n", "m", "N", "H", "W", "w"])
    floors = {atom for whole in every(outputs.values()) for atom in whole.atoms() if isinstance(atom, FloorDiv)}
    assert text.count(" // ") == len(floors)
    rights = [line.partition(" = ")[2] for line in text.splitlines() if re.match(r"    \w+ = ", line)]
    assert "product" not in python_source("values", {"first": H * W * N + 1, "equal": H * W * N + 1}, ["H", "W", "N"])
    products = [right for right in rights if re.fullmatch(r"[\w* ]+", right) and "*" in right]
    assert len(products) == len(set(products))


def test_the_text_is_formatted_and_passes_ruff(tmp_path: Path) -> None:
    for seed in range(30):
        pick = random.Random(seed)
        outputs = {f"output_{i}": random_expression(pick, 4) for i in range(seed % 6)} | (stages(5) if seed % 2 else {})
        text = python_source("values", outputs, ["n", "m", "N", "H", "W", "w"], HOSTILE if seed % 3 else "")
        (tmp_path / f"seed{seed}.py").write_text(text)
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--isolated", "--select", "ALL", "--ignore", "D,N,ARG,INP,COM,PLR,ERA,CPY,E501"]
    checked = subprocess.run([*ruff, "check", *rules, str(tmp_path)], capture_output=True, text=True, check=False)
    assert checked.stdout.strip() == "All checks passed!"
    form = [*ruff, "format", "--isolated", "--diff", str(tmp_path)]
    formatted = subprocess.run(form, capture_output=True, text=True, check=False)
    assert formatted.returncode == 0, formatted.stdout


# --- what it cannot do -----------------------------------------------------------------------------------------------

HOSTILE = '"""\nimport os\n\\"""; os.getcwd() \x00\x1b[0m \\ {0} %s "a" \ud800 \u2028 ""\\"'


def test_a_docstring_is_no_more_than_text() -> None:
    text = python_source("area", {"": n}, ["n"], HOSTILE)
    assert [line.strip() for line in text.splitlines() if line.startswith("    return")] == ["return n"]
    function = compiled("area", {"": n}, ["n"], HOSTILE)
    assert function(3) == 3
    assert str(function.__doc__).strip().replace(" ", "") == "\n".join(HOSTILE.splitlines()).replace(" ", "")


@pytest.mark.parametrize(
    "key", ["a", "", '"', "\\", '"]; import os #', "\n", "lambda", "1.0.conv", "é", "\ud800", "value"]
)
def test_keys_are_no_more_than_text(key: str) -> None:
    assert compiled("values", {key: n * m, "other": n + 1}, ["n", "m"])(3, 4) == {key: 12, "other": 4}


NO_NAMES = [
    "",
    "1n",
    "a b",
    "n)",
    "lambda",
    "None",
    "max",
    "print",
    "__import__",
    "__x",
    "é",
    "\N{MATHEMATICAL BOLD CAPITAL H}",
    "n\n",
    "a.b",
    "a[0]",
]


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a function or argument"):
        python_source(name, {"": n}, ["n"])
    with pytest.raises(ValueError, match="cannot be the name of a function or argument"):
        compiled("area", {"": symbol(name)}, [name])


def test_symbols_are_arguments() -> None:
    with pytest.raises(ValueError, match="the symbol 'm' of an expression is not an argument"):
        python_source("area", {"": n // m}, ["n"])
    with pytest.raises(ValueError, match="an argument is given twice: n, n"):
        python_source("area", {"": n}, ["n", "n"])


def test_a_function_has_nothing_but_arithmetic() -> None:
    scope: Mapping[str, Any] = compiled("area", {"": n}, ["n"]).__globals__
    assert set(scope["__builtins__"]) == {"int", "str", "dict", "max", "min"}
    assert set(scope) == {"__builtins__", "area"}


@pytest.mark.parametrize("name", ["ceil_H_over_2", "product_1", "floor_1", "H_minus_4"])
def test_names_of_the_text_give_way_to_those_of_the_caller(name: str) -> None:
    whole = ceil_div(H, 2) * symbol(name) + grouped(H - 4) * W + grouped(H - 4) * W * symbol(name) + ceil_div(W + 1, 3)
    outputs = {"first": whole, name + "_1": whole + 1}
    values = {"H": 9, "W": 5, name: 1_000}
    expected = {"first": whole.at(**values), name + "_1": whole.at(**values) + 1}
    assert compiled("both", outputs, list(values))(**values) == expected
    assert compiled(name, {"": whole.subs(**{name: 3})}, ["H", "W"])(9, 5) == whole.at(**{**values, name: 3})
