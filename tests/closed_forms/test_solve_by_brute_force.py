"""Answers about memory, against brute force: every size is loaded as a number, and its peak is predicted."""

from contextlib import suppress

import pytest

from archcalc.closed_forms.solve import solve
from archcalc.core.diagnostic import SpecError
from archcalc.graph.loading import load
from tests.memory.footprints import numbers

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
