"""What is shown while a verification runs: the table at once, rows as they come, stages on a terminal only."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from archcalc.verification import Row, VerificationReport, Watch, verify
from archcalc.verification.certificate import to_text
from tests.shell import Shell

CHAIN = "input(1, 8, 8) -> conv(3, 4, p1) -> relu -> gap -> fc(3)"


def test_rows_and_stages_are_announced_as_they_come() -> None:
    begun: list[VerificationReport] = []
    stages: list[str] = []
    rows: list[Row] = []
    made = verify("lenet5", device="cpu", sizes=4, watch=Watch(begun.append, stages.append, rows.append))
    assert tuple(rows) == made.rows
    assert [each.rows for each in begun] == [()]
    assert [each.partition(":")[0] for each in stages] == [f"{n} of 7" for n in range(1, 8)]


def test_quick_compares_one_size_and_says_what_it_leaves_out(shell: Shell) -> None:
    made = verify("lenet5", device="cpu", quick=True)
    assert {row.at for row in made.rows} == {"[1, 32, 32]"}
    assert not any("receptive" in row.quantity or "saved" in row.quantity for row in made.rows)
    assert [row.measured for row in made.rows if row.agrees is None] == ["left out"]
    outcome = shell("verify", "-e", CHAIN, "--quick", "--device", "meta")
    assert outcome.code == 0
    assert outcome.out.endswith("all 8 comparisons agree; 1 not measured\n")


def test_what_is_written_as_it_comes_is_what_a_file_gets(shell: Shell, tmp_path: Path) -> None:
    options = ("verify", "-e", CHAIN, "--device", "meta", "--sizes", "2")
    printed = shell(*options)
    file = tmp_path / "made.txt"
    written = shell(*options, "-o", str(file))
    assert (written.code, written.out) == (0, "")
    assert file.read_text() == printed.out
    assert printed.out.endswith(to_text(verify("lenet5", device="meta"))[-len("comparisons agree\n") :])


def test_two_networks_are_separated_by_an_empty_line(shell: Shell) -> None:
    out = shell("-q", "verify", "lenet5", "two_layer", "--device", "meta", "--quick").out
    assert "\n\nTwo-layer" in out
    assert "\n\n\n" not in out


def test_a_terminal_sees_stages_and_a_pipe_does_not(shell: Shell) -> None:
    arguments = ["verify", "-e", CHAIN, "--device", "meta", "--sizes", "2"]
    piped = shell(*arguments)
    assert piped.err == ""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "archcalc", *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=slave, text=True, check=True)
    os.close(slave)
    seen = b""
    while chunk := read(master):
        seen += chunk
    os.close(master)
    assert ended.stdout == piped.out
    assert b"One-line network: 1 of 4: on meta at" in seen


def read(descriptor: int) -> bytes:
    """What a terminal shows; empty at its end, which Linux reports as an error."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
