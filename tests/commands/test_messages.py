"""One mistake is one error, with the same exit code and the same form in every command."""

import re
import shlex
from pathlib import Path

import click
import pytest

from archcalc.command import INTERRUPTED, MISSING, PROBLEMS
from archcalc.usage.declared import SUMMARIES
from archcalc.usage.group import root
from archcalc.usage.help import Argument
from tests.networks.zoo import ROOT
from tests.shell import Outcome, Shell

USAGE = 2

CONTEXT = click.Context(root, info_name="archcalc")


def command_named(name: str) -> click.Command:
    found = root.get_command(CONTEXT, name)
    assert found is not None
    return found


def takes_specs(name: str) -> bool:
    return any(isinstance(each, Argument) and each.completes == "specs" for each in command_named(name).params)


SPECS = [name for name in SUMMARIES if takes_specs(name)]

NEEDED = {"solve": "--for H --near 9", "sweep": "--over H=8..16", "diff": "lenet5", "explain": ""}
"""What a command needs beside a spec. `explain` needs a layer after it."""


def line(name: str, spec: str) -> list[str]:
    """A command with a spec and what else it needs."""
    return [name, spec, *shlex.split(NEEDED.get(name, "")), *(["conv1"] if name == "explain" else [])]


def errors(outcome: Outcome) -> list[str]:
    return re.findall(r"^error(?:\[\w+\])?: .*", outcome.err + outcome.out, re.MULTILINE)


def problem_code(name: str) -> int:
    """A difference is what `diff` exits with 1 for, as other programs that compare."""
    return USAGE if name == "diff" else PROBLEMS


def test_most_commands_take_specs() -> None:
    assert {"report", "check", "verify", "generate", "formula", "solve", "sweep", "draw", "diff", "fmt"} <= set(SPECS)


@pytest.mark.parametrize("name", SUMMARIES)
def test_an_unknown_option(name: str, shell: Shell) -> None:
    outcome = shell(name, "--nonsense")
    assert (outcome.code, outcome.out) == (USAGE, "")
    first, *rest = outcome.err.splitlines()
    assert first.startswith(f"error: {name} has no option --nonsense")
    assert rest == [f"  = help: see `archcalc {name} --help`"]


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_word_too_many_or_too_few(name: str, shell: Shell) -> None:
    """Where a command needs an argument, none; where it takes none, one."""
    arguments = [each for each in command_named(name).params if isinstance(each, click.Argument)]
    if name in ("help", "specs", "layers"):  # they list what there is
        return
    outcome = shell(name) if arguments else shell(name, "one")
    assert (outcome.code, outcome.out) == (USAGE, "")
    assert len(errors(outcome)) == 1
    assert outcome.err.endswith(f"  = help: see `archcalc {name} --help`\n")


@pytest.mark.parametrize("name", SPECS)
def test_a_file_that_does_not_exist(name: str, shell: Shell) -> None:
    outcome = shell(*line(name, "missing.yaml"))
    assert outcome.code == problem_code(name)
    assert errors(outcome) == ["error[AC001]: missing.yaml does not exist"]


@pytest.mark.parametrize("name", SPECS)
def test_a_name_that_is_close_to_one(name: str, shell: Shell) -> None:
    outcome = shell(*line(name, "lnet5"))
    assert outcome.code == problem_code(name)
    assert errors(outcome) == ["error[AC021]: 'lnet5' is neither a file nor a bundled spec"]
    assert "did you mean 'lenet5'?" in outcome.err + outcome.out


@pytest.mark.parametrize("name", [each for each in SPECS if each not in ("serve", "fmt")])
def test_a_variant_that_does_not_exist(name: str, shell: Shell) -> None:
    """`serve` shows problems in the page; `fmt` reads no networks."""
    outcome = shell(*line(name, "resnet50@resnet11"))
    assert outcome.code == problem_code(name)
    assert errors(outcome) == ["error[AC116]: unknown variant 'resnet11'"]


@pytest.mark.parametrize("name", [each for each in SPECS if each not in ("serve", "fmt")])
def test_a_wrong_spec(name: str, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 8, strid=2)\n")
    outcome = shell(*line(name, str(file)))
    assert outcome.code == problem_code(name)
    assert errors(outcome) == ["error[AC120]: unknown argument 'strid' of conv"]


SUFFIXES = {"draw": ".svg", "report": ".html"}


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_file_that_cannot_be_written(name: str, shell: Shell, tmp_path: Path) -> None:
    if not any("-o" in each.opts for each in command_named(name).params) or name in ("selftest", "import"):
        return  # selftest takes a minute; import reads code
    given = {"schema": ["schema"], "new": ["new", "cnn"], "completion": ["completion", "bash"]}
    file = tmp_path / "no" / f"x{SUFFIXES.get(name, '.txt')}"
    outcome = shell(*given.get(name, line(name, "lenet5")), "-o", str(file))
    assert outcome.code == PROBLEMS
    assert errors(outcome) == [f"error: cannot write {file}: No such file or directory"]
    assert not file.parent.exists()


def test_fmt_lays_out_files_only(shell: Shell) -> None:
    assert "lenet5 is a bundled spec; fmt lays out files" in shell("fmt", "lenet5").err
    file = ROOT / "specs" / "resnet50.yaml"
    assert "leave out @resnet101" in shell("fmt", f"{file}@resnet101").err


def test_a_spec_is_not_imported(shell: Shell) -> None:
    for name in ("lenet5", "mine.yaml"):
        outcome = shell("import", name)
        assert outcome.code == USAGE
        assert errors(outcome) == [f"error: {name} is a spec: `archcalc report {name}` reads it as it is"]


def test_the_exit_codes_are_documented() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text().partition("## Exit codes and messages")[2]
    codes = [int(each) for each in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    assert codes == [0, PROBLEMS, USAGE, MISSING, INTERRUPTED]
