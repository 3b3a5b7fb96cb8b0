"""Fuzzers of the front door: bytes, YAML, chains and expressions, and sound specs with one mutation.

One in 400 of the inputs is tried every day, all of them by `make fuzz`; `fuzz_atheris.py` goes on by hand.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from archcalc.layer import LAYERS, known_names
from archcalc.spec.expression import CONSTANTS
from archcalc.spec.function import FUNCTIONS
from archcalc.spec.library import KEYS
from tests.commands.front_door import guarded, outcome, outcome_of_bytes, outcome_of_chain
from tests.lint.test_schema import validator
from tests.networks.zoo import FILES, network
from tests.verification.test_random_networks import networks

TEXTS = [file.read_text() for file in FILES if "import:" not in file.read_text() and len(network(file.stem).nodes) < 60]
"""Bundled specs that take no time to build."""

REACHED = Path("reached_by_a_spec")
"""A folder that code in an input would make."""

PAYLOADS = (
    f"__import__('os').mkdir('{REACHED}')",
    f"!!python/object/apply:os.mkdir ['{REACHED}']",
    f'"""\nimport os; os.mkdir("{REACHED}")\n"""',
    f"\\\"\\\"\\\"; __import__('os').mkdir('{REACHED}')",
    f"(lambda: exec('import os; os.mkdir(\"{REACHED}\")'))()",
    "().__class__.__bases__[0].__subclasses__()",
    f"$(mkdir {REACHED})",
    "{0.__class__}",
    "%(x)s",
    "*a",
    "&a b",
    "<<",
)  # fmt: skip

Strategy = st.SearchStrategy[Any]


# --- what is drawn ---------------------------------------------------------------------------------------------------

PIECES = (
    "->", " -> ", "[", "]", "{", "}", "(", ")", ",", ":", ": ", "- ", "\n", "\n  ", "  ", "=", "*", "0", "-1", "'", '"',
    "#", "\t", "if ", " else ", "conv", "relu", "prev", "x.channels", "null", "1e9", "&a ", "*a", "!", "%", "é", "\r",
    "\u2028", "\x00", "\ufeff", "\u202e", "\x85", "---\n", "...\n", "? ", "|\n", ">-\n", "\\", "\U0001d407", *PAYLOADS,
)  # fmt: skip

RAW = [text.encode() for text in TEXTS]
BYTES = (
    *(piece.encode() for piece in PIECES),
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xfe\xff",
    b"\xff\xfe",
    b"\xf4\x90",
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A bundled spec with some bytes cut out, doubled, flipped or put in, or with the rest of another one."""
    data = draw(st.sampled_from(RAW))
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(data)))
        j = min(len(data), i + draw(st.integers(0, 12)))
        match draw(st.sampled_from(["cut", "double", "flip", "put", "splice"])):
            case "cut":
                data = data[:i] + data[j:]
            case "double":
                data = data[:j] + data[i:]
            case "flip":
                data = data[:i] + bytes(byte ^ draw(st.sampled_from([1, 2, 32, 128])) for byte in data[i:j]) + data[j:]
            case "put":
                data = data[:i] + draw(st.sampled_from(BYTES)) + data[j:]
            case "splice":
                data = data[:i] + draw(st.sampled_from(RAW))[i:]
    return data


def some_bytes() -> Strategy:
    garbage = st.lists(st.sampled_from(BYTES), max_size=12).map(b"".join)
    return st.one_of(damaged(), damaged(), damaged(), garbage, st.binary(max_size=100))


KINDS = tuple(known_names())
ARGUMENTS = tuple(sorted({name for kind in LAYERS for name in LAYERS[kind].known} | {"norm", "act", "tie", "freeze"}))
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "<", "==", ">=", " and ", " or ", " not ", " if ", " else ")
NUMBERS = ("0", "1", "2", "3", "8", "-1", "0.5", "1e9", "1e-9", "1_000", "010", "99999999999999999", "3x3", "1x7", "5M")
NAMES = (
    "w",
    "n",
    "H",
    "x.channels",
    "x.shape",
    "prev",
    "input",
    "stem",
    "block",
    "stem.conv",
    "é",
    "class",
    "__init__",
)
SIGNS = (*"()[],=.:'\"{}", " -> ", "->", "s2", "p1", "same", " ")
TOKENS = (*OPERATORS, *NUMBERS, *NAMES, *SIGNS, *CONSTANTS, *FUNCTIONS)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 9))
    if depth == 0 or kind < 5:
        return draw(st.sampled_from((*NUMBERS, *NUMBERS, *NAMES, *CONSTANTS, "same", "relu", *PAYLOADS[:6])))
    parts = [draw(expressions(depth - 1)) for _ in range(draw(st.integers(1, 3)))]
    match kind:
        case 5 | 6:
            return draw(st.sampled_from(OPERATORS)).join(parts)
        case 7:
            return f"{draw(st.sampled_from([*FUNCTIONS, *KINDS[:20]]))}({', '.join(parts)})"
        case 8:
            return f"[{', '.join(parts)}]"
    return f"{parts[0]}[{parts[-1]}]"


