"""Runs: interrupted, continued, on several processes; what is whole is never lost, and never counted twice."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import archcalc
from archcalc.core.extra import MissingExtra
from archcalc.measure import MEASURES
from archcalc.sweeping.front import Front
from archcalc.sweeping.journal import Journal, JournalError, missing
from archcalc.sweeping.question import Question
from archcalc.sweeping.run import Ended, Here, Pool, Run, Stopped, Tasks, evaluated
from archcalc.sweeping.structure import chunks
from archcalc.sweeping.task import Worker
from tests.networks.zoo import ROOT
from tests.sweeping.spaces import asked


def question() -> Question:
    return asked("resnet18", ["w=4..128:4", "H=W=64..256:32", "N=1..8192"], minimise="macs", maximise="w*N")


def whole(asked_for: Question) -> Run:
    run = Run(asked_for)
    run.go(Here(asked_for))
    assert run.is_whole
    return run


def front_in(run: Run) -> list[tuple[list[int], int, int]]:
    plain = run.part.kept.plain()
    return list(zip(*(plain[name].tolist() for name in ("costs", "designs", "alike")), strict=True))


class Interrupted(Here):
    """Ends after two tasks, as Ctrl-C or a lost scheduler does; the third is under way."""

    why: BaseException = KeyboardInterrupt()

    def run(self, tasks: Tasks) -> Iterator[Ended]:
        worker = Worker(self.question)
        for _ in range(2):
            task = tasks.take()
            assert task is not None
            yield evaluated(worker, *task)
        tasks.take()
        raise self.why


@pytest.mark.parametrize("why", [KeyboardInterrupt(), Stopped("the scheduler was lost")], ids=repr)
def test_an_interrupted_sweep_goes_on_where_it_was(why: BaseException, tmp_path: Path) -> None:
    asked_for = question()
    journal = Journal(tmp_path / "front.journal", asked_for)
    first = Run(asked_for, journal)
    journal.start()
    engine = Interrupted(asked_for)
    engine.why = why
    first.go(engine)
    assert 0 < first.done < asked_for.space.size
    assert first.stopped == (str(why) or "interrupted")
    assert first.part.tally.designs == first.done

    second = Run(asked_for, Journal(journal.path, question()))
    second.resume()
    assert second.done == first.done
    second.go(Here(asked_for))
    assert second.is_whole
    assert second.part.tally == whole(asked_for).part.tally
    assert front_in(second) == front_in(whole(asked_for))


def test_a_record_that_was_cut_off_is_evaluated_again(tmp_path: Path) -> None:
    asked_for = question()
    journal = Journal(tmp_path / "front.journal", asked_for)
    journal.start()
    Run(asked_for, journal).go(Interrupted(asked_for))
    data = journal.path.read_bytes()
    for cut in (len(data) - 1, len(data) - 40):
        journal.path.write_bytes(data[:cut])
        again = Run(asked_for, Journal(journal.path, asked_for))
        again.resume()
        assert len(again.journal.done) == 1  # type: ignore[union-attr]
        again.go(Here(asked_for))
        assert front_in(again) == front_in(whole(asked_for))
    damaged = data.replace(b"costs", b"coats")
    journal.path.write_bytes(damaged)
    again = Run(asked_for, Journal(journal.path, asked_for))
    again.resume()
    assert again.done == 0


def test_the_journal_of_another_sweep_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "front.journal"
    Journal(path, question()).start()
    other = asked("resnet18", ["w=4..128:8", "H=W=64..256:32", "N=1..8192"], minimise="macs", maximise="w*N")
    with pytest.raises(JournalError, match="belongs to another sweep"):
        list(Journal(path, other).resume())
    with pytest.raises(JournalError, match="is the journal of an interrupted sweep"):
        Journal(path, question()).start()
    with pytest.raises(JournalError, match="nothing was interrupted"):
        list(Journal(tmp_path / "none", question()).resume())
    assert list(Journal(path, question()).resume()) == []


def test_a_full_disk_ends_the_journal_and_not_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = question()
    journal = Journal(tmp_path / "front.journal", asked_for)
    journal.start()
    run = Run(asked_for, journal)
    synced: list[int] = []

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    run.go(Here(asked_for))
    assert run.is_whole
    assert journal.why == "No space left on device"
    again = Run(asked_for, Journal(journal.path, asked_for))
    again.resume()
    assert len(again.journal.done) == 1  # type: ignore[union-attr]


def test_several_processes_have_the_same_result() -> None:
    asked_for = question()
    run = Run(asked_for)
    run.go(Pool(asked_for, 2))
    assert run.is_whole
    assert front_in(run) == front_in(whole(asked_for))


@pytest.mark.parametrize("wanted", ["top", "rows", "count"])
def test_parts_are_merged_for_every_kind_of_result(wanted: str) -> None:
    asked_for = asked(
        "resnet18",
        ["w=4..64:4", "N=1..64"],
        where=["params <= 5M"],
        minimise="macs" if wanted == "top" else "",
        wanted=wanted,
        top=7,
    )
    size = asked_for.space.size
    worker = Worker(asked_for)
    one, parts = worker.part(0, size), Run(asked_for).part
    for begin in range(0, size, 100):
        parts.add_bytes(worker.part(begin, min(size, begin + 100)).to_bytes())
    assert parts.tally == one.tally
    assert {name: each.tolist() for name, each in parts.kept.plain().items()} == {
        name: each.tolist() for name, each in one.kept.plain().items()
    }


def test_a_long_axis_is_evaluated_in_parts() -> None:
    """Longer than a chunk: all designs are there, once, and chunks do not go beyond a row."""
    asked_for = asked("lenet5", ["H=W=32,36,40", "N=1..70001"], columns="macs", wanted="rows", where=["N > 65000"])
    assert [len(axis) for axis in asked_for.space.axes] == [3, 70_001]
    found = chunks(asked_for, 10, 200_000)
    assert [first for _, first, _ in found] == [10, *(last for _, _, last in found[:-1])]
    assert found[-1][2] == 200_000
    assert all(first // 70_001 == (last - 1) // 70_001 for _, first, last in found)
    run = whole(asked_for)
    designs = run.part.kept.plain()["designs"]
    assert designs.tolist() == [70_001 * row + n for row in range(3) for n in range(65_000, 70_001)]
    sweep = archcalc.sweep("lenet5", over={"H=W": [32, 36, 40], "N": "1..70001"}, where="N > 65000", columns="macs")
    each = {
        size: int(MEASURES["macs"].total(archcalc.load("lenet5", settings={"H": str(size), "W": str(size)})))
        for size in (32, 36, 40)
    }
    assert all(row["macs"] == row["N"] * each[row["H"]] for row in sweep.rows())


def test_what_is_missing() -> None:
    assert missing([], 5) == [(0, 5)]
    assert missing([(0, 5)], 5) == []
    assert missing([(2, 3), (0, 1)], 5) == [(1, 2), (3, 5)]


def test_a_front_survives_as_bytes_beyond_int64() -> None:
    asked_for = asked("lenet5", ["N=1099511627776|1125899906842624"], minimise="macs", maximise="macs*2")
    run = whole(asked_for)
    assert len(front_in(run)) == 2
    assert isinstance(run.part.kept.front, Front)  # type: ignore[attr-defined]
    costs = [costs for costs, _, _ in front_in(run)]
    assert all(large == -2 * small for small, large in costs)
    assert costs[1][1] < -(2**63)


@pytest.mark.fuzz
def test_an_interrupt_from_the_keyboard(tmp_path: Path) -> None:
    """A real signal to the program, whose output then has the part that was evaluated, and --resume the rest."""
    output = tmp_path / "front.csv"
    command = [sys.executable, "-m", "archcalc", "sweep", "resnet18", "--over", "w=4..128:4", "--over", "H=64..256:32"]
    command += ["--over", "N=1..1000000", "--min", "macs", "--max", "w", "-o", str(output), "--jobs", "2"]
    started = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "front.csv.journal"
    while not journal.exists() or journal.stat().st_size < 3_000:
        time.sleep(0.1)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "interrupted:" in errors
    part = output.read_text()
    subprocess.run([*command, "--resume"], cwd=ROOT, check=True)
    assert not journal.exists()
    assert output.read_text().splitlines()[0] == part.splitlines()[0]
    resumed = output.read_text()
    output.unlink()
    subprocess.run(command, cwd=ROOT, check=True)
    assert output.read_text() == resumed


def interrupted(command: list[str], seconds: float) -> tuple[int, str]:
    """The exit code and the messages of a sweep that the keyboard interrupts after some seconds, if it still runs."""
    started = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = started.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=60)
    return started.returncode, errors


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(8))
def test_interrupts_at_random_moments(seed: int, tmp_path: Path) -> None:
    """However often, and whenever: nothing is lost or counted twice, and no traceback has a line of the program.

    Python itself prints one if it is interrupted before it has read the first line.
    """
    pick, output, journal = random.Random(seed), tmp_path / "front.csv", tmp_path / "front.csv.journal"
    command = [sys.executable, "-m", "archcalc", "sweep", "resnet18", "--over", "w=4..128:4", "--over", "H=64..256:32"]
    command += ["--over", "N=1..200000", "--min", "macs", "--max", "w", "-o", str(output)]
    command += ["--jobs", str(pick.choice([1, 2]))]
    for seconds in (*(pick.uniform(0.2, 2) for _ in range(8)), 60):
        code, errors = interrupted([*command, *["--resume"] * journal.exists()], seconds)
        assert code in (0, 130, -signal.SIGINT), errors
        assert f"archcalc{os.sep}" not in errors
        if code == 0:
            break
    assert code == 0
    assert not journal.exists()
    resumed = output.read_text()
    output.unlink()
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    assert output.read_text() == resumed


def test_to_pandas_has_the_columns_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas itself is optional: what it is given are columns, one table after the other."""
    found = archcalc.sweep("lenet5", over={"N": "1..3"})
    frames = SimpleNamespace(DataFrame=dict, concat=lambda tables, ignore_index: (tables, ignore_index))
    monkeypatch.setitem(sys.modules, "pandas", frames)
    tables, ignore_index = found.to_pandas()
    assert ignore_index
    rows = [dict(zip(table, row, strict=True)) for table in tables for row in zip(*table.values(), strict=True)]
    assert rows == found.rows()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pip install pandas"):
        found.to_pandas()
