"""Plain command lines give what click makes of them; all others are left to click."""

import importlib
import shlex
from pathlib import Path

import click
import pytest

from archcalc.command import Settings
from archcalc.usage.declared import SUMMARIES, Declared
from archcalc.usage.group import root
from archcalc.usage.plain import read
from tests.commands.test_help import EXAMPLES

CONTEXT = click.Context(root, info_name="archcalc", obj=Settings())

PLAIN = [
    "report resnet50",
    "report lenet5 resnet50@resnet101 --no-cache --cache",
    "report a.yaml --set H=448 --set=w=2 --batch 4 --batch=8 --depth 2",
    "report -e conv(3,8) -e fc(10) --units exact --train --optimizer adamw --implementation fused --top 3",
    "report",
    "report '' --columns= --sort params",
    "check specs --select AR1,AR2 --ignore AR3 --strict --fix --format json",
    "generate resnet50 -o out.py",
    "verify lenet5 --device cpu --time 0",
    "serve lenet5 --port 65535",
    "explain resnet50 stem",
    "new cnn --schema",
    "import py:a:B --input 3,8,8 --verify",
]

OTHERS = [
    "",
    "nothing",
    "-q report resnet50",
    "report --help",
    "report -h",
    "report resnet50 --nothing",
    "solve resnet50",
    "report resnet50 --bat 4",
    "report resnet50 --batch",
    "report resnet50 --batch 0",
    "report resnet50 --batch x",
    "report resnet50 --batch --train",
    "report resnet50 -o -",
    "report resnet50 -oout.html",
    "report resnet50 --train=1",
    "report resnet50 --convention nothing",
    "report resnet50 --machine nothing",
    "report -",
    "report -- resnet50",
    "serve lenet5 --port 65536",
    "new nothing",
    "new cnn resnet",
    "new",
    "specs list",
    "help report",
    "completion bash",
    "config",
]


def by_click(arguments: list[str]) -> dict[str, object]:
    """The values that click gives to the command."""
    name, *words = arguments
    command = root.get_command(CONTEXT, name)
    assert command
    return command.make_context(name, words, parent=CONTEXT).params


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("_ARCHCALC_COMPLETE", raising=False)


@pytest.mark.parametrize("line", [*PLAIN, *(each.partition(" ")[2] for each in EXAMPLES)])
def test_a_plain_line_has_the_values_that_click_gives(line: str) -> None:
    arguments = shlex.split(line)
    plain = read(arguments)
    if plain is None:
        assert line not in PLAIN
        return
    expected = by_click(arguments)
    assert dict(plain.values) == expected
    assert {name: type(value) for name, value in plain.values.items()} == {
        name: type(value) for name, value in expected.items()
    }


@pytest.mark.parametrize("line", OTHERS)
def test_click_reads_all_other_lines(line: str) -> None:
    assert read(shlex.split(line)) is None


def test_click_reads_the_line_where_options_are_configured(tmp_path: Path) -> None:
    (tmp_path / "archcalc.toml").write_text('units = "exact"\n')
    assert read(["report", "lenet5"]) is None
    assert read(["cache"]) is not None


def test_most_commands_can_be_called_plainly() -> None:
    commands = {name: importlib.import_module(f"archcalc.commands.{name}").command for name in SUMMARIES}
    others = {name for name, command in commands.items() if not isinstance(command, Declared)}
    assert others == {"specs", "config", "completion", "help"}
