"""Programs of people: what they do besides building a network does not get in the way, and what cannot be done is said
with its place."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archcalc.core.diagnostic import SpecError
from archcalc.importing.building import from_file
from archcalc.importing.imported import from_torch
from tests.shell import Shell

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(autouse=True)
def modules_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports from a file is no module for another test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith((str(PROGRAMS), str(tmp_path))):
            del sys.modules[name]


def test_a_script_trains_and_prints_beside_the_answer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["archcalc", "import", "--nonsense"])
    found = shell("import", f"py:{PROGRAMS}/script.py:Net", "--input", "4")
    assert found.code == 0
    assert "linear(8, act=relu) -> linear(2)" in found.out
    assert "epoch" not in found.out
    assert "shape" not in found.out
    assert "epoch 0" in found.err
    assert "shape: (1009, 4)" in found.err


def test_a_file_may_import_its_neighbours(shell: Shell) -> None:
    found = shell("import", f"py:{PROGRAMS}/package/model.py:Net", "--input", "3,8,8")
    assert found.code == 0
    assert "conv(3, 3" in found.out


def test_a_folder_without_init_is_a_package_too(tmp_path: Path, shell: Shell) -> None:
    for name in ("layers.py", "model.py"):
        (tmp_path / name).write_text((PROGRAMS / "package" / name).read_text())
    assert shell("import", f"py:{tmp_path}/model.py:Net", "--input", "3,8,8").code == 0


def test_code_is_built_without_compilers(shell: Shell) -> None:
    found = shell("import", f"py:{PROGRAMS}/compiled.py:Net", "--input", "3,8,8")
    assert found.code == 0
    assert "168 parameters" in found.err
    assert "silu" in found.out or "sigmoid" in found.out


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*torch.jit.script.* is deprecated")
@pytest.mark.parametrize(("name", "said"), [("Net", "the module first was"), ("Scripted", "the function swish was")])
def test_what_was_compiled_before_is_refused(name: str, said: str) -> None:
    model = getattr(from_file(PROGRAMS / "compiled.py"), name)()
    with pytest.raises(SpecError) as error:
        from_torch(model, torch.zeros(1, 3, 8, 8))
    (found,) = error.value.diagnostics
    assert found.code == "AC523"
    assert said in found.message


@pytest.mark.zoo
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_module_that_torch_compiled_runs_as_written() -> None:
    model: Any = torch.compile(nn.Sequential(nn.Linear(4, 3), nn.ReLU()))
    found = from_torch(model, torch.zeros(1, 4))
    assert not found.findings
    assert not found.differences


WRONG = {
    "broken.py": ("class Net(:\n", "SyntaxError", "broken.py:1:11"),
    "ends.py": ("import sys\nsys.exit(3)\n", "it ends the program", "ends.py:2:1"),
    "needs.py": (
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, depth):\n        super().__init__()\n",
        "it takes (depth)",
        "",
    ),
    "raises.py": (
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        raise ValueError('no!')\n",
        "ValueError: no!",
        "raises.py:6:9",
    ),
    "shapes.py": (
        "from torch import nn\n\n\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n",
        "the run has a batch of 1009 samples",
        "",
    ),
    "other.py": ("def Net():\n    return 3\n", "which is no module of torch", ""),
    "missing.py": ("class Nett:\n    pass\n", "did you mean 'Nett'?", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_program_is_said_once_with_its_place(name: str, tmp_path: Path, shell: Shell) -> None:
    text, said, place = WRONG[name]
    (tmp_path / name).write_text(text)
    found = shell("import", f"py:{tmp_path}/{name}:Net", "--input", "4")
    assert found.code == 1
    assert not found.out
    assert said in found.err
    assert place in found.err
    assert "Traceback" not in found.err
    assert "1 problem found" in found.err


def test_a_file_of_python_alone_is_refused_with_what_to_write(shell: Shell) -> None:
    found = shell("report", f"{PROGRAMS}/script.py", "--input", "4")
    assert found.code == 1
    assert f"py:{PROGRAMS}/script.py:Net" in found.err


def test_a_weight_of_one_number_is_no_constant() -> None:
    class Gate(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.alpha = nn.Parameter(torch.tensor(2.0))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.alpha) * x + self.alpha

    found = from_torch(Gate(), torch.zeros(1, 4))
    assert not found.differences
    assert "scale" not in found.flat


def test_lazy_norms_get_their_sizes() -> None:
    model = nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5))
    found = from_torch(model, torch.zeros(1, 3, 6, 6))
    assert not found.differences
