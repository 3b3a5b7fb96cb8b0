"""Memory in closed form against numbers: the same network at one size after the other."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archcalc.closed_forms.budget import budgets
from archcalc.closed_forms.feasibility import feasible
from archcalc.closed_forms.memory import EVERY_SIZE, Memory
from archcalc.closed_forms.solve import answer
from archcalc.closed_forms.tracing import Course
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.graph.inference import MAX_LENGTH
from archcalc.graph.loading import load
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.taping import Part
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.sym.expr import NoClosedForm
from archcalc.sym.periodic import PeriodicSet
from tests.memory.footprints import forms, numbers
from tests.networks.zoo import FILES
from tests.shell import Shell
from tests.verification.test_random_networks import Network, networks

ADAMW = TrainingSetup(optimizer=read_optimizer("adamw"))
SETUP = TrainingSetup(optimizer=read_optimizer("adamw"), autocast="bfloat16", accumulate=True)

SIZES = (1, 2, 3, 7, 33, 64, 100, 255, 1000)


def at_size(network: str, symbol: str, size: int) -> Graph:
    if symbol == "N":
        return load(network, batch=size)
    return load(network, settings={symbol: str(size)})


def in_numbers(network: str, symbol: str, sizes: Sequence[int], setup: TrainingSetup) -> dict[int, dict[str, int]]:
    """The figures at those of the sizes that the network takes."""
    found = {}
    for size in sizes:
        with suppress(SpecError):
            found[size] = numbers(at_size(network, symbol, size), setup)
    return found


def agree(network: str, symbol: str, setup: TrainingSetup, sizes: Sequence[int] = SIZES) -> None:
    graph = load(network, free=[symbol])
    [free] = graph.symbols.values()
    every = sorted({*sizes, *([free.own] if free.own else [])})
    assert forms(graph, setup, every) == in_numbers(network, symbol, every, setup)


@pytest.mark.parametrize(
    ("network", "symbol"),
    [
        ("efficientnet", "N"),
        ("regnet_y", "N"),
        ("shufflenet_v2", "N"),
        ("llama3@1b", "T"),
        ("bert", "T"),
        ("vit_b16", "H"),
        ("lenet5_fcn", "H"),
        ("resnet18", "W"),
        ("resnet50", "w"),
    ],
)
def test_forms_have_the_values_that_numbers_give(network: str, symbol: str) -> None:
    agree(network, symbol, ADAMW, (1, 2, 3, 33, 500))


UNDECIDED = {("coatnet", "H")}
"""Of which not all sizes can be decided: CoAtNet's windows are as wide as it has rows, over columns that stay 14."""

ZOO = [path.stem for path in FILES]


def symbols_of(network: str) -> Iterator[str]:
    """The batch, and the axis of its first input where one can be free alone."""
    yield "N"
    for symbol in ("H", "T"):
        with suppress(SpecError):
            if len(load(network, free=[symbol]).symbols) == 1:
                yield symbol


@pytest.mark.fuzz
@pytest.mark.parametrize("network", ZOO)
@pytest.mark.parametrize("setup", [ADAMW, SETUP], ids=["plain", "autocast"])
def test_forms_of_the_zoo_have_the_values_that_numbers_give(network: str, setup: TrainingSetup) -> None:
    for symbol in symbols_of(network):
        agree(network, symbol, setup)


@pytest.mark.fuzz
@pytest.mark.parametrize("network", ZOO)
def test_the_zoo_is_solved(network: str) -> None:
    if not numbers(load(network)):
        pytest.skip("its memory is not predicted")
    for symbol in symbols_of(network):
        graph = load(network, free=[symbol])
        [free] = graph.symbols.values()
        limit = 5 * numbers(at_size(network, symbol, max(2, free.own or 2)))["training_peak"]
        best_fits_and_the_next_does_not(network, symbol, f"training_peak <= {limit}", limit)


@pytest.mark.parametrize(
    ("network", "symbol", "limit"),
    [
        ("llama3@1b", "T", 80 * 10**9),
        ("resnet50", "w", 24 * 2**30),
        ("convnext_v2", "N", 24 * 2**30),
        ("i3d", "H", 2 * 10**9),
        ("maxvit", "H", 2 * 10**9),
    ],
)
def test_the_greatest_size_within_a_budget(network: str, symbol: str, limit: int) -> None:
    best_fits_and_the_next_does_not(network, symbol, f"training_peak <= {limit}", limit)


