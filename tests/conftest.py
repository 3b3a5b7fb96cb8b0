"""What tests of every subject are given."""

import pytest

from tests.shell import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def pytest_configure(config: pytest.Config) -> None:
    """Torch says once that it runs an LSTM with projections by its own code: that is what is asked for."""
    config.addinivalue_line("filterwarnings", "ignore:LSTM with projections is not supported with oneDNN")
