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
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_outputs_agree(model: nn.Module, example: Tensor) -> None:
    assert agreement_of(model, {"x": example}, {}).holds


def test_a_first_state_that_is_not_zero_is_not_taken_for_zeros() -> None:
    found = from_torch(networks.FromOnes(), SEQUENCE)
    assert [each.function for each in found.lowered.steps if each.kind == "opaque"] == ["lstm"]
    assert not found.differences


def test_sequences_of_several_lengths_run_with_values() -> None:
    ids = torch.tensor([[3, 1, 2, 0, 0]])
    found = from_torch(networks.Packed(), ids, run_on="cpu")
    each_step = 4 * 5 * (4 + 5)
    assert MEASURES["macs"].total(found.graph) == 3 * each_step
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        nn.LSTM(4, 5, batch_first=True).to("meta")(torch.empty(1, 3, 4, device="meta"))
    assert counter.get_total_flops() // 2 == 3 * each_step
