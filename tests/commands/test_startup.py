"""What must not be loaded to answer quickly; how long it takes is measured in benchmarks/."""

import subprocess
import sys

import pytest

from archcalc.core.version import VERSION
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
        ["diff", "lenet5", "lenet5"],
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


READING = """
import sys
from pathlib import Path
read = []
sys.addaudithook(lambda event, given: read.append(str(given[0])) if event == "open" else None)
from archcalc.command import run
code = run(sys.argv[1:])
print(code, *sorted(Path(each).stem for each in read if Path(each).parent.name == "torch_modules"), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "read"),
    [
        (["report", "specs/resnet50.yaml"], ""),
        (["report", "specs/mixtral.yaml"], ""),
        (["generate", "specs/resnet50.yaml"], ""),
        (["generate", "specs/mixtral.yaml"], "gated_experts grouped_attention mixture top_k_router"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_modules_that_torch_lacks_are_read_where_a_source_has_them(arguments: list[str], read: str) -> None:
    command = [sys.executable, "-c", READING, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stderr.strip().split("\n")[-1].split() == ["0", *read.split()]


def test_importing_the_package_loads_none_of_it() -> None:
    program = "import sys, archcalc; print(*[name for name in sys.modules if name.startswith('archcalc')])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert sorted(ended.stdout.split()) == ["archcalc", "archcalc.core", "archcalc.core.version"]


def test_a_report_loads_the_layers_that_it_has_and_one_format() -> None:
    program = f"{PROGRAM}\nprint(*[name for name in sys.modules if name.startswith('archcalc')])"
    command = [sys.executable, "-c", program, "report", "specs/lenet5.yaml"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found = ended.stdout.strip().split("\n")[-1].split()
    for folder in ("layers", "report.formats"):
        own = {name.rpartition(".")[2] for name in found if name.startswith(f"archcalc.{folder}.")}
        assert own & {"conv", "table"}, folder
        assert own.isdisjoint({"attention", "mixture", "recurrent", "csv", "latex", "markdown"}), folder


THREAD = "threading.Thread(target=lambda: [threading.main_thread().join(), print('later')]).start()"


LIBRARIES = (
    {"fractions", "decimal", "numbers", "math", "struct", "bisect", "heapq"}  # numbers of specs, symbols
    | {"re", "enum", "copyreg", "typing", "types", "functools", "collections", "contextlib", "keyword", "operator"}
    | {"reprlib", "itertools", "importlib", "warnings", "errno", "gc", "atexit"}
    | {"encodings", "blake2", "sre"}
)
"""What a report loads of the standard library, beside what Python itself loads."""

STAGES = {
    "record", "sym", "core", "spec", "layer", "layers", "graph", "measure", "measures", "report", "pages", "usage",
    "command", "commands",
}  # fmt: skip
"""The stages of archcalc that a report runs."""


@pytest.mark.parametrize("spec", ["specs/resnet50.yaml", "lenet5"])
def test_a_report_loads_only_what_it_needs(spec: str) -> None:
    program = (
        "import sys\nbefore = {*sys.modules}\nfrom archcalc.command import run\nrun(sys.argv[1:])\n"
        "print(*(name for name in sys.modules if name not in before), file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, "report", spec, "--no-cache"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found = ended.stderr.split()
    others = {name.partition(".")[0].strip("_") for name in found if not name.startswith("archcalc")}
    assert others - LIBRARIES == set()
    own = {name.removeprefix("archcalc.") for name in found if name.startswith("archcalc.")}
    assert {name.partition(".")[0] for name in own} - STAGES == set()
    assert own.isdisjoint({"spec.full_yaml", "usage.group", "usage.help", "report.formats.csv", "spec.setting"})


@pytest.mark.parametrize("left", ["atexit.register(print, 'later')", THREAD], ids=["function", "thread"])
def test_what_is_left_to_run_runs_when_the_program_ends(left: str) -> None:
    program = f"import atexit, threading\n{left}\nfrom archcalc.__main__ import main\nmain()"
    command = [sys.executable, "-c", program, "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout.split("\n") == [f"archcalc {VERSION}", "later", ""]
