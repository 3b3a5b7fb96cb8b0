"""Running a sweep on a Dask cluster: tasks that carry the question and their designs, and return what they keep.

Workers need archcalc of the same version, and nothing else of this machine. If a worker ends, the scheduler gives its
tasks to others; if the scheduler ends, the journal has all tasks that were done.
"""

import hashlib
import pickle
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Any

from archcalc.core.extra import MissingExtra
from archcalc.core.version import VERSION
from archcalc.record import record
from archcalc.sweeping.question import Question
from archcalc.sweeping.run import AHEAD, Ended, Stopped, Tasks, evaluated
from archcalc.sweeping.task import Worker

LOCAL = "local"

AGAIN = 10
"""Workers that may end during a task before the task is given up."""

SECONDS_TO_CONNECT = 20

WORKERS: dict[str, Worker] = {}
"""The worker of the question that this process works on, by the checksum of the question."""


@record(frozen=False)
class Cluster:
    """A cluster by the address of its scheduler, or one of this machine's processes."""

    question: Question
    address: str
    workers: int

    def run(self, tasks: Tasks) -> Iterator[Ended]:
        distributed = imported()
        started = None
        try:
            if self.address == LOCAL:
                options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
                started = distributed.LocalCluster(n_workers=self.workers, **options)
            client = distributed.Client(started or self.address, timeout=SECONDS_TO_CONNECT)
        except (OSError, ValueError, TimeoutError) as error:
            raise Stopped(f"no Dask scheduler answers at {self.address}: {error}") from None
        try:
            yield from self.on(client, distributed, tasks)
        finally:
            for each in (client, started):
                if each is not None:
                    each.close(timeout=5)

    def on(self, client: Any, distributed: Any, tasks: Tasks) -> Iterator[Ended]:
        """Hands out tasks, a few for each worker at a time, and yields their results as they come."""
        data = pickle.dumps(self.question)
        key = hashlib.sha256(data).hexdigest()

        def submitted() -> Any:
            task = tasks.take()
            options = {"pure": False, "retries": AGAIN}
            return client.submit(evaluate, VERSION, key, data, *task, **options) if task else None

        first = [submitted() for _ in range(AHEAD * max(1, sum(client.nthreads().values())))]
        running = distributed.as_completed([each for each in first if each is not None], with_results=True)
        try:
            for _, found in running:
                if not isinstance(found, tuple):  # what stands for a task that the scheduler has forgotten
                    raise Stopped("the Dask scheduler was lost")
                yield Ended(*found)
                if (more := submitted()) is not None:
                    running.add(more)
        except (CancelledError, distributed.CancelledError, OSError, TimeoutError) as error:
            raise Stopped(f"the Dask scheduler was lost ({type(error).__name__})") from None
        except distributed.KilledWorker:
            raise Stopped(f"{AGAIN} workers ended during one task; they may have run out of memory") from None


def imported() -> Any:
    """dask.distributed. Raises MissingExtra if it is not installed."""
    try:
        import dask  # lazy: an optional package
        import distributed  # lazy: an optional package
    except ImportError:
        raise MissingExtra("--scheduler needs Dask: pip install 'archcalc[dask]'") from None
    dask.config.set({"distributed.scheduler.allowed-failures": AGAIN})
    return distributed


def evaluate(version: str, key: str, data: bytes, begin: int, end: int) -> tuple[int, int, float, bytes]:
    """A task, in a process of the cluster."""
    if version != VERSION:
        raise RuntimeError(f"the worker has archcalc {VERSION}, and the sweep was started by {version}")
    if key not in WORKERS:
        WORKERS.clear()
        WORKERS[key] = Worker(pickle.loads(data))
    made = evaluated(WORKERS[key], begin, end)
    return made.begin, made.end, made.seconds, made.result
