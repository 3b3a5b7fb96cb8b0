"""What must not be loaded to answer quickly; how long it takes is measured in benchmarks/."""

import subprocess
import sys

import pytest

from tests.networks.zoo import ROOT

HEAVY = {"torch", "sympy", "networkx", "numpy", "rich", "hypothesis", "dataclasses_json", "asyncio", "unittest"}

PROGRAM = """
import sys
from archcalc.command import run
code = run(sys.argv[1:])
print(code, *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """The packages that a command leaves loaded."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    code, *names = ended.stderr.strip().split("\n")[-1].split()
    assert code == "0"
    return set(names)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["report", "resnet50"],
        ["report", "resnet50", "--format", "json"],
        ["check", "lenet5"],
        ["generate", "resnet50"],
        ["formula", "resnet50", "--free", "H,W"],
        ["formula", "resnet50", "--free", "H,W", "--format", "latex"],
        ["formula", "resnet50", "--free", "H,W", "--format", "python"],
        ["layers"],
        ["explain", "AC201"],
    ],
    ids=" ".join,
)
def test_a_command_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(*arguments) & HEAVY == set()


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]], ids=" ".join)
def test_help_and_version_load_no_layer(arguments: list[str]) -> None:
    assert "yaml" not in loaded(*arguments)


def test_importing_the_package_loads_none_of_it() -> None:
    program = "import sys, archcalc; print(*[name for name in sys.modules if name.startswith('archcalc')])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert sorted(ended.stdout.split()) == ["archcalc", "archcalc.core", "archcalc.core.version"]
