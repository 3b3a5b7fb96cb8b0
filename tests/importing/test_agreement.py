"""Outputs agree for what is right, and differ for what totals do not show."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from archcalc.core.diagnostic import SpecError
from archcalc.importing import agreement, tape
from archcalc.importing.agreement import TOLERANCE, Agreement, agreement_of, copied, draw, error_of
from archcalc.importing.imported import imported
from archcalc.importing.network import Imported
from tests.importing import moving_networks, networks, shared_networks
from tests.shell import Shell

IMAGE = torch.zeros(1, 3, 32, 32)


class Alike(nn.Module):
    """Layers of the same shapes, whose exchange no total shows."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 3, 3, padding=1)
        self.b = nn.Conv2d(3, 3, 3, padding=1)
        self.c = nn.Conv2d(3, 3, (1, 3), padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([torch.relu(self.a(x)) + x, self.c(self.b(x))], 1)


@pytest.mark.parametrize(
    ("model", "example", "sizes"),
    [
        (networks.ResNet(), IMAGE, 2),
        (Alike(), IMAGE, 2),
        (networks.Tied(), torch.zeros(1, 6, dtype=torch.long), 2),
        (networks.Shared(), torch.zeros(1, 4), 1),
        (networks.Recurrent(), torch.zeros(1, 7, 4), 2),
        (nn.TransformerEncoderLayer(12, 4, 24, batch_first=True), torch.zeros(1, 5, 12), 2),
        (networks.Lazy(), torch.zeros(1, 3, 8, 8), 1),
        (networks.Listed(), torch.zeros(1, 3, 8, 8), 2),
        (networks.Weighing(), torch.zeros(1, 5, 12), 2),
        (moving_networks.Windows(), torch.zeros(1, 3, 8, 16), 2),
        (moving_networks.Heads(), torch.zeros(1, 5, 12), 2),
        (moving_networks.Pixels(), torch.zeros(1, 3, 4, 6), 2),
        (moving_networks.Mixed(), torch.zeros(1, 5, 8), 2),
        (moving_networks.Parts(), torch.zeros(1, 3, 5, 8), 2),
        (moving_networks.Frames(), torch.zeros(1, 5, 3, 8, 8), 2),
        (networks.Functional(), torch.zeros(1, 3, 8, 8), 2),
        (moving_networks.Positions(), torch.zeros(1, 7, dtype=torch.long), 1),
        (shared_networks.ShiftedWindows(), torch.zeros(1, 4, 6, 8), 1),
        (shared_networks.Rotary(), torch.zeros(1, 5, 12), 2),
        (shared_networks.Biases(), torch.zeros(1, 4, 8), 1),
        (shared_networks.Reductions(), torch.zeros(1, 6, 8, 8), 1),
        (shared_networks.OneBias(), torch.zeros(1, 3, 8, 8), 2),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_generated_module_gives_the_outputs_of_the_original(model: nn.Module, example: Tensor, sizes: int) -> None:
    found = agreement_of(model, {"x": example}, {})
    assert found.holds
    assert len(found.errors) == sizes


def text(before: str, after: str) -> Callable[[Imported], Imported]:
    def change(found: Imported) -> Imported:
        assert before in found.flat
        return replace(found, flat=found.flat.replace(before, after))

    return change


def exchanged(found: Imported) -> Imported:
    """The weights of two layers of one shape."""
    a, b = (next(each for each in found.lowered.steps if each.path == path) for path in "ab")
    a.weights, b.weights = b.weights, a.weights
    return found


def planted(change: Callable[[Imported], Imported]) -> float:
    model = Alike().double().eval()
    draw(model)
    inputs = {"x": IMAGE.double()}
    return error_of(model, change(imported(model, inputs, {}, blocks=False)), inputs, {})


def test_nothing_planted_is_no_error() -> None:
    assert planted(lambda found: found) <= TOLERANCE


def test_exchanged_weights_of_one_shape_are_seen() -> None:
    assert planted(exchanged) > 1e-3


@pytest.mark.parametrize(
    ("before", "after"), [("concat: [add_1, c]", "concat: [c, add_1]"), ("= relu", "= gelu"), ("input -> b", "a -> b")]
)
def test_what_no_total_shows_is_seen(before: str, after: str) -> None:
    assert planted(text(before, after)) > 1e-3


def test_exchanged_axes_are_seen() -> None:
    """Rows and columns of the input, which have the same length."""
    model = Alike().double().eval()
    draw(model)
    found = imported(model, {"x": IMAGE.double()}, {}, blocks=False)
    copy = copied(model, found)
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        assert agreement.relative(model(x), copy(x)) <= TOLERANCE
        assert agreement.relative(model(x), copy(x.mT).mT) > 1e-3


def test_operations_without_a_layer_are_refused_with_the_first_place() -> None:
    with pytest.raises(SpecError) as error:
        agreement_of(networks.Idle(), {"x": IMAGE}, {})
    (found,) = error.value.diagnostics
    assert found.code == "AC512"


def test_no_size_is_no_agreement() -> None:
    assert not Agreement({}).holds
    assert not Agreement({(3,): float("nan")}).holds


def test_the_command_says_the_error(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shell("import", "py:torch.nn:PReLU", "--input", "4", "--verify")
    assert found.code == 0
    assert "the outputs agree in float64" in found.err
    monkeypatch.setattr(agreement, "TOLERANCE", -1.0)
    assert shell("import", "py:torch.nn:PReLU", "--input", "4", "--verify").code == 1


class Repeated(nn.Module):
    """Repeats a table of constants for each sample, several times."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(4, 4) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        table = torch.linspace(0, 1, 12, device=x.device).view(3, 4)
        for each in self.maps:
            x = x + each(table.expand(len(x), -1, -1).to(x.dtype))
        return x


def test_repeated_constants_take_no_memory_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many elements of constants are kept with their values."""
    monkeypatch.setattr(tape, "MOST_KEPT", 60_000)
    found = agreement_of(Repeated().eval(), {"x": torch.zeros(1, 3, 4)}, {})
    assert found.holds
