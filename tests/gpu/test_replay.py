"""Parts with the CPU in the GPU's place, and their recordings compared with the rules as they are now."""

import json
from pathlib import Path
from typing import Any

import pytest

from archcalc.record import replace
from archcalc.verification.memory.kept import measurement_from, plain
from archcalc.verification.memory.recording import Recording
from archcalc.verification.memory.stream import Usage
from gpu.__main__ import main
from gpu.archive import Archive
from gpu.parts import done, reserves
from gpu.plan import Part, short_plan
from gpu.replay import compared_again, replayed
from gpu.runner import Run, run
from gpu.worker import result_of

RECORDINGS = Path(__file__).parent.parent / "recordings"

SMALL = Part(name="small", kind="memory", network="two_layer", optimizer="adamw")


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    """What a worker writes about a small network, as it is read again."""
    found: dict[str, Any] = json.loads(json.dumps(result_of(SMALL, "cpu")))
    return found


def test_a_part_has_rows_of_every_kind(result: dict[str, Any]) -> None:
    assert "error" not in result
    assert [row for row in result["rows"] if row["agrees"] is False] == []
    named = {row["quantity"] for row in result["rows"]}
    assert named >= {"parameters", "MACs", "finite outputs", "training peak, bytes", "iteration peak with adamw, bytes"}


def test_a_measurement_is_the_same_after_it_was_kept(result: dict[str, Any]) -> None:
    made = measurement_from(result["measurement"])
    assert plain(made) == plain(measurement_from(json.loads(json.dumps(plain(made)))))
    assert made.training.stream.peak == made.training.stream.least > 0
    gpu = Recording(made.training.seen, made.training.seen, Usage(1, 2, 3, 4), settings="ALLOC_CONF=x", inputs=7)
    assert measurement_from(plain(replace(made, flat=gpu))).flat == gpu


def test_a_replay_gives_the_rows_of_the_run(result: dict[str, Any]) -> None:
    again = compared_again(result)
    assert [row.quantity for row in again.rows] == [row["quantity"] for row in result["rows"]][-len(again.rows) :]
    assert [row for row in again.rows if row.agrees is not True] == []


def test_a_replay_sees_a_rule_that_is_wrong(result: dict[str, Any]) -> None:
    """The device is said to have kept four bytes more for the first layer, and to have taken another tensor at once."""
    kept = json.loads(json.dumps(result["measurement"]))
    kept["saved"][next(iter(kept["saved"]))] += 4
    kept["inference"]["seen"]["size"][0] += 64
    wrong = [row.quantity for row in compared_again({**result, "measurement": kept}).rows if row.agrees is False]
    assert wrong == ["saved for backward, by layer", "bytes saved for backward", "inference peak, bytes"]


def test_an_error_is_a_result() -> None:
    found = result_of(replace(SMALL, network="no_such_network"), "cpu")
    assert "no_such_network" in found["error"]
    assert compared_again(found).error == found["error"]


def test_a_reserve_that_nobody_knows_ends_nothing() -> None:
    """Where torch has no answer, the reason is kept in its place."""
    found = dict(reserves("cpu"))
    assert len(found) == 16
    assert all(isinstance(each, str | int) for each in found.values())


def test_a_network_that_does_not_fit_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpu.parts.room", lambda device: 1000)
    found = done(SMALL, "cpu")
    assert found["rows"][-1]["measured"] == "not run: needs 0.0 GiB"
    assert "measurement" not in found


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.json.gz")), ids=lambda path: path.stem)
def test_what_a_device_did_agrees_with_the_rules(path: Path) -> None:
    [again] = replayed(path)
    assert again.error == ""
    assert again.rows
    assert [row for row in again.rows if row.agrees is False] == []


@pytest.mark.zoo
def test_the_short_list_runs_whole_and_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    assert run(short_plan(), Run("cpu", Archive(tmp_path), 300, lines.append)) == []
    assert [line for line in lines if ", 0 disagree" not in line] == []
    assert main(["replay", *map(str, Archive(tmp_path).volumes)]) == 0
    assert main(["certificates", str(tmp_path / "texts"), *map(str, Archive(tmp_path).volumes)]) == 0
    assert len(list((tmp_path / "texts").iterdir())) == len(lines)
    assert "comparisons agree" in capsys.readouterr().out
