"""What tests of every subject are given."""

import gc
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from archcalc.core.answers import VARIABLE
from archcalc.core.extra import OlderTorch
from archcalc.graph.application import APPLICATIONS
from tests.releases import differences
from tests.shell import Shell

if "PYTEST_XDIST_WORKER" in os.environ:  # there are as many workers as cores: their threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ[VARIABLE] = "1"  # what a command prints is made here, and not an earlier run's

# On a machine that is busy with other things every example may take long.
UNHURRIED = settings(settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same examples", UNHURRIED, derandomize=True)
settings.register_profile("new examples", UNHURRIED)
settings.load_profile("same examples")


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def pytest_configure(config: pytest.Config) -> None:
    """A run of the tests is repeatable; `make fuzz` looks for what no run has seen.

    Torch says once that it runs an LSTM with projections by its own code: that is what is asked for. Checkpointing in
    torch 2.4 calls what that release deprecates.
    """
    if config.getoption("markexpr") == "fuzz":
        settings.load_profile("new examples")
    for expected in ("LSTM with projections is not supported with oneDNN", ".*torch.cpu.amp.autocast.* is deprecated"):
        config.addinivalue_line("filterwarnings", f"ignore:{expected}")


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    """What layers make of inputs is found out anew in each test: some tests put faults into layers."""
    APPLICATIONS.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a release of torch does otherwise, as tests/releases.py says, is not tested with it."""
    release = version("torch")
    for item in items:
        for why in differences(item.nodeid, release):
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A layer whose source needs a later release of torch than this is not tested with it."""
    try:
        yield
    except OlderTorch as older:
        pytest.skip(str(older))


SETTLED: list[tuple[Path, int]] = []
"""The test file, and the number of loaded modules, at which the heap was settled last."""


@pytest.fixture(autouse=True)
def settled_heap(request: pytest.FixtureRequest) -> None:
    """What is there by now stays: measurements of memory collect garbage first, and would look through all of it.

    Torch loads much of itself when it is first used, so that the heap is settled again whenever modules were loaded.
    """
    now = request.path, len(sys.modules)
    if [now] != SETTLED:
        gc.collect()
        gc.freeze()
        SETTLED[:] = [now]
