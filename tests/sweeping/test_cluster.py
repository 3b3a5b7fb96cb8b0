"""Sweeps on a Dask cluster: the same result, whatever ends in between."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archcalc.command import run
from archcalc.sweeping.cluster import Cluster
from archcalc.sweeping.journal import Journal
from archcalc.sweeping.question import Question
from archcalc.sweeping.run import Ended, Here, Run, Tasks
from tests.sweeping.spaces import asked

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'archcalc[dask]'")

pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own, about its sockets


def question(batches: int = 32) -> Question:
    over = ["w=4..128:4", "depths[0]=1..6", "depths[1]=1..8", "depths[2]=1..10", "H=W=64..480:32", f"N=1..{batches}"]
    return asked("resnet50", over, minimise="macs", maximise="w*N,receptive_field")


def alone(asked_for: Question) -> Run:
    made = Run(asked_for)
    made.go(Here(asked_for))
    return made


def same(one: Run, other: Run) -> bool:
    arrays = [each.part.kept.plain() for each in (one, other)]
    return one.part.tally == other.part.tally and all(
        arrays[0][name].tolist() == arrays[1][name].tolist() for name in arrays[0]
    )


def test_a_cluster_has_the_result_of_one_process() -> None:
    asked_for = asked("resnet18", ["w=4..128:4", "N=1..8192"], minimise="macs", maximise="w*N")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        made = Run(asked_for)
        made.go(Cluster(asked_for, cluster.scheduler_address, 1))
    assert made.is_whole
    assert same(made, alone(asked_for))


def test_a_scheduler_that_does_not_answer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.sweeping.cluster.SECONDS_TO_CONNECT", 0.2)
    arguments = ["sweep", "lenet5", "--over", "N=1..4", "--min", "macs", "--scheduler", f"127.0.0.1:{free_port()}"]
    assert run(arguments) == 1
    said = capsys.readouterr().err
    assert "no Dask scheduler answers at 127.0.0.1" in said
    assert "0 of 4 designs are evaluated" in said


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# --- what ends in between --------------------------------------------------------------------------------------------


class Killing(Cluster):
    """Ends a process after some tasks."""

    pid = 0
    after = 3

    def run(self, tasks: Tasks) -> Iterator[Ended]:
        for count, ended in enumerate(super().run(tasks), 1):
            yield ended
            if count == self.after and self.pid:
                os.kill(self.pid, signal.SIGKILL)


@pytest.fixture
def short_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small space has many of them."""
    monkeypatch.setattr("archcalc.sweeping.run.SECONDS", 0.1)


def process(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


class Started:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        port = re.findall(r"\d+$", self.address)[0]
        self.scheduler = process("dask_scheduler", "--port", port, "--host", "127.0.0.1", "--no-dashboard")
        options = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--death-timeout", "30")
        self.workers = [process("dask_worker", self.address, *options) for _ in range(2)]
        with distributed.Client(self.address, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)

    def close(self) -> None:
        for each in (*self.workers, self.scheduler):
            each.kill()
            each.communicate()


@pytest.fixture
def cluster() -> Iterator[Started]:
    started = Started()
    yield started
    started.close()


@pytest.mark.fuzz
@pytest.mark.usefixtures("short_tasks")
def test_a_worker_that_is_killed_changes_nothing(cluster: Started) -> None:
    asked_for = question()
    engine = Killing(asked_for, cluster.address, 2)
    engine.pid = cluster.workers[0].pid
    made = Run(asked_for)
    made.go(engine)
    assert made.is_whole
    assert cluster.workers[0].wait(5) == -signal.SIGKILL
    assert made.tasks > 10
    assert same(made, alone(asked_for))


@pytest.mark.fuzz
@pytest.mark.usefixtures("short_tasks")
def test_after_the_end_of_the_scheduler_another_one_continues(cluster: Started, tmp_path: Path) -> None:
    """Only tasks that had not ended are evaluated again."""
    asked_for = question()
    first = Run(asked_for, Journal(tmp_path / "front.journal", asked_for))
    assert first.journal is not None
    first.journal.start()
    engine = Killing(asked_for, cluster.address, 2)
    engine.pid = cluster.scheduler.pid
    began = time.monotonic()
    first.go(engine)
    assert first.stopped.startswith("the Dask scheduler was lost")
    assert time.monotonic() - began < 120
    assert 0 < first.done < asked_for.space.size

    second = Run(asked_for, Journal(first.journal.path, asked_for))
    second.resume()
    assert second.done == first.done
    other = Started()
    try:
        second.go(Cluster(asked_for, other.address, 2))
    finally:
        other.close()
    assert second.is_whole
    assert second.part.tally.designs == asked_for.space.size
    assert same(second, alone(asked_for))
