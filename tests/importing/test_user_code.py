"""Networks as people write them: exact, with outputs that agree; or kept as measured, at their line."""

from math import inf, nan

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archcalc.core.diagnostic import SpecError
from archcalc.importing.agreement import agreement_of, relative
from archcalc.importing.imported import from_torch
from archcalc.measure import MEASURES
from tests.importing import user_networks as networks

SEQUENCE, IMAGE = torch.zeros(1, 7, 4), torch.zeros(1, 3, 16, 16)


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (networks.LastState(), SEQUENCE),
        (networks.BothStates(), SEQUENCE),
        (networks.Patches(), IMAGE),
        (networks.Mobile(), IMAGE),
        (networks.Skips(), IMAGE),
        (networks.FromOnes(), SEQUENCE),
        (networks.Cells(), SEQUENCE),
        (networks.OneCell(), SEQUENCE),
        (networks.Translating(), SEQUENCE),
        (networks.Letters(), torch.zeros(1, 7, 12)),
        (networks.Masked(), torch.zeros(1, 6, 12)),
        (networks.Reading(), torch.zeros(1, 6, 12)),
        (networks.WholeNumbers(), torch.zeros(1, 7, dtype=torch.long)),
        (networks.Normalised(), SEQUENCE),
        (networks.Padded(), torch.zeros(1, 6, dtype=torch.long)),
        (networks.Compared(), SEQUENCE),
        (networks.Spelled(), SEQUENCE),
        (networks.SpelledToo(), SEQUENCE),
        (networks.SpelledOut(), torch.zeros(1, 6, 12)),
        (networks.Matrices(), torch.zeros(1, 6, 12)),
        (networks.Shares(), torch.zeros(1, 6, 12)),
        (networks.Largest(), SEQUENCE),
        (networks.TurnedPairs(), SEQUENCE),
        (networks.Paired(), SEQUENCE),
        (networks.Sampled(), IMAGE),
        (networks.Graphs(), SEQUENCE),
        (networks.Bags(), torch.zeros(1, 6, dtype=torch.long)),
        (networks.Critic(), IMAGE),
        (networks.Assigned(), SEQUENCE),
        (networks.Again(), IMAGE),
        (networks.Filters(), IMAGE),
        (networks.Frames(), torch.zeros(1, 2, 5, 13, 16)),
        (networks.Channels(), torch.zeros(1, 3, 16)),
        (networks.Chunks(), torch.zeros(1, 4, 6, 7)),
        (networks.Volumes(), torch.zeros(1, 4, 5, 6, 6)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_outputs_agree(model: nn.Module, example: Tensor) -> None:
    assert agreement_of(model, {"x": example}, {}).holds


class Logarithms(nn.Module):
    """Has no number where its input is below zero."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x.clamp(max=1) + self.shift)


def test_outputs_agree_where_they_are_numbers() -> None:
    assert agreement_of(Logarithms(), {"x": SEQUENCE}, {}).holds
    with pytest.raises(SpecError) as error:
        agreement_of(Logarithms(-1.0), {"x": SEQUENCE}, {})
    assert error.value.diagnostics[0].code == "AC512"
    assert relative(torch.tensor([1.0, nan]), torch.tensor([1.0, 2.0])) == inf
    assert relative(torch.tensor([1.0, inf]), torch.tensor([1.5, inf])) == 0.5


def test_a_network_that_does_nothing_is_one_layer() -> None:
    found = from_torch(nn.Identity(), IMAGE)
    assert [each.kind for each in found.lowered.steps] == ["identity"]
    assert not found.differences


def test_lengths_that_torch_reads_are_values() -> None:
    def packed(x: Tensor, lengths: Tensor) -> Tensor:
        return nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False).data

    class Packed(nn.Module):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            return packed(x, lengths)

    with pytest.raises(SpecError) as error:
        from_torch(Packed(), SEQUENCE, torch.zeros(1, dtype=torch.long))
    assert error.value.diagnostics[0].code == "AC520"


@pytest.mark.parametrize(
    "conv",
    [nn.Conv2d(3, 4, (4, 3), padding="same"), nn.Conv2d(3, 4, 2, padding="same", dilation=3)],
)
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch copies the input
def test_windows_of_even_sizes_keep_the_size(conv: nn.Module) -> None:
    assert agreement_of(conv, {"x": IMAGE}, {}).holds


class Fifth(nn.Module):
    """Takes an element that a shorter sequence does not have, which nothing checks without values."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x[:, [0, 2, 4]])


def test_a_size_that_code_refuses_with_values_alone_is_left_out() -> None:
    assert list(agreement_of(Fifth(), {"x": torch.zeros(1, 6, 4)}, {}).errors) == [(6, 4)]


class Turned(nn.Module):
    """One square matrix, and its transpose."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + F.linear(x, self.weight)


def test_a_matrix_and_its_transpose_are_not_one_layer() -> None:
    found = from_torch(Turned(), SEQUENCE)
    assert [each.kind for each in found.lowered.steps if each.again is not None] == []
    assert not found.differences


def test_two_inputs_may_stand_one_after_the_other_in_the_batch() -> None:
    picture = torch.zeros(1, 2, 4, 4)
    assert agreement_of(networks.Pairs(), {"x": picture, "other": picture}, {}).holds


def test_inputs_may_be_one_number_for_each_sample() -> None:
    user, age = torch.zeros(1, dtype=torch.long), torch.zeros(1)
    assert agreement_of(networks.Numbers(), {"user": user, "item": user, "age": age}, {}).holds


def test_a_network_that_runs_twice_is_readable() -> None:
    assert not from_torch(networks.Again(), IMAGE).why_flat


def test_a_cell_in_a_loop_reads_the_state_before_it() -> None:
    """A layer that runs again reads what the first run reads, so that such a cell is written as its gates."""
    found = from_torch(networks.Cells(), SEQUENCE)
    assert not found.differences
    assert not any(each.kind in ("lstm", "gru", "rnn", "opaque") for each in found.lowered.steps)


def test_sequences_of_several_lengths_run_with_values() -> None:
    ids = torch.tensor([[3, 1, 2, 0, 0]])
    found = from_torch(networks.Packed(), ids, run_on="cpu")
    each_step = 4 * 5 * (4 + 5)
    assert MEASURES["macs"].total(found.graph) == 3 * each_step
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        nn.LSTM(4, 5, batch_first=True).to("meta")(torch.empty(1, 3, 4, device="meta"))
    assert counter.get_total_flops() // 2 == 3 * each_step


def test_dropout_without_a_layer_is_left_out_and_says_so() -> None:
    found = from_torch(networks.Dropped(), IMAGE)
    assert "channel_dropout(0.2) -> alpha_dropout(0.1)" in found.spec
    assert [each.code for each in found.findings] == ["AC515", "AC515"]
    assert agreement_of(networks.Dropped(), {"x": IMAGE}, {}).holds
