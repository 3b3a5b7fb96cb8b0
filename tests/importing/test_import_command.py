"""The command `import`, and references to code where a spec is expected."""

from pathlib import Path

import pytest

from archcalc.command import PROBLEMS
from archcalc.core.diagnostic import SpecError
from archcalc.importing.reference import code_reference, given_input
from tests.networks.zoo import ROOT
from tests.shell import Shell

NETWORKS = "tests/importing/networks.py"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_import_writes_a_spec_that_every_command_reads(shell: Shell, tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    made = shell("import", f"{NETWORKS}:ResNet", "--args", "depth=1", "--input", "3,32,32", "-o", str(spec))
    assert made.code == 0
    first, *_ = made.err.splitlines()
    assert first == f"archcalc: this runs the code of {NETWORKS} (ResNet: constructor and forward) with your rights"
    assert "as torch counts them" in made.err
    text = spec.read_text()
    assert f"source: \"archcalc import {NETWORKS}:ResNet --args 'depth=1' --input 3,32,32\"" in text
    assert shell("check", str(spec)).code == 0


def test_a_reference_stands_where_a_spec_stands(shell: Shell) -> None:
    found = shell("report", f"py:{NETWORKS}:Mapping", "--input", "4")
    assert found.code == PROBLEMS  # its forward takes a mapping
    found = shell("report", f"py:{NETWORKS}:ResNet(depth=1)", "--input", "3,32,32", "--columns", "layer,params")
    assert found.code == 0
    assert "residual2.conv1" in found.out


def test_a_part_is_imported_on_the_shapes_that_it_sees(shell: Shell) -> None:
    found = shell("import", f"{NETWORKS}:ResNet", "--input", "3,32,32", "--until", "layer2")
    assert found.code == 0
    assert "input: [8, 8, 8]" in found.out
    missing = shell("import", f"{NETWORKS}:ResNet", "--input", "3,32,32", "--until", "layer5")
    assert missing.code == PROBLEMS
    assert "did you mean 'layer" in missing.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((f"{NETWORKS}:ResNet",), "its forward takes (x: torch.Tensor)"),
        ((f"{NETWORKS}:ResNot", "--input", "4"), "did you mean 'ResNet'?"),
        ((f"{NETWORKS}:ResNet", "--args", "width=4", "--input", "4"), "it takes (depth: int = 2)"),
        (("no_such_module:Net", "--input", "4"), "No module named 'no_such_module'"),
        (("nothing.py:Net", "--input", "4"), "there is no file nothing.py"),
        ((NETWORKS, "--input", "4"), "is code, which runs only if it is asked to"),
        ((f"py:{NETWORKS}", "--input", "4"), f"write py:{NETWORKS}:"),
        ((f"{NETWORKS}:ResNet", "--input", "3x32"), "is not the shape of an input"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(given: tuple[str, ...], said: str, shell: Shell) -> None:
    found = shell("import", *given)
    assert found.code == PROBLEMS
    assert said in found.err
    assert "Traceback" not in found.err


def test_the_name_of_a_file_is_no_code_to_run(shell: Shell) -> None:
    found = shell("report", f"{NETWORKS}:ResNet", "--input", "3,32,32")
    assert found.code == PROBLEMS
    assert "this runs the code" not in found.err


@pytest.mark.parametrize(
    "text", ["__import__('os')", "depth=open('x')", "depth", "**{}", "depth=1)(", "a=[x for x in y]"]
)
def test_arguments_are_literals(text: str) -> None:
    with pytest.raises(SpecError):
        code_reference("a.py:Net", text)


def test_a_shape_of_an_input_has_a_name_and_a_dtype() -> None:
    found = given_input("ids=128:int64")
    assert (found.name, found.shape, found.dtype) == ("ids", (128,), "int64")
