"""The order, the limits and the archive of a run on a GPU, with a stand-in for the process that runs parts."""

import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from archcalc.command import MISSING
from archcalc.memory.footprint import Opaque, footprint_of
from gpu import archive as archives
from gpu.__main__ import main
from gpu.archive import Archive, members_of, read
from gpu.parts import graph_of, setup_of
from gpu.plan import NETWORKS, Part, plan, short_plan
from gpu.runner import Run, Worker, run
from tests.networks.zoo import ROOT

STAND_IN = """
import json, sys, time
for line in sys.stdin:
    part = json.loads(line)
    if part["network"] == "slow":
        time.sleep(60)
    if part["network"] == "crash":
        sys.exit(9)
    path = f"{sys.argv[1]}/{part['name']}.json"
    measured = [hash((i, part["name"])) for i in range(400)]
    json.dump({"part": part, "rows": [], "seconds": 0.1, "measurement": measured}, open(path, "w"))
    print(path, flush=True)
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A worker without torch; the list has one entry for each process."""
    begun: list[int] = []

    def started(self: Worker) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", STAND_IN, str(self.folder)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        begun.append(process.pid)
        return process

    monkeypatch.setattr(Worker, "started", started)
    monkeypatch.setattr("gpu.runner.START", 5)
    return begun


def part(name: str, network: str = "", limit: float = 20) -> Part:
    return Part(name=name, kind="memory", network=network, limit=limit)


def test_a_run_writes_every_result_and_ends_after_none(stand_in: list[int], tmp_path: Path) -> None:
    """A part that hangs and one that ends its process are results, and the next part has a process of its own."""
    said: list[str] = []
    parts = [part("first"), part("hangs", "slow", 0.3), part("crashes", "crash"), part("last")]
    assert run(parts, Run("cpu", Archive(tmp_path), 60, said.append)) == []
    assert [line.partition(" (")[0] for line in said] == [
        "first: 0 agree, 0 disagree", "hangs: given up after 0 s", "crashes: ended with 9", "last: 0 agree, 0 disagree",
    ]  # fmt: skip
    assert len(stand_in) == 3
    assert Archive(tmp_path).names() == {"first", "hangs.error", "crashes.error", "last"}


def test_a_second_run_continues_where_the_first_ended(stand_in: list[int], tmp_path: Path) -> None:
    parts = [part("one"), part("two")]
    assert run(parts[:1], Run("cpu", Archive(tmp_path), 60, lambda line: None)) == []
    said: list[str] = []
    assert run(parts, Run("cpu", Archive(tmp_path), 60, said.append)) == []
    assert len(said) == 1
    assert said[0].startswith("two")
    assert json.loads((tmp_path / "summary.json").read_text()) == {"left": [], "parts": ["one", "two"]}


def test_what_failed_is_tried_again_after_all_others(stand_in: list[int], tmp_path: Path) -> None:
    assert run([part("bad", "crash"), part("good")], Run("cpu", Archive(tmp_path), 60, lambda line: None)) == []
    said: list[str] = []
    assert run([part("bad"), part("good"), part("new")], Run("cpu", Archive(tmp_path), 60, said.append)) == []
    assert [each.partition(":")[0] for each in said] == ["new", "bad"]
    assert Archive(tmp_path).names() == {"bad.error", "bad", "good", "new"}


