"""The self-test: what it runs, what its certificate says, and that a wrong number is seen."""

import json
from pathlib import Path

import pytest

from archcalc.layers.conv import Conv
from archcalc.spec.zoo import bundled
from archcalc.verification import selftest as stage
from archcalc.verification.selftest import RUN, selftest, to_json
from tests.shell import Shell
from tests.verification.test_verify import without_bias


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bundled networks, of which one is run."""
    monkeypatch.setattr(stage, "bundled", lambda: ["lenet5_fcn", "two_layer"])
    monkeypatch.setattr(stage, "RUN", ("two_layer",))


def test_every_network_that_is_run_is_bundled() -> None:
    assert set(RUN) <= bundled().keys()


def test_a_certificate_has_the_environment_and_every_network(few: None) -> None:
    stages: list[str] = []
    made = selftest(show=stages.append)
    assert stages == ["1 of 3: two_layer, on cpu", "2 of 3: lenet5_fcn, on meta", "3 of 3: two_layer, on meta"]
    plain = json.loads(to_json(made))
    assert plain["agrees"] is True
    assert plain["versions"]["torch"]
    assert [(each["name"], each["device"]) for each in plain["networks"]] == [
        ("two_layer", "cpu"),
        ("lenet5_fcn", "meta"),
        ("two_layer", "meta"),
    ]
    assert all(each["comparisons"] >= 8 for each in plain["networks"])


def test_the_command_writes_a_certificate(few: None, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "selftest.json"
    outcome = shell("selftest", "-o", str(file))
    assert outcome.code == 0
    assert "1 of 1 networks agree run with values: " in outcome.out
    assert "2 of 2 networks agree on the meta device: " in outcome.out
    assert json.loads(file.read_text())["agrees"] is True


def test_a_wrong_number_is_seen(few: None, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conv, "weights", without_bias)
    outcome = shell("selftest")
    assert outcome.code == 1
    assert "lenet5_fcn on meta DISAGREES\n" in outcome.out
    assert "parameters: predicted" in outcome.out
