"""The modules in a file are named without running it."""

from pathlib import Path

from archcalc.importing.named_modules import how_to_name, modules_in
from tests.shell import Shell

TEXT = """
import os
from torch import nn

os.abort()


class Data:
    pass


class Block(nn.Module):
    def forward(self, x):
        return x


class Net(nn.Module):
    def forward(self, x):
        return x
"""


def test_nothing_of_a_file_runs_to_say_what_is_in_it(tmp_path: Path, shell: Shell) -> None:
    file = tmp_path / "net.py"
    file.write_text(TEXT)
    assert modules_in(str(file)) == ["Block", "Net"]
    for reference in (str(file), f"py:{file}"):
        found = shell("report", reference, "--input", "4")
        assert f"it has Block, Net: write py:{file}:Net --input 3,224,224" in found.err


def test_a_file_that_is_none_has_no_modules(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    assert not modules_in(str(file))
    for text in ("class Net(", "(" * 10_000, "x\0", "x = 1"):
        file.write_text(text)
        assert not modules_in(str(file))
    assert how_to_name("net.py").startswith("name a class or a function in it")
