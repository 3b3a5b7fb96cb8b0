"""Code that reads values runs with them, on the processor: what it decides holds for that run."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archcalc.importing.agreement import agreement_of
from archcalc.importing.imported import from_torch
from archcalc.importing.network import Imported
from archcalc.measure import MEASURES
from tests.importing import networks
from tests.shell import Shell


def totals(found: Imported) -> tuple[int, int]:
    params, macs = (MEASURES[each].total(found.graph) for each in ("params", "macs"))
    return int(params), int(macs)


def of_torch(model: nn.Module, example: Tensor) -> tuple[int, int]:
    """As torch counts them for the first sample."""
    twin, counter = copy.deepcopy(model).eval(), FlopCounterMode(display=False)
    with torch.no_grad():
        twin(example[:1])  # lazy modules get their sizes
        with counter:
            twin(example[:1])
    return sum(each.numel() for each in twin.parameters()), counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (networks.ValueBranch(), torch.ones(2, 4)),
        (networks.Chosen(), torch.ones(2, 4)),
        (networks.Value(), torch.ones(2, 4)),
        (networks.Lazy(), torch.ones(2, 3, 8, 8)),
        (networks.ResNet(), torch.ones(2, 3, 32, 32)),
        (networks.Rows(), torch.ones(2, 3, 12, 10)),
        (networks.Experts(), torch.ones(1, 4)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_totals_of_a_run_with_values_are_those_of_torch(model: nn.Module, example: Tensor) -> None:
    torch.manual_seed(1)
    for each in model.parameters():
        if not isinstance(each, nn.UninitializedParameter):
            nn.init.uniform_(each, 0.1, 1.0)
    found = from_torch(model, example, run_on="cpu")
    idle = sum(found.program.stored[name].numel for name in found.program.idle)
    params, macs = of_torch(model, example)
    assert totals(found) == (params - idle, macs)
    assert not found.differences


def test_only_what_ran_is_in_the_spec() -> None:
    model = networks.ValueBranch()
    kinds = []
    for bias in (1.0, -1.0):
        nn.init.zeros_(model.map.weight)
        nn.init.constant_(model.map.bias, bias)
        kinds.append([node.layer.name for node in from_torch(model, torch.ones(1, 4), run_on="cpu").graph.nodes])
    assert kinds == [["linear", "relu"], ["linear"]]


def test_weights_of_an_expert_that_gets_nothing_are_said() -> None:
    model = networks.Experts()
    nn.init.zeros_(model.router.weight)
    model.router.bias.data = torch.tensor([0.0, 1.0])
    found = from_torch(model, torch.ones(1, 4), run_on="cpu")
    (said,) = (each for each in found.findings if each.code == "AC511")
    assert said.message == "20 parameters of experts are not used in this run"
    assert found.program.idle == ("experts.0.weight", "experts.0.bias")
    assert totals(found) == (30, 24)


def test_the_command_runs_it_where_the_message_says(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ("import", "tests/importing/networks.py:Value", "--input", "4")
    refused = shell(*given)
    assert "--run-on cpu" in refused.err
    found = shell(*given, "--run-on", "cpu")
    assert found.code == 0
    assert "# run with values" in found.out
    assert "--run-on cpu" in found.out
    assert found.out == shell(*given, "--run-on", "cpu").out
    assert shell(*given, "--run-on", "cpu", "--verify").code == 2


def test_writing_into_a_view_changes_the_tensor_that_it_is_a_view_of() -> None:
    found = from_torch(networks.Written(), torch.zeros(2, 4))
    functions = [step.function for step in found.lowered.steps if step.kind == "opaque"]
    assert functions == ["copy_"]
    assert totals(found) == (60, 48)
    assert [each.function for each in found.lowered.steps if each.kind == "split"] == ["chunk"] * 3


class Buckets(nn.Module):
    """Computes the rows of a table in place."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4)

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.arange(3, device=x.device)
        rows += 2 * (rows > 0)
        rows.mul_(2)
        y: Tensor = x + self.table(rows)
        return y


def test_constants_that_are_changed_in_place_keep_their_numbers() -> None:
    """Counting what a call multiplies runs it again, which must not change anything."""
    found = from_torch(Buckets(), torch.zeros(1, 3, 4))
    assert [step.numbers() for step in found.lowered.steps if step.numbers] == [(0, 6, 8)]
    assert agreement_of(Buckets().eval(), {"x": torch.zeros(1, 3, 4)}, {}).holds
