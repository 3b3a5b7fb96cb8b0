"""What a shell completes, asked in real shells."""

import os
import pty
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click
import pytest

from archcalc.usage.completion import KINDS
from archcalc.usage.declared import SUMMARIES
from archcalc.usage.group import root
from archcalc.usage.help import Argument, Option
from tests.networks.zoo import ROOT

LINES = {
    "archcalc solv": "solve",
    "archcalc report resnet50@resnet10": "resnet50@resnet101",
    "archcalc report resnet50_v1@": "resnet50_v1@",
    "archcalc report specs/alexn": "specs/alexnet.yaml",
    "archcalc report resnet50 --colu": "--columns",
    "archcalc report resnet50 --columns params,mac": "params,macs",
    "archcalc report resnet50 --sort output_": "output_bytes",
    "archcalc report resnet50 --format mark": "markdown",
    "archcalc explain resnet50 layer1.0.conv1": "layer1.0.conv1",
    "archcalc explain AC10": "AC10",
    "archcalc check resnet50 --select AR101": "AR101",
    "archcalc report resnet50 --set dep": "depths=",
    "archcalc report resnet50 --checkpoint bottle": "bottleneck",
    "archcalc report resnet50 --machine x86-avx2": "x86-avx2",
    "archcalc layers depth_to": "depth_to_space",
}
"""A line, and what its last word becomes with the key TAB."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program `archcalc` of this checkout."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "archcalc"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m archcalc "$@"\n')
    script.chmod(0o755)
    return folder


def dialogue(shell: list[str], typed: str, program: Path) -> str:
    """What an interactive shell prints while somebody types into its terminal."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        home = str(program)
        os.execvpe(shell[0], shell, {"PATH": f"{program}:{os.environ['PATH']}", "HOME": home, "TERM": "dumb"})
    os.write(terminal, typed.encode())
    printed = b""
    with suppress(OSError):  # the end of the child
        while some := os.read(terminal, 65536):
            printed += some
    os.waitpid(child, 0)
    return printed.decode(errors="replace")


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ""),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit && compinit -u -D\n"),
}

TAB, HOME, END = "\t", "\x01", "\x05"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_word_is_completed_in_a_terminal(shell: str, program: Path) -> None:
    """Each line is typed up to the key TAB, and then printed:"""
    called, prepared = SHELLS[shell]
    asked = "".join(f"{line}{TAB}{HOME}echo 'THEN {END}' OVER\n" for line in LINES)
    script = f'{prepared}eval "$(archcalc completion {shell})"\n{asked}exit\n'
    printed = dialogue(called, script, program)
    found = [each.strip() for each in re.findall(r"^THEN (.*) OVER\r?$", printed, re.MULTILINE)]
    assert found == [f"{line.rpartition(' ')[0]} {word}" for line, word in LINES.items()], printed


def test_fish_offers_every_word(program: Path) -> None:
    """Fish itself says what it would complete a line to: what all that it offers begin with."""
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    script = "archcalc completion fish | source\n" + "".join(f"echo THEN; complete -C '{line}'\n" for line in LINES)
    environment = {"PATH": f"{program}:{os.environ['PATH']}", "HOME": str(program), "TERM": "dumb"}
    ended = subprocess.run(["fish", "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert ended.stderr == ""
    _, *found = ended.stdout.split("THEN\n")
    offered = [[line.partition("\t")[0] for line in each.splitlines()] for each in found]
    assert len(offered) == len(LINES)
    common = os.path.commonprefix  # of characters, not of folders
    made = [common(words) or line.split()[-1] for line, words in zip(LINES, offered, strict=True)]
    assert made == list(LINES.values())


def test_every_kind_of_word_can_be_asked_for() -> None:
    """Words that options declare are known, and each kind that is known is declared."""
    declared = set()
    for name in SUMMARIES:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
        declared |= {each.completes for c in commands for each in c.params if isinstance(each, Argument | Option)}
    assert declared - {""} == set(KINDS)
