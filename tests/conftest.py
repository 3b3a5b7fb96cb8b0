"""What tests of every subject are given."""

import gc
import os

import pytest

from tests.shell import Shell

if "PYTEST_XDIST_WORKER" in os.environ:  # there are as many workers as cores: their threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def pytest_configure(config: pytest.Config) -> None:
    """Torch says once that it runs an LSTM with projections by its own code: that is what is asked for."""
    config.addinivalue_line("filterwarnings", "ignore:LSTM with projections is not supported with oneDNN")


@pytest.fixture(autouse=True, scope="module")
def settled_heap() -> None:
    """What is there by now stays: measurements of memory collect garbage first, and would look through all of it."""
    gc.collect()
    gc.freeze()