def test_of_a_tape_that_is_another_at_every_length_some_lengths_are_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.closed_forms.memory.MOST_PIECES", 3)
    document = document_of_layers([8, 4], ["tokens", "rnn(8)"])
    known = {T: numbers(build(document, sizes={"input": (8, T)}))["training_peak"] for T in (1, 2)}
    graph = with_free(document, ["T"])
    for limit, expected in ((known[1], (1, 2, 2)), (known[2], (2, None, 2))):
        found = answer(graph, "T", budgets((f"training_peak <= {limit}",), graph))
        assert (found.best, found.fails, found.decided) == expected


@pytest.mark.parametrize(("network", "symbol"), [("swin", "H"), ("coatnet", "H"), ("unet", "H"), ("resnet18", "N")])
def test_what_is_recorded_around_one_size_holds_at_others(network: str, symbol: str) -> None:
    graph = load(network, free=(symbol,))
    going = Course(graph, DEFAULT_SETUP, ("training_peak",))
    for size in (32, 36, 64, 36, 100, 224, 225, 64, 448):
        if size in feasible(graph).of(symbol):
            afresh = Course(graph, DEFAULT_SETUP, ("training_peak",)).around(**{symbol: size})
            assert going.around(**{symbol: size}) == afresh


def test_nodes_are_recorded_once_for_what_is_decided_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[Any] = []
    afresh = Part.of

    def counted(*given: Any) -> Part:
        recorded.append(given)
        return afresh(*given)

    monkeypatch.setattr(Part, "of", counted)
    pieces = [*Memory(load("swin", free=("H",)), DEFAULT_SETUP, ("training_peak",)).pieces(EVERY_SIZE)]
    assert len(pieces) > 60
    assert len(recorded) < 400  # 42 different nodes at each size


def best_fits_and_the_next_does_not(network: str, symbol: str, where: str, limit: int) -> None:
    graph = load(network, free=[symbol])
    [name] = graph.symbols
    found = answer(graph, name, budgets((where,), graph))
    assert found.best is not None
    assert (found.decided is not None) == ((network, symbol) in UNDECIDED)
    if found.best > MAX_LENGTH:
        return  # specs take no such numbers
    best = numbers(at_size(network, symbol, found.best))["training_peak"]
    assert found.costs(found.best) == {"training_peak": best}
    assert best <= limit
    if found.fails is not None:
        assert numbers(at_size(network, symbol, found.fails))["training_peak"] > limit


# --- loops -----------------------------------------------------------------------------------------------------------

LOOPS = (
    ["gru(4, bidirectional=true)", "linear(8)"],
    ["rnn(4, num_layers=2)", "attention(2)", "lstm(8, proj_size=2, returns=state)", "linear(2)"],
    ["gru(4, num_layers=2, dropout=0.1)", "linear(8)", "channels_first", "maxpool(2)", "tokens", "rnn(4)"],
)


@pytest.mark.parametrize("layers", LOOPS)
def test_layers_that_run_token_by_token_have_a_form(layers: list[Any]) -> None:
    """From a few tokens on one form holds, of loops over one length and over two."""
    document = document_of_layers([8, 24], ["tokens", *layers])
    random_chain_agrees([8, 24], ["tokens", *layers], ADAMW, (1, 2, 6, 7, 13, 31))
    memory = Memory(with_free(document, ["T"]), DEFAULT_SETUP, ("training_peak",))
    assert next(memory.pieces(PeriodicSet.interval())).sizes == PeriodicSet.interval(
        12 if "maxpool(2)" in layers else 6
    )


@pytest.mark.fuzz
@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(LOOPS), min_size=1, max_size=3).map(lambda some: [each for one in some for each in one]),
    st.lists(st.integers(1, 60), min_size=4, max_size=4, unique=True),
    st.sampled_from([ADAMW, DEFAULT_SETUP, TrainingSetup(accumulate=True)]),
)
def test_many_loops(layers: list[Any], sizes: list[int], setup: TrainingSetup) -> None:
    random_chain_agrees([8, 24], ["tokens", *layers], setup, [1, 5, 6, *sizes])


