"""Looks for small inputs that take long: random networks, conditions and options over the commands that need no torch.

The unit is the CPU time of an interpreter that does nothing, measured in the same run. A command answers or refuses
within 100 of these, however large its numbers are.
"""

import os
import random
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.commands.slow_files import written

MOST = 100
"""Bare interpreters' CPU time that a command may take."""

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


def cpu(*arguments: str) -> tuple[float, int, str]:
    """The CPU seconds of a Python process, its exit code, and what it wrote to standard error."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=limit,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, done.returncode, done.stderr.decode(errors="replace")


@cache
def bare() -> float:
    return min(cpu("-c", "pass")[0] for _ in range(5))


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
    used, code, error = cpu("-m", "archcalc", *arguments)
    if used <= MOST * bare() and code in (0, 1, 2) and "Traceback" not in error and "internal error" not in error:
        return ""
    return f"{used / bare():.0f} interpreters, exit code {code}: {arguments} {error[-300:]}"


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
