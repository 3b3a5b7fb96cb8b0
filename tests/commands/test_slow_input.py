"""Looks for small inputs that take long: random networks, conditions and options over the commands that need no torch.

The unit is the CPU time of an interpreter that does nothing, measured in the same run. A command answers or refuses
within 100 of these, however large its numbers are.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

from archcalc.record import record
from tests.commands import slow_documents, slow_inputs
from tests.commands.slow_files import written

MOST = 100
"""Bare interpreters' CPU time that a command may take."""

OF_A_LAYER = 0.02
"""The same for each layer: a command may take as long as it has layers."""

MOST_BYTES = 80_000_000
"""The most memory of a command, without what layers take."""

BYTES_OF_A_LAYER = 20_000

SECONDS = 30
"""CPU seconds after which a command is ended."""

NUMBERS = (0, 1, 2, 3, 7, 13, 97, 997, 30_011, 99_991, 10**6, 10**9, 10**12)

CALLS = (
    "conv({small}, {few}, s{stride})", "upconv({small}, 1, s{stride})", "maxpool({small}, {few})", "upsample({n})",
    "resize({n})", "adaptive_avgpool({n})", "pad({n})", "lstm({n})", "fc({n})", "attention({n})", "tokens", "flatten",
    "grouped_attention({n})", "group_norm({n})", "channel_shuffle({n})", "pixel_shuffle({n})", "window_attention({n})",
    "mixture({n}, {m})", "select({n})", "spp({n})", "embedding({n})", "position_embedding", "relu", "relu * {n}",
    "conv(3, 4, p1) * {n}", "resize(scale_factor={n}/{few})", "maxout({n}, {m})", "lrn({n})", "conv({n}, {m}, p{n})",
    "table_conv({few}, {few})", "subsampling({few})", "rbf({n})", "repeat({n})", "roll({n})", "take({n})",
)  # fmt: skip

GIVEN = ("3,64,64", "1,4", "2,999", "3,8,8,8", "7", "1,99991", "4,1000,1000")

QUANTITIES = ("H", "T", "params", "macs", "training_peak", "output_bytes")

RELATIONS = (
    "% {m} == {n}", "% {m} > {n}", "<= {n}", "!= {n}", "* {q} <= {n}", "// 97 - 5 <= {n}", "** 2 + {q} * 997 >= {n}",
)  # fmt: skip

COMMANDS = (
    "report", "report --train", "report --timeline", "report --format json", "report --whole", "report --free T",
    "check", "generate", "draw", "explain conv1", "formula --free H", "formula --free H,W",
    "formula --free N --of training_peak", "solve --for {symbol} --near 97", "solve --for H --lossless",
    "solve --for {symbol} --where",
)  # fmt: skip


NOTED = "NOTED_MEMORY"

NOTING = f"""
import atexit, os, re, runpy, sys

def note():
    with open("/proc/self/status") as status, open(os.environ["{NOTED}"], "w") as noted:
        noted.write(re.search("VmHWM:\\s+([0-9]+)", status.read()).group(1))

if os.path.exists("/proc/self/status"):
    atexit.register(note)
sys.argv[0] = "archcalc"
runpy.run_module("archcalc", run_name="__main__")
"""
"""Runs archcalc, and notes the most memory that it took in kilobytes: what the system tells of a process that has ended
holds for the one that started it, too."""


@record
class Ended:
    """A process: the CPU seconds and the most memory that it took, its exit code, and its standard error."""

    seconds: float
    nbytes: int
    code: int
    error: str

    @property
    def is_wrong(self) -> bool:
        return self.code not in (0, 1, 2) or "Traceback" in self.error or "internal error" in self.error


def ended(*arguments: str) -> Ended:

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    with tempfile.TemporaryFile() as error, tempfile.NamedTemporaryFile() as memory:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=error, preexec_fn=limit,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ARCHCALC_NO_CACHE": "1", NOTED: memory.name},
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        error.seek(0)
        kilobytes = int(memory.read() or 0)
        return Ended(
            used.ru_utime + used.ru_stime, kilobytes * 1024, process.returncode, error.read().decode(errors="replace")
        )


@cache
def bare() -> float:
    return min(ended("-c", "pass").seconds for _ in range(5))


