"""Running a sweep: in this process, on all cores, or on a cluster, in tasks of seconds, each exactly once."""

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Protocol, TypeAlias

from archcalc.record import field, record
from archcalc.sweeping.journal import Journal, missing
from archcalc.sweeping.question import Question
from archcalc.sweeping.reduce import Part
from archcalc.sweeping.space import Space
from archcalc.sweeping.structure import edge_from, step_of
from archcalc.sweeping.task import Worker

SECONDS = 2.0
"""How long a task should take."""

GROWTH = 8
"""A task has at most so many times the designs of the one before."""

AHEAD = 2
"""Tasks for each worker that are handed out at a time."""

Range: TypeAlias = tuple[int, int]


@record
class Ended:
    """A task that has ended: its designs, how long it took, and its result."""

    begin: int
    end: int
    seconds: float
    result: bytes


class Stopped(Exception):
    """The sweep has ended early, for the reason in the message; the results of whole tasks are there."""


class Engine(Protocol):
    """What evaluates tasks. `workers`: how many at a time."""

    workers: int

    def run(self, tasks: "Tasks") -> Iterator[Ended]:
        """Evaluates all tasks. Raises Stopped if it cannot."""


@record(frozen=False)
class Tasks:
    """The designs that are still to be evaluated, handed out in tasks whose size follows their speed."""

    question: Question
    left: list[Range]
    size: int = 0
    ended: int = 0

    def __post_init__(self) -> None:
        self.left = self.left[::-1]
        self.size = self.size or step_of(self.question)

    def take(self) -> Range | None:
        """The next task; None if there is none."""
        if not self.left:
            return None
        begin, end = self.left.pop()
        stop = aligned(self.question, begin + self.size)
        if stop < end:
            self.left.append((stop, end))
        return begin, min(stop, end)

    def learn(self, ended: Ended) -> None:
        """Adapts the size to the speed of a task."""
        designs = ended.end - ended.begin
        wanted = int(designs * SECONDS / max(ended.seconds, 1e-4))
        self.size = max(step_of(self.question), min(wanted, designs * GROWTH))
        self.ended += designs


def aligned(question: Question, number: int) -> int:
    """The next number of a design at which a chunk begins."""
    size = Space(question.space.axes[question.structural :]).size
    structure, here = divmod(number, size)
    return structure * size + min(size, edge_from(question, here))


# --- in this process -------------------------------------------------------------------------------------------------


@record(frozen=False)
class Here:
    """One task after the other, in this process."""

    question: Question
    workers: int = 1

    def run(self, tasks: Tasks) -> Iterator[Ended]:
        worker = Worker(self.question)
        while task := tasks.take():
            yield evaluated(worker, *task)


def evaluated(worker: Worker, begin: int, end: int) -> Ended:
    started = time.process_time()
    result = worker.part(begin, end).to_bytes()
    return Ended(begin, end, time.process_time() - started, result)


# --- on all cores ----------------------------------------------------------------------------------------------------

OWN: list[Worker] = []
"""The worker of this process, if it is one of a pool."""


def prepare(data: bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides what an interruption means
    OWN[:] = [Worker(pickle.loads(data))]


def evaluate_own(begin: int, end: int) -> Ended:
    return evaluated(OWN[0], begin, end)


@record(frozen=False)
class Pool:
    """Several processes of this machine."""

    question: Question
    workers: int

    def run(self, tasks: Tasks) -> Iterator[Ended]:
        data = pickle.dumps(self.question)
        pool = ProcessPoolExecutor(self.workers, initializer=prepare, initargs=(data,))
        running: set[Future[Ended]] = set()
        try:
            while True:
                while len(running) < AHEAD * self.workers and (task := tasks.take()):
                    running.add(pool.submit(evaluate_own, *task))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in done)
        except BrokenProcessPool:
            raise Stopped("a process of the pool has ended unexpectedly; it may have run out of memory") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- everything together ---------------------------------------------------------------------------------------------


@record(frozen=False)
class State:
    """How far a sweep is, for the progress line."""

    designs: int
    done: int
    kept: int
    began: float = field(default_factory=time.monotonic)
    before: int = 0

    @property
    def speed(self) -> float:
        """Designs per second of this run."""
        return (self.done - self.before) / max(time.monotonic() - self.began, 1e-3)

    @property
    def seconds_left(self) -> float:
        return (self.designs - self.done) / max(self.speed, 1e-9)


Progress: TypeAlias = Callable[[State], None]


def silent(state: State) -> None:
    """Shows no progress."""


@record(frozen=False)
class Run:
    """A sweep under way. `part`: the result of the tasks that have ended; `stopped`: why it has ended early, if so."""

    question: Question
    journal: Journal | None = None
    progress: Progress = silent
    part: Part = field(init=False)
    stopped: str = ""
    tasks: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        self.part = Part(self.question)

    def resume(self) -> None:
        """Adds what the journal has."""
        assert self.journal is not None
        for result in self.journal.resume():
            self.part.add_bytes(result)
        self.done = sum(end - begin for begin, end in self.journal.done)

    @property
    def is_whole(self) -> bool:
        return self.done == self.question.space.size

    def go(self, engine: Engine) -> None:
        """Evaluates what is left, until all is done, it is interrupted, or the engine stops."""
        size = self.question.space.size
        tasks = Tasks(self.question, missing(self.journal.done if self.journal else [], size))
        state = State(size, self.done, self.part.tally.kept, before=self.done)
        try:
            with closing(engine.run(tasks)) as results:
                for ended in results:
                    self.end(ended)
                    tasks.learn(ended)
                    state.done, state.kept = self.done, self.part.tally.kept
                    self.progress(state)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        except Stopped as stopped:
            self.stopped = str(stopped)

    def end(self, ended: Ended) -> None:
        """Adds a task to the result and to the journal, or to neither."""
        with uninterrupted():
            self.part.add_bytes(ended.result)
            if self.journal:
                self.journal.add(ended.begin, ended.end, ended.result)
            self.tasks += 1
            self.done += ended.end - ended.begin


@contextmanager
def closing(results: Iterator[Ended]) -> Iterator[Iterator[Ended]]:
    try:
        yield results
    finally:
        results.close()  # type: ignore[attr-defined]  # engines are generators


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Puts off an interruption until the end of the block."""
    try:
        before = signal.signal(signal.SIGINT, lambda number, frame: pending.append(True))
    except ValueError:  # not the main thread, which alone is interrupted
        yield
        return
    pending: list[bool] = []
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pending:
        raise KeyboardInterrupt