@st.composite
def calls(draw: st.DrawFn) -> str:
    given = []
    for _ in range(draw(st.integers(0, 3))):
        key = f"{draw(st.sampled_from(ARGUMENTS))}=" if draw(st.booleans()) else ""
        given.append(key + draw(expressions()))
    name = draw(st.sampled_from(["", "", "", "stem = ", "prev = ", "a.b = "]))
    repeat = draw(st.sampled_from(["", "", "", " * 3", " * w", " * -1", " * 1e6"]))
    call = draw(st.one_of(st.sampled_from(KINDS), st.sampled_from([*NAMES, "conv", "fc"])))
    return f"{name}{call}({', '.join(given)}){repeat}" if given else f"{name}{call}{repeat}"


@st.composite
def chains(draw: st.DrawFn) -> str:
    """Calls in a row, or the tokens of such in any order."""
    if draw(st.integers(0, 3)) == 0:
        return "".join(draw(st.lists(st.sampled_from((*TOKENS, "conv", "relu", "add")), max_size=20)))
    chain = " -> ".join(draw(st.lists(calls(), min_size=1, max_size=4)))
    return f"{chain} if {draw(expressions())} else {draw(calls())}" if draw(st.integers(0, 5)) == 0 else chain


PLACES: tuple[Callable[[str], str], ...] = (
    lambda text: f"layers:\n  - stem = conv(3, 4)\n  - {text}\n  - block(4)\n",
    lambda text: f"layers:\n  - >-\n    {text}\n",
    lambda text: f"layers:\n  - add:\n      - {text}\n      - prev\n",
    lambda text: f"layers:\n  - stem = relu\n  - {yaml_text(text)}\n",
    lambda text: f"params: {{w: {yaml_text(text)}}}\nlayers:\n  - conv(3, w)\n",
    lambda text: f"layers:\n  - conv: {{kernel_size: 3, out_channels: {yaml_text(text)}}}\n",
    lambda text: f"layers: [relu]\nexpect: {{params: {yaml_text(text)}}}\n",
    lambda text: f"layers: [relu]\noutputs: {yaml_text(text)}\n",
)  # fmt: skip
HEADS = ("input: [3, 8, 8]\n", "input: [8, H, W]\nsymbols: {H: {min: 4}}\n", "input: {x: [3, 8, 8], w: [4]}\n")


def yaml_text(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "''") + "'"


def some_chain() -> Strategy:
    """A chain or an expression at a place of a spec, or the number of no place: in one line."""
    return st.tuples(st.one_of(chains(), expressions(3)), st.integers(-1, len(PLACES) - 1), st.sampled_from(HEADS))


WORDS = (*KEYS, *ARGUMENTS, "shape", "dtype", "vocab", "min", "max", "multiple_of", "name", "from", "repeat", "add")
HEAD = (
    *NAMES,
    *NUMBERS,
    "block(n, m=2)",
    "block(n",
    "stem = add",
    "deep",
    "",
    "null",
    "true",
    "~",
    "conv2d",
    "2030-01-01",
)
SCALARS = (
    *HEAD,
    "conv(3, 8, p1) -> relu",
    "block(4)",
    "fc(w)",
    "concat",
    "float16",
    "./other.yaml",
    "9 +- 1%",
    *PAYLOADS,
)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Any:
    """What YAML can hold."""
    kind = draw(st.integers(0, 7 if depth else 4))
    if kind < 5:
        return draw(st.sampled_from(SCALARS)) if kind else draw(st.sampled_from([None, True, 0, -1, 2**70, 0.5, ""]))
    items = [draw(trees(depth - 1)) for _ in range(draw(st.integers(0, 3)))]
    if kind == 5:
        return items
    keys = st.one_of(st.sampled_from(WORDS), st.sampled_from(HEAD), st.sampled_from(KINDS))
    return {draw(keys): item for item in items}