# --- random chains ---------------------------------------------------------------------------------------------------

OVER_TOKENS = (
    "relu",
    "layernorm",
    "rmsnorm",
    "linear(8)",
    "dropout(0.1)",
    "attention(2)",
    "grouped_attention(4, 2)",
    {"add": ["linear(8) -> gelu", "prev"]},
    {"add": ["layernorm -> attention(2)", "prev"]},
    {"mul": ["linear(8)", "linear(8) -> sigmoid"]},
)

OVER_IMAGES = (
    "relu",
    "conv(3, 8, p1)",
    "conv(3, 8, s2, p1)",
    "batchnorm",
    "group_norm(2)",
    "maxpool(2)",
    "avgpool(3, s2, p1)",
    "channels(0, 4) -> conv(1, 8)",
    {"add": ["conv(3, 8, p1)", "prev"]},
    {"concat": ["conv(1, 4)", "channels(4, 8)"]},
    {"mul": ["prev", "gap -> fc(8) -> sigmoid"]},
)


def chains(first: str, parts: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(parts), min_size=1, max_size=6).map(lambda body: [first, *body])


CHAINS = st.one_of(
    st.tuples(st.just([8, 16]), chains("tokens", OVER_TOKENS)),
    st.tuples(st.just([3, 16, 20]), chains("conv(3, 8)", OVER_IMAGES)),
)


def document_of_layers(shape: list[int], layers: list[Any]) -> Document:
    text = json.dumps({"archcalc": 1, "input": shape, "layers": layers})
    return read_document(Source("chain.yaml", text))


def random_chain_agrees(shape: list[int], layers: list[Any], setup: TrainingSetup, sizes: Sequence[int]) -> None:
    document = document_of_layers(shape, layers)
    letter = "T" if len(shape) == 2 else "H"
    in_size = {n: built(document, sizes={"input": (shape[0], n, *shape[2:])}) for n in sizes}
    for symbol, graphs in (("N", {n: built(document, batch=n) for n in sizes}), (letter, in_size)):
        try:
            graph = with_free(document, [symbol])
        except SpecError:
            continue
        if len(graph.symbols) > 1:
            continue  # where the size of the other axis does not fit, it is free too
        found = forms(graph, setup, sizes)
        assert found == {n: numbers(each, setup) for n, each in graphs.items() if each}, (symbol, layers)


def built(document: Document, **given: Any) -> Graph | None:
    with suppress(SpecError):
        return build(document, **given)
    return None


SLOW = [HealthCheck.too_slow]


@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(CHAINS, st.lists(st.integers(1, 90), min_size=2, max_size=2, unique=True))
def test_random_chains_have_the_values_that_numbers_give(chain: tuple[list[int], list[Any]], sizes: list[int]) -> None:
    random_chain_agrees(*chain, ADAMW, sizes)


@pytest.mark.fuzz
@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(CHAINS, st.lists(st.integers(1, 300), min_size=4, max_size=4, unique=True), st.sampled_from([ADAMW, SETUP]))
def test_many_random_chains(chain: tuple[list[int], list[Any]], sizes: list[int], setup: TrainingSetup) -> None:
    random_chain_agrees(*chain, setup, [1, 2, *sizes])


@pytest.mark.fuzz
@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks(), st.lists(st.integers(1, 70), min_size=4, max_size=4, unique=True))
def test_random_networks_have_the_values_that_numbers_give(network: Network, sizes: list[int]) -> None:
    document = read_document(Source("random.yaml", network.spec()))
    letter = {1: "T", 2: "H", 3: "D"}[len(network.shape) - 1]
    channels, _, *others = network.shape
    for symbol in ("N", letter):
        try:
            found = forms(with_free(document, [symbol]), DEFAULT_SETUP, sizes)
        except (SpecError, NoClosedForm):
            continue
        graphs = {
            n: built(document, batch=n) if symbol == "N" else built(document, sizes={"input": (channels, n, *others)})
            for n in sizes
        }
        assert found == {n: numbers(graph) for n, graph in graphs.items() if graph}, (symbol, network.spec())


# --- what is said ----------------------------------------------------------------------------------------------------


