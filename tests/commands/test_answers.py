"""Answers are given again while everything is as it was, and never otherwise."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archcalc.command import run
from archcalc.core import answers
from archcalc.core.answers import ENVIRONMENT, VARIABLE, asked_for, conditions, folder, kept, remove_oldest
from archcalc.graph.loading import read_from_specs
from tests.networks.zoo import ROOT
from tests.shell import Shell

SPEC = """\
archcalc: 1
name: Net
import: [parts.yaml, base]
input: [3, 8, 8]
layers: [part(4), flatten, fc(2)]
"""
PARTS = "archcalc: 1\nblocks: {part(c): [conv(3, c)]}\n"

Ask = Callable[..., tuple[bool, int, str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec and what it imports, in which answers are kept."""
    monkeypatch.delenv(VARIABLE)
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(answers, "MOST_CLOCKS_DIFFER", 0)  # the code of this checkout may have been written just now
    inside = tmp_path / "above" / "inside"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    (inside / "net.yaml").write_text(SPEC.replace(", base", ""))
    (inside / "parts.yaml").write_text(PARTS)
    return inside


@pytest.fixture
def ask(place: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command line; says whether an earlier answer was given, the exit code and what was printed."""

    def asked(*arguments: str) -> tuple[bool, int, str]:
        wanted = asked_for(list(arguments))
        if wanted and (found := wanted.again()):
            return True, found[0], "".join(text for _, text in found[1])
        code = wanted.answered(lambda: run(arguments)) if wanted else run(arguments)
        said = capsys.readouterr()
        return False, code, said.out + said.err

    return asked


@pytest.mark.parametrize(
    "command", ["report net.yaml", "report net.yaml lenet5 --train", "check .", "check net.yaml --format json"]
)
def test_an_answer_is_given_again_as_it_was(command: str, ask: Ask) -> None:
    first, second = ask(*command.split()), ask(*command.split())
    assert (first[0], second[0]) == (False, True)
    assert first[1:] == second[1:]
    assert len(second[2]) > 20


def test_what_a_command_exits_with_and_says_on_each_stream_is_given_again(place: Path, ask: Ask) -> None:
    (place / "bad.yaml").write_text(SPEC.replace("part(4)", "conv(9, 4)").replace("[parts.yaml, base]", "parts.yaml"))
    assert [ask("check", "bad.yaml")[:2] for _ in range(2)] == [(False, 1), (True, 1)]
    (place / "good.yaml").write_text("archcalc: 1\ninput: [3]\nlayers: fc(2)\n")
    assert ask("check", "good.yaml") == (False, 0, "1 network checked, no problems\n")
    found = asked_for(["check", "good.yaml"])
    assert found
    assert found.again() == (0, [("stderr", "1 network checked, no problems\n")])


CHANGES: dict[str, Callable[[Path], object]] = {
    "the spec": lambda place: (place / "net.yaml").write_text((place / "net.yaml").read_text() + "about: other\n"),
    "the spec, with its size and time": lambda place: rewritten(place / "net.yaml", "fc(2)", "fc(3)"),
    "an imported file": lambda place: (place / "parts.yaml").write_text(PARTS.replace("3", "5")),
    "an imported file is gone": lambda place: (place / "parts.yaml").unlink(),
    "a configuration beside it": lambda place: (place / "archcalc.toml").write_text("units = 'exact'\n"),
    "a configuration above it": lambda place: (place.parent / "pyproject.toml").write_text("[tool.archcalc]\n"),
    "a configuration in place of another": lambda place: (place / "pyproject.toml").write_text("[project]\n"),
    "a file of the name of a bundled spec": lambda place: (place / "lenet5").write_text(SPEC),
    "another spec in the folder": lambda place: (place / "other.yaml").write_text(PARTS),
    "a spec in a folder of the folder": lambda place: written_below(place / "a" / "b.yaml"),
}


def written_below(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("")


def rewritten(file: Path, old: str, new: str) -> None:
    known = file.stat()
    file.write_text(file.read_text().replace(old, new))
    os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_file_is_seen(change: str, place: Path, ask: Ask) -> None:
    command = ["check", "."] if "folder" in change else ["report", "lenet5", "net.yaml"]
    assert [ask(*command)[0] for _ in range(2)] == [False, True]
    CHANGES[change](place)
    assert not ask(*command)[0]


def test_a_file_of_the_name_of_an_imported_bundled_spec_is_seen(place: Path, ask: Ask) -> None:
    (place / "net.yaml").write_text(SPEC.replace("base", "resnet50"))
    assert [ask("report", "net.yaml")[0] for _ in range(2)] == [False, True]
    (place / "resnet50").write_text("archcalc: 1\nblocks: {stem: [relu]}\n")
    assert not ask("report", "net.yaml")[0]


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_change_of_the_environment_is_seen(name: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [ask("report", "net.yaml")[0] for _ in range(2)] == [False, True]
    monkeypatch.setenv(name, "61")
    assert not ask("report", "net.yaml")[0]


def test_a_terminal_and_its_width_are_seen(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {conditions(["report"])}
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for columns in (80, 81):
        monkeypatch.setattr(os, "get_terminal_size", lambda _, columns=columns: os.terminal_size((columns, 24)))
        monkeypatch.setattr(sys, "__stdout__", sys.stderr)
        found.add(conditions(["report"]))
    assert len(found) == 3


def test_options_the_folder_and_the_path_of_modules_are_seen(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {conditions(["report", "a"]), conditions(["report", "b"]), conditions(["report", "a", "--train"])}
    monkeypatch.setattr(sys, "path", [*sys.path, "/other"])
    found.add(conditions(["report", "a"]))
    monkeypatch.chdir("..")
    found.add(conditions(["report", "a"]))
    assert len(found) == 5


def test_a_new_module_is_seen_and_what_python_compiles_is_not(tmp_path: Path) -> None:
    before = answers.modules(str(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    assert answers.modules(str(tmp_path)) == before
    (tmp_path / "new.py").write_text("")
    assert answers.modules(str(tmp_path)) != before


def test_a_change_of_code_is_seen(place: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of archcalc and its libraries: all that is loaded, and the folders of archcalc's packages."""
    module = place.parent / "some_library.py"
    module.write_text("")
    os.utime(module, (1, 1))
    monkeypatch.syspath_prepend(str(place.parent))
    monkeypatch.setitem(sys.modules, "some_library", __import__("some_library"))
    assert [ask("report", "net.yaml")[0] for _ in range(2)] == [False, True]
    os.utime(module, (2, 2))
    assert [ask("report", "net.yaml")[0] for _ in range(2)] == [False, True]
    monkeypatch.setattr(answers, "MOST_CLOCKS_DIFFER", 2 * 10**9)
    module.write_text("\n")
    assert [ask("report", "net.yaml")[0] for _ in range(2)] == [False, False], "changed during the run, perhaps"
    known = dict(answers.code())
    assert {answers.__file__, str(ROOT / "archcalc" / "layers"), str(ROOT / "archcalc" / "core" / "version.py")} <= {
        *known
    }


@pytest.mark.parametrize(
    "command",
    [
        "report net.yaml --no-cache",
        "report net.yaml -o out.md",
        "report net.yaml -o -",
        "check net.yaml --fix",
        "check --no-cache net.yaml",
        "check missing.yaml",
        "report missing.yaml",
        "report net.yaml --sort nothing",
        "generate net.yaml",
    ],
)
def test_other_answers_are_not_kept(command: str, place: Path, ask: Ask) -> None:
    for _ in range(2):
        assert not ask(*command.split())[0]
    assert not (place.parent.parent / "cache").exists()


def test_the_user_may_want_none_kept(place: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "archcalc.toml").write_text("cache = false\n")
    assert [ask("report", "net.yaml")[0] for _ in range(2)] == [False, False]
    assert [ask("report", "net.yaml", "--cache")[0] for _ in range(2)] == [False, True]
    monkeypatch.setenv(VARIABLE, "1")
    assert not ask("report", "net.yaml", "--cache")[0]


def test_standard_input_and_code_are_not_kept(place: Path) -> None:
    assert read_from_specs(["net.yaml", "resnet50@resnet101"])
    (place / "config.json").write_text('{"model_type": "llama"}')
    assert not any(read_from_specs([each]) for each in ("-", "-@small", "py:net:Net", "model.onnx", "config.json"))


def test_a_damaged_answer_is_made_again(place: Path, ask: Ask) -> None:
    whole = ask("report", "net.yaml")[2]
    [(_, size, path)] = kept(str(folder()))
    content = Path(path).read_bytes()
    for at in range(0, size, size // 30 + 1):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]):
            Path(path).write_bytes(damaged)
            found = asked_for(["report", "net.yaml"])
            assert found
            assert found.again() is None
    assert ask("report", "net.yaml")[::2] == (False, whole)
    assert ask("report", "net.yaml")[::2] == (True, whole)


@pytest.mark.parametrize("cache", ["file", "relative", "/proc/none", "/dev/null"])
def test_without_a_folder_that_can_be_written_nothing_is_kept(
    cache: str, place: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(place / "net.yaml"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "net.yaml") if cache == "file" else cache)
    assert {ask("report", "net.yaml") for _ in range(2)} == {(False, 0, ask("report", "net.yaml")[2])}


def test_the_oldest_are_removed(tmp_path: Path) -> None:
    for age, size in enumerate((30, 20, 10)):
        (tmp_path / str(age)).write_bytes(bytes(size))
        os.utime(tmp_path / str(age), (age, age))
    assert remove_oldest(str(tmp_path), most=3, most_bytes=60) == 0
    assert remove_oldest(str(tmp_path), most=2, most_bytes=60) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["1", "2"]
    assert remove_oldest(str(tmp_path), most=2, most_bytes=29) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["2"]


def test_no_large_answer_is_kept(place: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_OF_ONE", 100)
    assert [ask("report", "net.yaml")[0] for _ in range(2)] == [False, False]


def test_answers_are_shown_and_removed(place: Path, ask: Ask, shell: Shell) -> None:
    assert "answers  0 of" in shell("cache").out
    ask("report", "net.yaml")
    assert "answers  1 of" in shell("cache").out
    assert shell("cache", "--clear").out == f"1 answers removed from {folder()}\n"
    assert shell("cache", "--clear").out == f"0 answers removed from {folder()}\n"
    assert not ask("report", "net.yaml")[0]


# --- whole processes -------------------------------------------------------------------------------------------------


def test_runs_at_the_same_time_and_a_reader_that_leaves(place: Path) -> None:
    command = [sys.executable, "-m", "archcalc", "report", "net.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(3)]
    outputs = [each.communicate()[0] for each in running]
    assert {each.returncode for each in running} == {0}
    again = subprocess.run([*command[:1], "-v", *command[1:]], capture_output=True, env=environment, check=True)
    assert {*outputs, again.stdout} == {again.stdout}
    assert len(kept(str(folder()))) == 1
    assert b"import 'click" not in again.stderr
    assert b"import 'yaml" not in again.stderr
    gone = subprocess.run(f"{' '.join(command)} | true", shell=True, capture_output=True, env=environment, check=False)
    assert (gone.returncode, gone.stderr) == (0, b"")
    if not Path("/dev/full").exists():
        return
    full = subprocess.run(
        f"{' '.join(command)} > /dev/full", shell=True, capture_output=True, env=environment, check=False
    )
    assert (full.returncode, full.stderr) == (
        1,
        b"error: standard output cannot be written: no space left on device\n",
    )


PROGRAM = """
import json, os, sys
from pathlib import Path
from archcalc.core import answers
opened, asked = [], set()
sys.addaudithook(lambda event, given: opened.append(given[0]) if event == "open" else None)
class Spied(dict):
    def get(self, name, default=None):
        asked.add(name)
        return super().get(name, default)
    def __getitem__(self, name):
        asked.add(name)
        return super().__getitem__(name)
    def __contains__(self, name):
        asked.add(name)
        return super().__contains__(name)
os.environ = Spied(os.environ)
kept = []
answers.Asked.keep = lambda self, content: kept.append(answers.loads(content))
wanted = answers.asked_for(sys.argv[1:])
asked.clear()
from archcalc.command import run
wanted.answered(run)
[(seen, code, said)] = kept
standard = os.path.dirname(os.__file__)
files = {os.path.abspath(each) for each in opened if isinstance(each, (str, bytes, os.PathLike))}
unseen = [
    each for each in files
    if each not in seen and "__pycache__" not in each and not each.startswith(standard) and os.path.isfile(each)
]
print(json.dumps([code, unseen, sorted(asked)]), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "command",
    [
        "report net.yaml resnet50 --train --optimizer adamw --timeline",
        "--color always report net.yaml lenet5 --format html",
        "check . resnet50",
    ],
)
def test_everything_that_a_run_looks_at_is_compared(command: str, place: Path) -> None:
    """The files that Python says are opened, and the variables that are asked for."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command.split()], capture_output=True, text=True, env=environment, check=True
    )
    code, unseen, asked = json.loads(ended.stderr.strip().split("\n")[-1])
    assert (code in (0, 1), unseen) == (True, [])
    assert {*asked} <= {*ENVIRONMENT, "LINES", "_ARCHCALC_COMPLETE"}, "LINES changes nothing that is printed"