SOUND: dict[str, Any] = {
    "archcalc": 1,
    "name": "it",
    "params": {"w": 8, "n": [1, 2]},
    "input": [3, 8, 8],
    "blocks": {"block(n, m=2)": ["conv(3, n, p1)", {"add": ["relu", "prev"]}]},
    "layers": ["stem = conv(3, w, p1)", {"block": {"n": 8}}, {"stem2 = concat": ["relu", ["block(4)", "relu"]]}, "gap"],
    "expect": {"shapes": {"stem": [8, 8, 8]}},
    "variants": {"deep": {"w": 16}},
}


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A sound spec in which a section or two are anything, or have anything in them."""
    spec = dict(SOUND)
    for _ in range(draw(st.integers(1, 2))):
        key, tree = draw(st.sampled_from(KEYS)), draw(trees())
        within = spec.get(key)
        match draw(st.integers(0, 2)):
            case 0 if isinstance(within, dict):
                spec[key] = within | (tree if isinstance(tree, dict) else {draw(st.sampled_from(WORDS)): tree})
            case 0 if isinstance(within, list):
                spec[key] = [*within, tree, "fc(2)"]
            case 1 if within is not None:
                del spec[key]
            case _:
                spec[key] = tree
    dumped: str = yaml.dump(
        spec, Dumper=DUMPER, default_flow_style=draw(st.sampled_from([None, True, False])), width=90
    )
    return dumped


DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
WORD = re.compile(r"[\w.]+")
LEXICON = sorted({word for text in TEXTS for word in WORD.findall(text.partition("\ninput:")[2])})
OTHERS = (
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "64",
    "1000",
    "1e9",
    "0.5",
    "prev",
    "input",
    "[]",
    "none",
    "relu",
    "x.channels",
)


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """A sound spec with one mutation: another word or number, a line that is gone, twice there, moved or deeper."""
    text = draw(networks()).spec() if draw(st.booleans()) else draw(st.sampled_from(TEXTS))
    head, key, body = text.partition("\ninput:")
    if draw(st.integers(0, 3)) > 0:
        found = list(WORD.finditer(body))
        word = found[draw(st.integers(0, len(found) - 1))]
        other = draw(st.one_of(st.sampled_from(OTHERS), st.sampled_from(LEXICON), st.sampled_from(PIECES)))
        return head + key + body[: word.start()] + other + body[word.end() :]
    lines = body.split("\n")
    i = draw(st.integers(0, len(lines) - 1))
    j = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["gone", "twice", "moved", "deeper"])):
        case "gone":
            del lines[i]
        case "twice":
            lines.insert(i, lines[i])
        case "moved":
            lines[i], lines[j] = lines[j], lines[i]
        case "deeper":
            lines[i] = f"  {lines[i]}"
    return head + key + "\n".join(lines)


# --- what is tried ---------------------------------------------------------------------------------------------------


def try_bytes(data: bytes) -> None:
    with guarded():
        outcome_of_bytes(data)


def try_chain(drawn: tuple[str, int, str]) -> None:
    text, place, head = drawn
    with guarded():
        if place < 0:
            outcome_of_chain(f"input(3, 8, 8) -> {text}")
        else:
            outcome(f"archcalc: 1\n{head}{BLOCK}{PLACES[place](text)}")


BLOCK = "blocks:\n  block(n):\n    - conv(1, n)\n    - relu\n"


def try_text(text: str) -> None:
    with guarded():
        outcome(text)


def try_with_schema(text: str) -> None:
    """What is built is what editors accept, too; of variants and expectations nobody asks for until they are chosen."""
    with guarded():
        codes = outcome(text)
    if not codes and not {"variants:", "expect:"} & set(re.findall(r"\w+:", text)):
        assert [error.message for error in validator().iter_errors(yaml.load(text, yaml.CSafeLoader))] == []


FUZZERS: dict[str, tuple[Callable[[], Strategy], Callable[[Any], None], int]] = {
    "bytes": (some_bytes, try_bytes, 200_000),
    "structure": (documents, try_text, 100_000),
    "calls": (some_chain, try_chain, 100_000),
    "mutants": (mutants, try_with_schema, 50_000),
}
PARTS = 20
"""Of a full run, each with numbers of its own: hypothesis remembers what it has tried, and would fill the memory."""


DAILY = 400
"""One input in so many is tried in every run of the tests."""

OPTIONS = settings(
    database=None, deadline=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck)
)


def fuzz(name: str, examples: int, part: int) -> None:
    drawn, tried, _ = FUZZERS[name]
    warm()
    options = settings(OPTIONS, max_examples=examples)
    seed(part)(options(given(drawn())(tried)))()
    assert not REACHED.exists()


@cache
def warm() -> None:
    """Has every module loaded that is loaded late: loading runs code."""
    outcome(TEXTS[0])
    outcome(TEXTS[0].replace("layers:", "layer:") + "é\n")
    outcome_of_chain("input(3, H, W) -> covn(3, 4)")


@pytest.mark.parametrize("name", FUZZERS)
def test_whatever_comes_in_is_built_or_reported(name: str) -> None:
    fuzz(name, FUZZERS[name][2] // DAILY, part=0)


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(1, PARTS + 1))
@pytest.mark.parametrize("name", FUZZERS)
def test_whatever_comes_in_much_of_it_is_built_or_reported(name: str, part: int) -> None:
    fuzz(name, FUZZERS[name][2] // PARTS, part)
