"""Runs a plan: every part under its own limit, all under one, and each result in the archive before the next begins."""

import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from archcalc.record import asdict, record
from gpu.archive import Archive
from gpu.plan import Part

START = 120
"""Seconds that a worker may take to start: torch is loaded from a cold disk."""


@record
class Run:
    """What a run needs: a device, an archive, and seconds in all. `say` shows a line."""

    device: str
    archive: Archive
    seconds: float
    say: Callable[[str], None] = print


FAILED = ".error"
"""How the name of a part ends in the archive that gave an error: another run tries it again, after all others."""


def run(plan: Iterable[Part], how: Run) -> list[str]:
    """Runs the parts that the archive does not have yet; returns the names of those that no time was left for."""
    left: list[str] = []
    end = time.monotonic() + how.seconds
    known = how.archive.names()
    parts = sorted((part for part in plan if part.name not in known), key=lambda part: part.name + FAILED in known)
    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(how.device, Path(folder))
        try:
            for part in parts:
                result = worker.result(part, end - time.monotonic())
                if result is None:
                    left.append(part.name)
                    continue
                how.archive.add(part.name + FAILED * ("error" in result), result)
                how.say(line(part, result))
        finally:
            worker.stop()
    summary = {"left": left, "parts": sorted(how.archive.names())}
    (how.archive.folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return left


class Worker:
    """A process that runs parts; a new one after one that had to be ended."""

    def __init__(self, device: str, folder: Path) -> None:
        self.device, self.folder = device, folder
        self.process: subprocess.Popen[str] | None = None

    def result(self, part: Part, left: float) -> dict[str, Any] | None:
        """The result of a part; of one that takes too long, or that ends the process, an error; None of one for which
        the run has too few seconds `left`."""
        if left <= 0:
            return None
        begun = time.perf_counter()
        own = part.limit + (0 if self.process else START)
        room = min(own, left)
        process = self.process = self.process or self.started()
        assert process.stdin is not None
        assert process.stdout is not None
        about = {"part": asdict(part), "on": self.device}
        try:
            process.stdin.write(json.dumps(asdict(part)) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass
        ready, _, _ = select.select([process.stdout], [], [], room)
        answer = process.stdout.readline().strip() if ready else ""
        if answer:
            found: dict[str, Any] = json.loads(Path(answer).read_text(encoding="utf-8"))
            return found
        self.stop()
        if not ready and room < own:
            return None
        error = f"ended with {process.returncode}" if ready else f"given up after {room:.0f} s"
        return {**about, "error": error, "seconds": round(time.perf_counter() - begun, 2)}

    def started(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "gpu.worker", self.device, str(self.folder)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate()
        self.process = None


def line(part: Part, result: Mapping[str, Any]) -> str:
    """`resnet50: 12 agree, 1 disagrees, 3 reported (4.2 s)`."""
    if "error" in result:
        last = str(result["error"]).strip().splitlines()[-1]
        return f"{part.name}: {last} ({result['seconds']} s)"
    rows = result.get("rows", [])
    agree, wrong = (sum(row["agrees"] is said for row in rows) for said in (True, False))
    first = next((f": {row['quantity']}" for row in rows if row["agrees"] is False), "")
    return f"{part.name}: {agree} agree, {wrong} disagree{first} ({result['seconds']} s)"