def test_the_end_of_a_run_is_no_failure_of_its_last_part(
    stand_in: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that starts shortly before the end is left for another run, however long a worker may take to start."""
    monkeypatch.setattr("gpu.runner.START", 100)
    begun = time.monotonic()
    parts = [part("one"), part("long", "slow", 50), part("two")]
    assert run(parts, Run("cpu", Archive(tmp_path), 3, lambda line: None)) == ["long", "two"]
    assert time.monotonic() - begun < 30
    assert Archive(tmp_path).names() == {"one"}


def test_what_no_time_is_left_for_is_said(stand_in: list[int], tmp_path: Path) -> None:
    assert run([part("one"), part("two")], Run("cpu", Archive(tmp_path), 0, print)) == ["one", "two"]
    assert stand_in == []


WHOLE_PLAN = """
import subprocess, sys
from pathlib import Path
from gpu import archive
from gpu.plan import plan
from gpu.runner import Run, Worker, run

archive.MOST_BYTES = int(sys.argv[3])

def started(self):
    command = [sys.executable, "-c", sys.argv[2], str(self.folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

Worker.started = started
zoo = [f"network{i}" for i in range(150)]
run(plan(zoo), Run("cpu", archive.Archive(Path(sys.argv[1])), 60, lambda line: print(line, flush=True)))
"""
"""The whole list with a stand-in for the process that runs parts, and small volumes."""

SMALL_VOLUME = 120_000
"""The size of a volume in that run, so that the archive is full before the end."""


def whole_plan(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WHOLE_PLAN, str(folder), STAND_IN, str(SMALL_VOLUME)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_the_whole_plan_survives_a_sudden_end_and_continues(tmp_path: Path) -> None:
    """The run is killed; what it has said is in the archive. The next one does the rest, in order, in few files."""
    names = [each.name for each in plan([f"network{i}" for i in range(150)])]
    with whole_plan(tmp_path) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().partition(":")[0] for _ in range(70)]
        process.kill()
    assert said == names[:70]
    assert names[:70] == [name for name in names if name in Archive(tmp_path).names()][:70]
    with whole_plan(tmp_path) as process:
        assert process.stdout is not None
        rest = [line.partition(":")[0] for line in process.stdout]
    assert rest in (names[70:], names[71:], names[72:])  # it may have been ended between the archive and its line
    made = Archive(tmp_path)
    found = {name: read(packed) for name, packed in made.members()}
    assert list(found) == names
    assert len(list(tmp_path.iterdir())) <= 8
    assert max(volume.stat().st_size for volume in made.volumes[:-1]) <= SMALL_VOLUME + 2 * tarfile.RECORDSIZE
    assert found[names[0]]["measurement"]
    assert found[names[-1]]["left_out"] == "recordings: the archive is full"


# --- the archive -----------------------------------------------------------------------------------------------------


def test_volumes_are_added_and_a_full_archive_leaves_recordings_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 12_000)
    monkeypatch.setattr(archives, "VOLUMES", 2)
    made = Archive(tmp_path)
    for i in range(4):
        made.add(f"part{i}", {"rows": [i], "measurement": [hash((i, k)) for k in range(400)]})
    assert [volume.name for volume in made.volumes] == ["part-1.tar", "part-2.tar"]
    found = {name: read(packed) for name, packed in made.members()}
    assert sorted(found) == ["part0", "part1", "part2", "part3"]
    assert found["part0"]["measurement"]
    assert (found["part3"]["measurement"], found["part3"]["rows"]) == (None, [3])
    assert found["part3"]["left_out"] == "recordings: the archive is full"


@pytest.mark.parametrize(("length", "whole"), [(-500, 1), (-1, 1), (0, 1), (20, 1), (-100, 1), (9_000, 1), (10**9, 2)])
def test_a_volume_that_was_cut_off_has_the_parts_before(tmp_path: Path, length: int, whole: int) -> None:
    """In the header of a part, in its content, or nowhere; what is added later is read, too."""
    made = Archive(tmp_path)
    made.add("first", {"rows": []})
    made.add("second", {"measurement": [hash((i, i)) for i in range(1000)]})
    [volume] = made.volumes
    with tarfile.open(volume) as opened:
        begin = opened.getmember("second.json.gz").offset_data
    volume.write_bytes(volume.read_bytes()[: begin + length])
    assert [name for name, _ in members_of(volume)] == ["first", "second"][:whole]
    again = Archive(tmp_path)
    again.add("third", {"rows": [3]})
    found = {name: read(packed) for name, packed in again.members()}
    assert list(found) == [*["first", "second"][:whole], "third"]
    assert found["third"] == {"rows": [3]}


def test_a_volume_without_a_whole_part_is_begun_again(tmp_path: Path) -> None:
    made = Archive(tmp_path)
    made.add("only", {"rows": []})
    [volume] = made.volumes
    volume.write_bytes(volume.read_bytes()[:300])
    assert list(members_of(volume)) == []
    again = Archive(tmp_path)
    again.add("next", {"rows": []})
    assert again.names() == {"next"}


# --- the plan --------------------------------------------------------------------------------------------------------


def test_the_most_valuable_parts_come_first() -> None:
    parts = list(plan(["zoo_network"]))
    names = [each.name for each in parts]
    assert len(names) == len(set(names))
    assert names[0] == "about"
    assert names[1 : len(NETWORKS) + 1] == [f"float32-{name}" for name in NETWORKS]
    assert names[-1] == "zoo-zoo_network"
    assert len(NETWORKS) >= 12
    for kind in ("bfloat16", "autocast", "step-adamw-fused", "step-sgd", "checkpoint", "time-float32"):
        assert any(name.startswith(kind) for name in names), kind
    assert {(each.kind, bool(each.optimizer), each.dtype) for each in short_plan()} == {
        (each.kind, bool(each.optimizer), each.dtype) for each in parts
    }


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_memory_is_predicted_for_enough_networks(dtype: str) -> None:
    """Of the others, only attention and recurrent layers are measured without a prediction."""
    opaque: dict[str, str] = {}
    measured = [each for each in plan() if each.name == f"{dtype}-{each.name.partition('-')[2]}"]
    for each in measured:
        try:
            footprint_of(graph_of(each), setup_of(each, "cuda"))
        except Opaque as why:
            opaque[each.name] = str(why)
    assert len(measured) - len(opaque) >= 12, opaque
    assert all("attend" in why or "keys" in why or "cuDNN" in why for why in opaque.values()), opaque


def test_without_a_gpu_nothing_runs(
    stand_in: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["run", "--short", "--out", str(tmp_path / "run")]) == MISSING
    assert capsys.readouterr().err.startswith("error: no CUDA device: torch ")
    assert stand_in == []
    assert not (tmp_path / "run").exists()


def test_the_plan_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--list", "--short"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "   60 s  float32-lenet5"
