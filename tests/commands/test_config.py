"""The configuration: found upwards, shown, overridden by the command line; its mistakes are reported with places."""

import json
from pathlib import Path

import pytest

from archcalc.core.configuration import EMPTY, KEYS, configuration_of, read_configuration
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.editor.opened import Opened
from archcalc.editor.problems import all_in, errors_in
from tests.networks.zoo import SPECS
from tests.shell import Shell

TABLE = """\
[project]
name = "mine"
units = 5

[tool.archcalc]
ignore = ["AR3", "AR101"]
convention = "flops"
optimizer = "adamw"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below that of a configuration."""
    (tmp_path / "pyproject.toml").write_text(TABLE)
    below = tmp_path / "below" / "it"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return tmp_path


def test_it_is_found_upwards_and_the_nearest_holds(folder: Path) -> None:
    below = folder / "below" / "it"
    assert configuration_of(str(below)).file == str(folder / "pyproject.toml")
    assert configuration_of(str(below)).values["ignore"].value == ("AR3", "AR101")
    (folder / "below" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert configuration_of(str(below)).file == str(folder / "pyproject.toml")
    (folder / "below" / "archcalc.toml").write_text("units = 'short'\n")
    assert list(configuration_of(str(below)).values) == ["units"]
    assert configuration_of(str(folder.parent)).values == EMPTY.values


def test_it_is_the_default_of_options_and_the_command_line_wins(folder: Path, shell: Shell) -> None:
    assert "FLOPs" in shell("report", "lenet5").out
    assert "MACs" in shell("report", "lenet5", "--convention", "macs").out
    assert "MACs" in shell("--config", "none", "report", "lenet5").out
    spec = str(SPECS / "alexnet.yaml")
    assert shell("--config", "none", "check", spec).out != ""
    assert {each["code"] for each in diagnostics(shell, spec)} & {"AR301", "AR101"} == set()
    assert "AR101" in shell("check", "-e", "input(3,8,8) -> conv(3,8) -> batchnorm", "--ignore", "AR3").out


def diagnostics(shell: Shell, spec: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(shell("check", spec, "--format", "json").out)
    return found


def test_a_configured_optimizer_is_used_where_memory_is_asked_for(folder: Path, shell: Shell) -> None:
    assert "Saved bytes" not in shell("report", "lenet5").out
    assert "adamw state" in shell("report", "lenet5", "--train").out
    assert "Saved bytes" not in shell("diff", "lenet5", "lenet5_1998").out


def test_config_shows_what_holds_and_where_it_is_from(folder: Path, shell: Shell) -> None:
    text = shell("config").out
    assert text.startswith(f"{folder}/pyproject.toml\n")
    rows = {line.split()[0]: " ".join(line.split()) for line in text.splitlines()[3:]}
    assert rows.keys() == KEYS.keys()
    assert rows["ignore"] == "ignore AR3, AR101 line 6 check"
    assert rows["units"].startswith("units auto default report")
    found = json.loads(shell("config", "--format", "json").out)
    assert {row["key"]: row["value"] for row in found["settings"]}["convention"] == "flops"
    assert "no configuration" in shell("--config", "none", "config").out


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("unts = 'short'\n", "1:1", "unknown key 'unts' in the configuration"),
        ("\nunits = 3\n", "2:1", "units must be a text in quotes"),
        ("units = 'long'\n", "1:1", "units: unknown word 'long'; use one of auto, exact, short"),
        ("convention = 'flop'\n", "1:1", "convention: unknown word 'flop'; did you mean 'flops'?"),
        ("ignore = [3]\n", "1:1", "ignore must be a list of texts"),
        ("accumulate = 1\n", "1:1", "accumulate must be true or false"),
        ("machine = 'x87'\n", "1:1", "machine: there is no machine named 'x87'"),
        ("units = \n", "1:9", "invalid TOML: invalid value"),
        ("[tool.archcalc]\nunits = 'short'\n", "1:", "unknown key 'tool'"),
    ],
)
def test_a_mistake_is_reported_with_its_place(
    text: str, place: str, message: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "archcalc.toml").write_text(text)
    outcome = shell("report", "lenet5")
    assert (outcome.code, outcome.out) == (1, "")
    assert message in outcome.err
    assert f"archcalc.toml:{place}" in outcome.err


def test_a_file_can_be_named(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("convention = 'flops'\n")
    assert "FLOPs" in shell("--config", str(file), "report", "lenet5").out
    outcome = shell("--config", str(tmp_path / "none.toml"), "report", "lenet5")
    assert outcome.code == 2
    assert "cannot be read" in outcome.err


@pytest.mark.parametrize("key", ["tool.archcalc", "tool"])
def test_the_place_of_a_key_in_a_shared_file(key: str) -> None:
    head = "[tool.other]\nunit = 1\n"
    body = "[tool.archcalc]\nunit = 1\n" if key == "tool.archcalc" else "[tool]\narchcalc.unit = 1\n"
    with pytest.raises(SpecError) as caught:
        read_configuration(Source("pyproject.toml", head + body))
    [found] = caught.value.diagnostics
    assert found.location
    assert found.location.line == 3


def test_the_language_server_uses_the_configuration_of_the_file(folder: Path) -> None:
    text = "archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 8) -> batchnorm\n"

    def codes() -> list[str]:
        opened = Opened(f"file://{folder}/below/net.yaml", text)
        return [each.code for each in [*errors_in(opened), *all_in(opened)]]

    assert codes() == []
    (folder / "pyproject.toml").write_text(TABLE.replace('"AR101"', '"AR201"'))
    assert codes() == ["AR101"]
    (folder / "pyproject.toml").write_text(TABLE.replace("ignore", "ignored"))
    assert codes() == ["AC560", "AR101"]
