"""What `--help` shows: options in groups that fit 80 columns, and examples that work."""

import shlex
from pathlib import Path

import click
import pytest

from archcalc.command import PROBLEMS
from archcalc.usage.declared import SUMMARIES
from archcalc.usage.group import root
from archcalc.usage.help import Command, Option
from tests.networks.zoo import SPECS
from tests.shell import Shell

CONTEXT = click.Context(root, info_name="archcalc")

COMMANDS = {name: root.get_command(CONTEXT, name) for name in SUMMARIES}

ENDLESS = ("archcalc serve", "archcalc selftest")
"""Commands that run until they are interrupted, the page and the language server; and one that takes a minute."""

EXAMPLES = [
    example
    for command in COMMANDS.values()
    for example in getattr(command, "examples", ())
    if not example.startswith(ENDLESS)
]


@pytest.mark.parametrize("name", SUMMARIES)
def test_help_fits_80_columns_and_has_examples(name: str, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = shell(name, "--help").out
    assert max(map(len, text.splitlines())) <= 80
    command = COMMANDS[name]
    assert isinstance(command, Command)
    assert len(command.examples) >= 2
    assert text.endswith("\nExamples:\n" + "".join(f"  {example}\n" for example in command.examples))


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_option_is_in_a_group_and_says_what_it_does(name: str) -> None:
    command = COMMANDS[name]
    assert isinstance(command, Command)
    for each in command.params:
        if isinstance(each, click.Option):
            assert isinstance(each, Option), each.name
            assert (each.help or "").endswith("."), each.name
            assert "RANGE" not in " ".join(each.get_help_record(CONTEXT) or ())


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_works(example: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "lenet5.yaml").symlink_to(SPECS / "lenet5_1998.yaml")
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(example)
    assert program == "archcalc"
    outcome = shell(*arguments)
    assert outcome.code == (PROBLEMS if arguments[0] == "diff" else 0), outcome.err


def test_help_of_a_command_is_its_option_help(shell: Shell) -> None:
    assert shell("help", "report") == shell("report", "--help")
    assert shell("help") == shell("--help")
    assert "did you mean 'report'?" in shell("help", "reprot").err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "lenet5_1998", "--free", "w"], "verify has no option --free; "),
        (["report", "lenet5_1998", "--of", "params"], "report has no option --of; `formula` has it"),
        (["report", "lenet5_1998", "--colums", "params"], "report has no option --colums; did you mean '--columns'?"),
        (["report", "lenet5_1998", "--format", "yaml"], "unknown word 'yaml'; use one of csv, "),
        (["report", "lenet5_1998", "--format", "markdwn"], "did you mean 'markdown'?"),
        (["report", "lenet5_1998", "--columns", "field"], "did you mean 'receptive_field'?"),
        (["report", "input(3,32,32) -> conv(3,64)"], "put -e before it: -e 'input(3,32,32) -> conv(3,64)'"),
    ],
    ids=str,
)
def test_a_wrong_option_says_what_to_write(arguments: list[str], message: str, shell: Shell) -> None:
    outcome = shell(*arguments)
    assert outcome.code != 0
    assert message in outcome.err