def layers_of(arguments: list[str]) -> int:
    """How many layers the network of a command has; 0 where it has an error."""
    network = arguments[1:3] if arguments[1] == "-e" else arguments[1:2]
    command = [sys.executable, "-m", "archcalc", "-q", "report", *network, "--format", "csv", "--columns", "layer"]
    return subprocess.run(command, capture_output=True, timeout=300).stdout.count(b"\n")


def call(pick: random.Random) -> str:
    n, m = pick.choice(NUMBERS), pick.choice(NUMBERS)
    sizes = dict(n=n, m=m or 1, small=n % 60 + 1, few=m % 9 + 1, stride=pick.choice([1, 2, 3, 5, 7, 11]))
    return pick.choice(CALLS).format(**sizes)


def condition(pick: random.Random) -> str:
    def one() -> str:
        drawn = dict(n=pick.choice(NUMBERS), m=pick.choice(NUMBERS) or 1, q=pick.choice(QUANTITIES))
        return f"{pick.choice(QUANTITIES)} {pick.choice(RELATIONS).format(**drawn)}"

    return " and ".join(one() for _ in range(pick.randint(1, 5)))


def command(pick: random.Random) -> list[str]:
    chain = " -> ".join(call(pick) for _ in range(pick.randint(1, 12)))
    name, *options = pick.choice(COMMANDS).format(symbol=pick.choice("HTN")).split()
    arguments = [name, "-e", f"input({pick.choice(GIVEN)}) -> {chain}", *options]
    return [*arguments, condition(pick)] if options[-1:] == ["--where"] else arguments


def slow(first: int, count: int) -> list[str]:
    """The commands that take too long, or end in an internal error."""
    return [wrong for seed in range(first, first + count) if (wrong := run(command(random.Random(f"slow {seed}"))))]


def run(arguments: list[str]) -> str:
    """What is wrong with how a command ends; empty if nothing is."""
    it = ended("-c", NOTING, *arguments)
    if it.seconds <= MOST * bare() and it.nbytes <= MOST_BYTES and not it.is_wrong:
        return ""
    layers = layers_of(arguments) if len(arguments) > 1 else 0
    allowed = (MOST + OF_A_LAYER * layers) * bare()
    if it.seconds <= allowed and it.nbytes <= MOST_BYTES + BYTES_OF_A_LAYER * layers and not it.is_wrong:
        return ""
    took = f"{it.seconds / bare():.0f} interpreters, {it.nbytes / 1e6:.0f} MB, {layers} layers, exit code {it.code}"
    return f"{took}: {[each[:200] for each in arguments]} {it.error[-300:]}"


def test_no_small_input_takes_long() -> None:
    assert slow(0, 8) == []


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(1_000, 2_000, 100))
def test_no_small_input_of_many_takes_long(first: int) -> None:
    assert slow(first, 100) == []


def test_no_small_file_takes_long(tmp_path: Path) -> None:
    assert [wrong for seed in (14, 28, 39) if (wrong := run(written(seed, tmp_path / str(seed))))] == []


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(1_000, 2_000, 100))
def test_no_small_file_of_many_takes_long(first: int, tmp_path: Path) -> None:
    seeds = range(first, first + 100)
    assert [wrong for seed in seeds if (wrong := run(written(seed, tmp_path / str(seed))))] == []


def test_no_small_document_takes_long(tmp_path: Path) -> None:
    seeds = (3, 608, 11)
    assert [wrong for seed in seeds if (wrong := run(slow_documents.written(seed, tmp_path / str(seed))))] == []


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(1_000, 2_000, 100))
def test_no_small_document_of_many_takes_long(first: int, tmp_path: Path) -> None:
    seeds = range(first, first + 100)
    assert [wrong for seed in seeds if (wrong := run(slow_documents.written(seed, tmp_path / str(seed))))] == []


def test_no_small_set_of_inputs_takes_long(tmp_path: Path) -> None:
    seeds = (12, 30, 51)
    assert [wrong for seed in seeds if (wrong := run(slow_inputs.written(seed, tmp_path / str(seed))))] == []


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(1_000, 2_000, 100))
def test_no_small_set_of_many_inputs_takes_long(first: int, tmp_path: Path) -> None:
    seeds = range(first, first + 100)
    assert [wrong for seed in seeds if (wrong := run(slow_inputs.written(seed, tmp_path / str(seed))))] == []