def test_a_batch_of_one_has_its_own_form() -> None:
    """Of one item, the gradient of a class token is a view that keeps that of all tokens."""
    memory = Memory(load("vit_b16", free=["N"]), DEFAULT_SETUP)
    assert [str(piece.sizes and piece.sizes.named("N")) for piece in memory.pieces(PeriodicSet.interval())] == [
        "N ∈ {1}",
        "N ≥ 2",
    ]
    assert memory.main().sizes == PeriodicSet.interval(2)


def test_what_is_not_predicted_for_some_sizes_is_left_out_and_said(shell: Shell) -> None:
    reported = shell("solve", "-e", "input(3) -> batchnorm -> fc(10)", "--for", "N", "--where", "training_peak <= 1MB")
    assert "N = 8,619: 999,988 bytes of training peak" in reported.out
    assert "not for N ∈ {1}, where memory is not predicted: batchnorm1: torch trains it on more" in reported.out
    reported = shell("solve", "t5", "--for", "N", "--where", "training_peak <= 1MB")
    assert (reported.code, "no closed form: memory is not predicted: " in reported.err) == (1, True)


def test_an_answer_says_up_to_where_it_is_decided(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.closed_forms.memory.MOST_PIECES", 3)
    question = ("solve", "-e", "input(8, 4) -> tokens -> rnn(8)", "--for", "T", "--where", "training_peak <= 1000")
    reported = shell(*question)
    assert (reported.code, "this is decided up to T = 2: " in reported.out) == (0, True)
    bounded = shell(*question, "--most", "2")
    assert "decided up to" not in bounded.out
    assert bounded.out.splitlines()[1:2] == reported.out.splitlines()[1:2]


def test_where_no_size_fits_nothing_is_asked_of_memory(shell: Shell) -> None:
    reported = shell("solve", "vgg16", "--for", "H", "--where", "training_peak <= 1GB", "--most", "20")
    assert (reported.code, reported.out.splitlines()[1]) == (1, "no value of H fits")


def test_a_free_number_of_copies_is_refused(shell: Shell) -> None:
    reported = shell("solve", "resnet50", "--for", "depths[2]", "--where", "training_peak <= 1GB")
    assert (
        reported.code,
        "the memory of a free number of copies (depths_2 - 1) is not worked out" in reported.err,
    ) == (
        1,
        True,
    )


def test_a_budget_that_does_not_depend_on_the_symbol_says_so(shell: Shell) -> None:
    reported = shell("solve", "resnet50", "--for", "N", "--where", "params <= 30M")
    assert "every N that fits is within the budget, which does not depend on N: 25,557,032 parameters" in reported.out
    reported = shell("solve", "resnet50", "--for", "N", "--where", "params <= 5M")
    assert "no value of N is within the budget, which does not depend on N: 25,557,032 parameters" in reported.out
    assert reported.code == 1


def test_the_batch_has_another_name_where_a_parameter_is_called_so() -> None:
    document = read_document(
        Source("net.yaml", "archcalc: 1\nparams: {N: 3}\ninput: [8]\nlayers: rmsnorm -> linear(N)")
    )
    graph = with_free(document, ["batch"])
    found = answer(graph, "batch", budgets(("training_peak <= 10kB",), graph))
    assert found.best is not None
    assert numbers(build(document, batch=found.best))["training_peak"] <= 10_000
    assert numbers(build(document, batch=found.best + 1))["training_peak"] > 10_000


def test_formulas_say_where_they_are_exact(shell: Shell) -> None:
    reported = shell("formula", "llama3@1b", "--free", "N", "--of", "training_peak")
    assert "training_peak = 35333931008·N + 1184899072 bytes\nexact for N ≥ 2\n" in reported.out
    reported = shell("formula", "llama3@1b", "--free", "T,N", "--of", "training_peak")
    assert "max(4313224·N·T + 8192·T + 1117790208, 1026056·N·T + 7044603904)" in reported.out


def test_several_free_symbols_are_solved_with_numbers_for_others(shell: Shell) -> None:
    reported = shell("solve", "-e", "input(3,A,B) -> conv(3,8)", "--for", "A", "--where", "training_peak <= 1GB")
    assert "memory is worked out in one symbol at a time" in reported.err
