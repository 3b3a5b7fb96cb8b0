"""Networks as people write them: exact, with outputs that agree; or kept as measured, at their line."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archcalc.importing.agreement import agreement_of
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
        (networks.Volumes(), torch.zeros(1, 4, 5, 6, 6)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_outputs_agree(model: nn.Module, example: Tensor) -> None:
    assert agreement_of(model, {"x": example}, {}).holds


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
