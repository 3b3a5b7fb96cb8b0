"""What a layer takes in memory while a long network is worked on: 100,000 of them fit in 300 MiB."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from archcalc.codegen import generate
from archcalc.graph.application import APPLICATIONS
from archcalc.graph.graph import Graph
from archcalc.graph.loading import gc_paused, load_text
from archcalc.graph.remembered import REMEMBERED
from archcalc.lint.linting import EVERY_RULE, found_in
from archcalc.memory.footprint import footprint_of
from archcalc.memory.taping import PARTS
from archcalc.report.report import KNOWN, report_of, written_as

SMALL, LARGE = 300, 900

BLOCK = "blocks:\n  b:\n    - add: [conv(3, 8, p1) -> batchnorm, prev]\n    - relu\n"
SPECS: dict[str, Callable[[int], str]] = {
    "a chain": lambda layers: "layers:\n" + "- conv(1,8)\n- relu\n" * (layers // 2),
    "equal blocks": lambda layers: (
        f"blocks:\n  b:\n    - add: [conv(3, 8, p1) -> batchnorm, prev]\n    - relu\nlayers:\n  - b * {layers // 4}\n"
    ),
}

WORK: dict[str, tuple[Callable[[Graph], object], int]] = {
    "report": (lambda graph: written_as("table", report_of(graph)), 2_300),
    "check": (lambda graph: list(found_in(graph, EVERY_RULE)), 2_300),
    "generate": (generate, 2_800),
    "train": (footprint_of, 3_000),
}
"""What is done with a network, and the bytes that a layer may take at its worst, those of the network included."""


def most(text: str, work: Callable[[Graph], object]) -> int:
    """The bytes at the worst moment from the text of a spec to the end of the work."""
    gc.collect()
    tracemalloc.start()
    try:
        with gc_paused():
            work(load_text(f"archcalc: 1\nname: long\ninput: [8, 8, 8]\n{text}"))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", WORK)
def test_a_layer_takes_little(name: str, spec: str) -> None:
    work, bound = WORK[name]
    for kept in (REMEMBERED.used, REMEMBERED.known, APPLICATIONS, PARTS, KNOWN):  # of other tests: they may be moved
        kept.clear()
    most(SPECS[spec](40), work)  # what is loaded and remembered for good
    small, large = (most(SPECS[spec](layers), work) for layers in (SMALL, LARGE))
    assert (large - small) / (LARGE - SMALL) < bound
