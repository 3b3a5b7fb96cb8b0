"""What is read and written: pipes and devices as specs, imports that leave their folder, streams that are closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.overrides import Overrides
from archcalc.graph.loading import document_of

SPEC = "archcalc: 1\ninput: [3]\nlayers: fc(2)\n"


def archcalc(command: str) -> subprocess.CompletedProcess[str]:
    """A command line in a shell, which redirects its streams; it must end by itself."""
    whole = f"{sys.executable} -m archcalc {command}"
    return subprocess.run(whole, shell=True, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("text", ["{pipe}", "import: [pipe.yaml]"])
def test_a_pipe_is_refused_without_waiting_for_it(text: str, tmp_path: Path) -> None:
    pipe, spec = tmp_path / "pipe.yaml", tmp_path / "net.yaml"
    os.mkfifo(pipe)
    spec.write_text(SPEC + text.format(pipe="about: x") + "\n")
    with pytest.raises(SpecError, match="is not a regular file"):
        document_of(str(pipe) if text == "{pipe}" else str(spec))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "net.yaml").write_text(SPEC)
    ended = archcalc(f"check {tmp_path}")
    assert (ended.returncode, ended.stderr) == (0, "1 network checked, no problems\n")


def test_a_device_is_no_spec() -> None:
    ended = archcalc("report /dev/zero")
    assert (ended.returncode, "is not a regular file" in ended.stderr) == (1, True)


def folders(tmp_path: Path) -> Path:
    """A spec in a folder, and files beside that folder."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "blocks.yaml").write_text("archcalc: 1\nblocks: {b: relu}\n")
    (tmp_path / "secret.txt").write_text("root:x:0:0\n")
    return tmp_path / "nets" / "net.yaml"


@pytest.mark.parametrize("path", ["../secret.txt", "../shared/blocks.yaml", "a/../../secret.txt", "link.yaml"])
def test_an_import_stays_in_its_folder_and_nothing_outside_is_quoted(path: str, tmp_path: Path) -> None:
    spec = folders(tmp_path)
    (spec.parent / "link.yaml").symlink_to(tmp_path / "secret.txt")
    spec.write_text(f"{SPEC}import: [{path}]\n")
    with pytest.raises(SpecError, match="an import lies in the spec's folder or below") as caught:
        document_of(str(spec))
    assert "root:x" not in str(caught.value)


def test_a_root_lets_imports_lie_elsewhere(tmp_path: Path) -> None:
    spec = folders(tmp_path)
    spec.write_text("archcalc: 1\nimport: [../shared/blocks.yaml]\ninput: [3]\nlayers: b\n")
    assert document_of(str(spec), Overrides(roots=[str(tmp_path / "shared")])).library.blocks.keys() == {"b"}
    ended = archcalc(f"report {spec} --import-root {tmp_path / 'shared'}")
    assert ended.returncode == 0, ended.stderr


def test_bundled_specs_are_imported_by_name(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text("archcalc: 1\nimport: {rn: resnet50}\ninput: [3, 64, 64]\nlayers:\n  - rn.stage(64, 2)\n")
    assert "rn.stage" in document_of(str(spec)).library.blocks
    spec.write_text("archcalc: 1\nimport: {rn: resnet5}\ninput: [3, 64, 64]\nlayers: relu\n")
    with pytest.raises(SpecError, match="there is no file and no bundled spec called 'resnet5'"):
        document_of(str(spec))


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("report lenet5 >&-", 1, "error: standard output is closed\n"),
        ("report - <&-", 1, "standard input is closed"),
        ("report lenet5 > /dev/full", 1, "error: standard output cannot be written: no space left on device\n"),
        ("--help > /dev/full", 1, "error: standard output cannot be written: no space left on device\n"),
        ("report lenet5 2>&- | true", 0, ""),
    ],
)
def test_streams_that_cannot_be_used_are_a_line_and_no_fault(command: str, code: int, said: str) -> None:
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    ended = archcalc(command)
    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr
    assert "fault" not in ended.stderr
