"""Whether this torch has what a network's source calls."""

from collections.abc import Iterator

import torch

from archcalc.codegen.release import newest
from archcalc.core.extra import OlderTorch
from archcalc.core.release import OLDEST, numbers
from archcalc.graph.graph import Graph
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup


def check_release(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> None:
    """Raises OlderTorch where this release is too old for a network, or for its optimizer."""
    for release, who in needed(graph, setup):
        check(release, who)


def check(release: str, who: str) -> None:
    """Raises OlderTorch where this torch is older than a release; `who` needs it."""
    if numbers(torch.__version__) < numbers(release):
        raise OlderTorch(f"{who} needs torch {release} or newer; this is {torch.__version__}")


def needed(graph: Graph, setup: TrainingSetup) -> Iterator[tuple[str, str]]:
    """A release of torch, and what needs it."""
    yield OLDEST, "archcalc"
    yield from newest(graph)
    if setup.optimizer:
        yield setup.optimizer.needs, setup.optimizer.name
