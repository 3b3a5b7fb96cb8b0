"""Options and commands of other tools: explained by their meaning, and none of them is one of ours."""

import click
import pytest

from archcalc.usage.declared import SUMMARIES
from archcalc.usage.foreign import ADVICE, COMMANDS, OPTIONS
from archcalc.usage.group import root
from tests.shell import Shell


def options() -> set[str]:
    """The options of all commands."""
    context = click.Context(root)
    commands = (root.get_command(context, each) for each in root.list_commands(context))
    return {option for command in commands if command for each in command.params for option in each.opts}


def test_what_is_suggested_exists() -> None:
    assert {meant.split(" ")[0] for meant in OPTIONS.values()} <= options()
    assert set(COMMANDS.values()) <= set(SUMMARIES)
    assert not set(COMMANDS) & set(SUMMARIES)


@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        (["report", "lenet5", "--batch-size", "2"], "write --batch"),
        (["report", "lenet5", "--json"], "write --format json"),
        (["report", "lenet5", "--memory"], "write --train"),
        (["report", "lenet5", "--variant", "a"], ADVICE["--variant"]),
        (["report", "lenet5", "--device", "cpu"], "`verify` has it"),
        (["report", "lenet5", "--version"], "write it before the command: archcalc --version report"),
        (["report", "lenet5", "--batch", "x"], "a whole number of at least 1 is needed, got 'x'"),
        (["summary", "lenet5"], "did you mean 'report'?"),
        (["plot", "lenet5"], "did you mean 'draw'?"),
    ],
)
def test_a_word_of_another_tool_is_explained(shell: Shell, arguments: list[str], help: str) -> None:
    outcome = shell(*arguments)
    assert outcome.code != 0
    assert help in outcome.err
