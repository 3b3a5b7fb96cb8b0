"""The work of expanding a spec is bounded: by its layers, not by the copies that its repeats ask for."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.core.overrides import MAX_LAYERS
from archcalc.graph.bounds import IDLE
from archcalc.graph.builder import build
from archcalc.graph.least_layers import LeastLayers
from archcalc.graph.loading import load_text
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from tests.calls import calls_of
from tests.networks.zoo import FILES, document, network

HEAD = "archcalc: 1\ninput: [3, 8, 8]\n"


def outcome(text: str, max_layers: int) -> tuple[int, str]:
    """The number of layers of a spec, and the code of its first problem."""
    try:
        return len(build(replace(read_document(Source("x.yaml", text)), max_layers=max_layers)).nodes), ""
    except SpecError as error:
        return 0, error.diagnostics[0].code


def expanded(text: str, max_layers: int = MAX_LAYERS) -> tuple[int, int, str]:
    """The Python calls that it takes to read a spec, and its outcome."""
    calls, (layers, code) = calls_of(lambda: outcome(text, max_layers))
    return calls, layers, code


def nested(inner: str, *counts: int) -> str:
    """Blocks of blocks, each repeated."""
    blocks = [f"  b0:\n    - {inner}\n"]
    blocks += [f"  b{i + 1}:\n    - b{i} * {count}\n" for i, count in enumerate(counts)]
    return f"{HEAD}blocks:\n{''.join(blocks)}layers: [b{len(counts)}]\n"


def doubled(inner: str, depth: int) -> str:
    """Blocks that call the one before them twice, each time with other arguments."""
    blocks = [f"  b0(n):\n    - {inner}\n"]
    blocks += [f"  b{i}(n):\n    - b{i - 1}(2*n)\n    - b{i - 1}(2*n + 1)\n" for i in range(1, depth)]
    return f"{HEAD}blocks:\n{''.join(blocks)}layers: [b{depth - 1}(1)]\n"


LONG = " + ".join(["1"] * 190)
MAKING_NOTHING = {
    "a repeat of none": nested("relu * 0", 99_999),
    "a condition": nested("relu if 0 > 1", 99_999),
    "nested repeats of none": nested("relu * 0", 99_999, 99_999, 99_999),
    "the input, again and again": f"{HEAD}layers:\n  - prev * 99999\n",
    "a hundred of them": f"{HEAD}layers:\n" + "  - prev * 99999\n" * 100,
    "a long condition": nested(f"relu if {LONG} < 0", 99_999),
    "many repeats of none": nested("\n    - ".join(["relu * 0"] * 200), 99_999),
    "many conditions": nested("\n    - ".join(["relu if 0 > 1"] * 200), 99_999),
    "a join of what is left out": nested("add: [prev, relu if 0 > 1]", 99_999),
    "a named repeat": f"{HEAD}blocks:\n  a:\n    - relu * 0\nlayers: [n = a * 99999]\n",
    "nothing, 100,000 times in each of three blocks": nested("prev * 100000", 100_000, 100_000),
    "names": nested("y = prev", 99_999, 99_999),
}

REFUSED = {
    "blocks called twice": (doubled("relu * 0", 30), "AC132"),
    "conditions called twice": (doubled(f"relu if n < 0 and {LONG} > 0", 30), "AC132"),
    "joins called twice": (doubled("add: [prev, relu if n < 0]", 30), "AC132"),
    "problems called twice": (doubled("add: ['conv(9, n)', prev]", 14), "AC201"),
    "layers called twice, with problems": (doubled("add: ['conv(9, n)', relu]", 30), "AC132"),
    "an unknown layer": (nested("nonsense", 99_999), "AC101"),
    "an unknown layer called twice": (doubled("add: [nonsense, prev]", 30), "AC101"),
    "arguments too many": (nested("relu(1)", 99_999), "AC121"),
    "lists of lists": (
        f"{HEAD}params:\n  p0: [1, 1]\n"
        + "".join(f"  p{i}: [p{i - 1}, p{i - 1}]\n" for i in range(1, 40))
        + "layers: [relu]\n",
        "AC114",
    ),
}

CALLS = 2_000_000
"""A second or two; reading any spec takes 20,000."""


@pytest.mark.parametrize("text", MAKING_NOTHING.values(), ids=MAKING_NOTHING.keys())
def test_repeats_that_make_nothing_take_no_time(text: str) -> None:
    calls, layers, code = expanded(text)
    assert (layers, code) == (0, "")
    assert calls < CALLS / 10


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_expansions_without_end_are_refused_early(text: str, code: str) -> None:
    calls, _, first = expanded(text)
    assert first == code
    assert calls < CALLS


@pytest.mark.parametrize("body", ["relu", "relu() -> prev", "add: [relu * 2, prev]", "relu if n > 0 else tanh -> tanh"])
def test_layers_that_are_too_many_are_counted_before_any_is_made(body: str) -> None:
    calls, _, code = expanded(doubled(body, 30))
    assert code == "AC132"
    assert calls < CALLS / 100


def least_layers(document: Document) -> int:
    return LeastLayers(document).of_body(document.layers, document.library)


@pytest.mark.parametrize(
    ("body", "least"),
    [
        ("relu * 3 -> relu", 16),
        ("relu = tanh\n    - relu -> tanh()", 8),  # here it is a name
        ("n", 0),
        ("relu * n", 0),
        ("relu for i in range(9)", 0),
        ("add: [relu if n > 1, tanh -> gelu]", 8),
        ("b0(n) if n < 0 else relu", 0),
    ],
)
def test_what_names_and_conditions_decide_is_not_counted(body: str, least: int) -> None:
    assert least_layers(read_document(Source("net.yaml", doubled(body, 3)))) == least


def test_the_least_layers_are_never_above_those_of_the_zoo() -> None:
    for path in FILES:
        assert least_layers(document(path.stem)) <= len(network(path.stem).nodes), path.stem


def test_copies_of_layers_are_all_made() -> None:
    assert expanded(nested("relu", 7, 11))[1] == 77
    assert expanded(nested("relu if x.channels < 5\n    - conv(1, x.channels + 1)", 9))[1] == 2 + 9


def test_the_limit_does_not_hide_the_problems_that_led_to_it() -> None:
    with pytest.raises(SpecError) as caught:
        load_text(doubled("add: [nonsense, prev]", 30))
    assert [each.code for each in caught.value.diagnostics] == ["AC101"]


def test_the_message_says_what_to_look_for() -> None:
    with pytest.raises(SpecError) as caught:
        load_text(doubled("relu * 0", 30))
    (problem,) = caught.value.diagnostics
    assert problem.message == f"expanding the network takes more than {IDLE:,} steps for 0 layers"
    help = "blocks or repeats inside each other make few layers or none: check their conditions and `* n`"
    assert problem.help == help


ITEMS = ("relu", "relu * 0", "prev * 300", "relu if n > 4 else prev", "conv(1, n + 1) if n < 0",
         "add: [prev, relu * n]", "concat: [prev if n > 0, prev]", "x = relu", "relu(n)",
         "prev if n > 2 and n < 9")  # fmt: skip


def compositions(seed: int) -> Iterator[str]:
    """Blocks of random items, calls of earlier blocks, and repeats, a few levels deep."""
    chance = random.Random(seed)
    for _ in range(12):
        lines, depth = [], chance.randint(2, 6)
        for i in range(depth):
            items = [chance.choice(ITEMS) for _ in range(chance.randint(1, 4))]
            if i:
                items += [f"b{i - 1}(n + {chance.randint(0, 2)}) * {chance.choice((2, 50, 999))}"]
            chance.shuffle(items)
            lines += [f"  b{i}(n):\n", *(f"    - {item}\n" for item in items)]
        yield f"{HEAD}blocks:\n{''.join(lines)}layers: [b{depth - 1}(1)]\n"


@pytest.mark.parametrize("seed", range(4))
def test_any_composition_takes_calls_in_proportion_to_its_layers(seed: int) -> None:
    for text in compositions(seed):
        calls, layers, _ = expanded(text, max_layers=1_000)
        assert calls < CALLS / 2 + 500 * (layers or 1_000), text
