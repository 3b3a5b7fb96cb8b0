"""Programs of torch.export: read from the JSON in the file, without weights, pickles or torch's loader."""

import io
import json
import random
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archcalc.core.diagnostic import SpecError
from archcalc.importing.from_pt2 import network_in
from archcalc.importing.imported import from_torch
from archcalc.importing.network import Imported
from archcalc.importing.reference import Given
from archcalc.measure import MEASURES
from tests.importing import moving_networks, networks
from tests.shell import Shell


def totals(found: Imported) -> tuple[int, int]:
    params, macs = (MEASURES[each].total(found.graph) for each in ("params", "macs"))
    return int(params), int(macs)


def exported(model: nn.Module, example: Tensor, batch: int | str, sides: bool = False) -> torch.export.ExportedProgram:
    """With a batch of this size, or a free one; `sides`: whether rows and columns are free, too."""
    free: dict[int, Any] = {0: torch.export.Dim.DYNAMIC} if batch == "free" else {}
    free |= dict.fromkeys((2, 3), torch.export.Dim.AUTO) if sides else {}
    given = example.expand(2 if batch == "free" else int(batch), *example.shape[1:]).clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(model.eval(), (given,), dynamic_shapes=(free,) if free else None)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A residual network whose pictures may have any size."""
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(exported(networks.ResNet(depth=1), torch.zeros(1, 3, 32, 32), "free", sides=True), path)
    return path


@pytest.mark.parametrize(
    ("model", "example", "batch"),
    [
        (networks.ResNet(depth=1), torch.zeros(1, 3, 32, 32), 1),
        (networks.Tied(), torch.zeros(1, 6, dtype=torch.long), "free"),
        (networks.Attention(), torch.zeros(1, 5, 12), 2),
        (networks.Attention(), torch.zeros(1, 5, 12), 1),
        (networks.Recurrent(), torch.zeros(1, 7, 4), 2),
        (moving_networks.Windows(), torch.zeros(1, 3, 8, 16), 1),
        (moving_networks.Mixed(), torch.zeros(1, 5, 8), "free"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, nn.Module) else None,
)
def test_a_program_has_the_totals_of_its_code(model: nn.Module, example: Tensor, batch: int | str) -> None:
    found = from_torch(exported(model, example, batch))
    assert totals(found) == totals(from_torch(model, example))
    assert not found.differences


def test_a_program_has_the_blocks_and_names_of_its_code(file: Path) -> None:
    found = network_in(str(file), ())
    code = from_torch(networks.ResNet(depth=1), torch.zeros(1, 3, 32, 32))
    assert found.spec.partition("blocks:")[2] == code.spec.partition("blocks:")[2]
    assert found.program.stored.keys() == code.program.stored.keys()
    assert any("networks.py" in str(each.where) for each in found.program.operations)


def test_sizes_that_the_file_leaves_free_are_given(file: Path) -> None:
    larger = network_in(str(file), [Given((3, 64, 96))])
    assert totals(larger) == totals(from_torch(networks.ResNet(depth=1), torch.zeros(1, 3, 64, 96)))
    with pytest.raises(SpecError) as error:
        network_in(str(file), [Given((4, 64, 96))])
    assert "exported for [3, 32, 32]" in error.value.diagnostics[0].message


def test_every_command_takes_the_file_and_none_runs_its_code(file: Path, shell: Shell) -> None:
    made = shell("import", str(file))
    assert (made.code, "runs the code" in made.err) == (0, False)
    assert "as torch counts them" in made.err
    assert '"params": 6226' in shell("report", str(file), "--format", "json").out
    assert shell("import", str(file), "--run-on", "cpu").code == 2


def changed(file: Path, change: Callable[[dict[str, Any]], None], only_program: bool = False) -> io.BytesIO:
    """The file with another program; `only_program`: without everything else."""
    whole = io.BytesIO()
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(whole, "w") as after:
        for each in before.namelist():
            data = before.read(each)
            if each.endswith("models/model.json"):
                program = json.loads(data)
                change(program)
                data = json.dumps(program).encode()
            elif only_program:
                continue
            after.writestr(each, data)
    whole.seek(0)
    return whole


def test_neither_weights_nor_the_example_are_needed(file: Path) -> None:
    assert totals(network_in(changed(file, lambda program: None, only_program=True), ())) == (6226, 432288)


@pytest.mark.parametrize(
    "target",
    ["os.system", "torch.ops.aten.from_file.default", "torch.ops.mine.op.default", "_operator.attrgetter", "eval",
     "torch.ops.aten.__class__.default", "torch.ops.higher_order.cond"],
)  # fmt: skip
def test_only_operators_of_torch_run(target: str, file: Path) -> None:
    def change(program: dict[str, Any]) -> None:
        program["graph_module"]["graph"]["nodes"][2]["target"] = target

    with pytest.raises(SpecError) as error:
        network_in(changed(file, change), ())
    (found,) = error.value.diagnostics
    assert found.code == "AC533"
    assert found.location is not None
    assert found.location.source.name.endswith("networks.py")


def test_what_is_no_program_is_refused(tmp_path: Path, file: Path) -> None:
    for name, data in {"a": b"", "b": b"PK", "c": file.read_bytes()[:3000]}.items():
        path = tmp_path / f"{name}.pt2"
        path.write_bytes(data)
        with pytest.raises(SpecError) as error:
            network_in(str(path), ())
        assert error.value.diagnostics[0].code == "AC532"


def mutate(tree: Any, rng: random.Random) -> None:
    """Changes one value somewhere in a document."""
    while True:
        key = rng.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
        if isinstance(tree[key], dict | list) and tree[key] and rng.random() < 0.9:
            tree = tree[key]
            continue
        tree[key] = rng.choice((None, -1, 0, 3, 1 << 40, "x", [], {}, [1], {"as_int": 7}, True))
        return


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that makes tensors of the batch that the file states."""
    path = tmp_path_factory.mktemp("exported") / "recurrent.pt2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(exported(networks.Recurrent(), torch.zeros(1, 7, 4), 2), path)
    return path


@pytest.mark.parametrize("of", ["file", "recurrent"])
def test_mutants_are_read_or_reported(of: str, request: pytest.FixtureRequest) -> None:
    rng, file = random.Random(0), request.getfixturevalue(of)
    codes = [code_of(changed(file, lambda program: mutate(program["graph_module"]["graph"], rng))) for _ in range(60)]
    assert set(codes) <= {"", "AC501", "AC522", "AC532", "AC533"}
    assert 0 < codes.count("") < 60


def test_a_tensor_where_a_size_stands_is_refused(recurrent: Path) -> None:
    def change(program: dict[str, Any]) -> None:
        nodes = program["graph_module"]["graph"]["nodes"]
        zeros = next(each for each in nodes if each["target"].startswith("torch.ops.aten.zeros"))
        zeros["inputs"][0]["arg"] = {"as_tensors": [{"name": "x"}]}

    assert code_of(changed(recurrent, change)) == "AC533"


def code_of(file: io.BytesIO) -> str:
    """The code of what is wrong with a file; empty if it is read."""
    try:
        network_in(file, ())
    except SpecError as error:
        return error.diagnostics[0].code
    return ""
