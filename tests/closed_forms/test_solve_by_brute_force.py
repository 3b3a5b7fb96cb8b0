"""Answers about memory, against brute force: every size is loaded as a number, and its peak is predicted."""

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest

from archcalc.closed_forms.budget import budgets
from archcalc.closed_forms.solve import Answer, answer, solve
from archcalc.core.diagnostic import SpecError
from archcalc.graph.inference import MAX_LENGTH
from archcalc.graph.loading import load
from tests.closed_forms.test_memory_forms import UNDECIDED, at_size, symbols_of
from tests.memory.footprints import numbers
from tests.networks.zoo import references

BY_BATCH = (
    "lenet5", "alexnet", "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3", "efficientnet", "regnet_y",
    "shufflenet_v2", "convnext_v2", "googlenet", "densenet121", "vit_b16", "swin", "squeezenet", "unet",
)  # fmt: skip

BY_LENGTH = ("llama3@1b", "mistral", "qwen2", "gpt2", "bert", "opt")

LARGEST = 12
"""Each size up to here is tried, and further ones by the closed form alone."""


def peaks(network: str, symbol: str, figure: str) -> dict[int, int]:
    """The figure at every size up to the largest that the network takes, by numbers alone."""
    found = {}
    for size in range(1, LARGEST + 1):
        with suppress(SpecError):
            graph = load(network, batch=size) if symbol == "N" else load(network, settings={symbol: str(size)})
            found[size] = numbers(graph)[figure]
    return found


def compare(network: str, symbol: str) -> None:
    """The budget is that of a size in the middle, a byte less, and the largest: each has another answer."""
    for figure in ("training_peak", "inference_peak"):
        known = peaks(network, symbol, figure)
        assert len(known) > 3, (network, known)
        for budget in (known[6], known[6] - 1, known[2]):
            found = solve(network, symbol, f"{figure} <= {budget}")
            allowed = {size for size, nbytes in known.items() if nbytes <= budget}
            assert {size for size in known if size in found.allowed} == allowed, (network, figure, budget)


@pytest.mark.parametrize(("network", "symbol"), [("lenet5", "N"), ("gpt2", "T")])
def test_an_answer_is_what_trying_every_size_gives(network: str, symbol: str) -> None:
    compare(network, symbol)


@pytest.mark.zoo
@pytest.mark.parametrize(
    ("network", "symbol"), [*((each, "N") for each in BY_BATCH), *((each, "T") for each in BY_LENGTH)]
)
def test_answers_of_the_zoo_are_what_trying_every_size_gives(network: str, symbol: str) -> None:
    compare(network, symbol)


# --- every network of the zoo ----------------------------------------------------------------------------------------


def sizes_around(found: Answer, own: int, pick: random.Random) -> list[int]:
    """Sizes at which an answer is tried: the least ones, the spec's own, those at its end, and one between."""
    assert found.best is not None
    ends = {found.best - 1, found.best, found.best + 1, found.fails or 1}
    some = {1, 2, own, pick.randint(1, found.best), *ends}
    return sorted(size for size in some if 0 < size <= min(MAX_LENGTH, found.decided or MAX_LENGTH))


def wrong_sizes(network: str, symbol: str) -> Iterator[str]:
    """The sizes at which an answer on training memory is another than by numbers, of those that are decided."""
    graph = load(network, free=[symbol])
    [(name, free)] = graph.symbols.items()
    own = max(2, free.own or 2)
    limit = 3 * numbers(at_size(network, symbol, own))["training_peak"]
    found = answer(graph, name, budgets((f"training_peak <= {limit}",), graph))
    assert (found.decided is not None) == ((network.partition("@")[0], symbol) in UNDECIDED)
    for size in sizes_around(found, own, random.Random(f"{network} {symbol}")):
        peak = None
        with suppress(SpecError):
            peak = numbers(at_size(network, symbol, size)).get("training_peak")
        if any(size in each.sizes for each in found.repeating):
            if peak is None:
                yield f"{network}, {symbol} = {size} does not fit"
        elif (size in found.fits, size in found.allowed) != (peak is not None, peak is not None and peak <= limit):
            yield f"{network}, {symbol} = {size}: {peak} bytes of {limit}, {found}"
        elif size in found.allowed and found.costs(size) != {"training_peak": peak}:
            yield f"{network}, {symbol} = {size}: {peak} bytes, {found.costs(size)}"


@pytest.mark.zoo
@pytest.mark.parametrize("network", list(references()))
def test_every_network_of_the_zoo_is_solved(network: str) -> None:
    if not numbers(load(network)):
        pytest.skip("its memory is not predicted")
    assert [each for symbol in symbols_of(network) for each in wrong_sizes(network, symbol)] == []
