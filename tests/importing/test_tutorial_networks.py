"""Networks as tutorials write them: each operation has a layer, the outputs agree, and other sizes hold."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from archcalc.importing.agreement import agreement_of
from archcalc.importing.imported import from_torch
from archcalc.importing.sizes import with_sizes
from tests.importing import tutorial_networks as networks

TOKENS, ROW = torch.zeros(1, 8, dtype=torch.long), torch.zeros(1, 6)

CASES: dict[str, tuple[Callable[[], nn.Module], dict[str, Tensor]]] = {
    "a policy": (networks.Policy, {"x": torch.zeros(1, 5), "action": torch.zeros(1, 3)}),
    "a decoder of its own words": (networks.Greedy, {"x": TOKENS}),
    "time first": (networks.TimeFirst, {"x": TOKENS}),
    "capsules": (networks.Capsules, {"x": torch.zeros(1, 6, 4)}),
    "a causal mask": (networks.Causal, {"x": TOKENS}),
    "letters": (partial(networks.Letters, "GRU"), {"x": torch.zeros(1, 3, 5)}),
    "letters with cells": (partial(networks.Letters, "LSTM"), {"x": torch.zeros(1, 3, 5)}),
    "blocks with a mask": (networks.Masked, {"x": TOKENS}),
    "pairs of words": (networks.Pairs, {"word": TOKENS[:, 0], "others": TOKENS}),
    "a mask of a function": (networks.Mapped, {"x": TOKENS}),
    "a flow": (networks.Flow, {"x": ROW}),
    "powers of time": (networks.Trend, {"x": ROW}),
    "convolutions without padding": (networks.Dilated, {"x": torch.zeros(1, 4, 24)}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_operation_has_a_layer_and_the_outputs_agree(case: str) -> None:
    build, inputs = CASES[case]
    model = build()
    found = from_torch(model, *inputs.values())
    assert (found.why_flat, found.findings) == ("", ())
    assert agreement_of(model, inputs, {}).holds


@pytest.mark.parametrize("case", ["time first", "a causal mask", "convolutions without padding"])
def test_the_spec_holds_at_other_sizes(case: str) -> None:
    build, inputs = CASES[case]
    model = build()
    _, sizes = with_sizes(model, inputs, {}, from_torch(model, *inputs.values()))
    assert sizes.tried
    assert (sizes.finding, sizes.refused) == (None, "")


def test_distributions_check_their_values_again_after_an_import() -> None:
    build, inputs = CASES["a policy"]
    before = Distribution._validate_args
    Distribution.set_default_validate_args(True)
    try:
        from_torch(build(), *inputs.values())
        assert Distribution._validate_args
    finally:
        Distribution.set_default_validate_args(before)


def test_samples_that_run_faster_than_positions_are_compared_one_by_one() -> None:
    """The same outputs in another order are others: a sum over samples would not tell."""
    build, inputs = CASES["time first"]

    class Swapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = build()

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.inner(x)
            return found.view(x.shape[1], -1, 11).transpose(0, 1).reshape(-1, 11)

    for each in (build(), Swapped()):
        assert agreement_of(each, inputs, {}).holds


def test_a_mask_of_several_blocks_is_before_them() -> None:
    build, inputs = CASES["blocks with a mask"]
    assert "block(mask_2):" in (spec := from_torch(build(), *inputs.values()).spec)
    assert spec.count("matmul") == 2


def test_outputs_are_compared_at_two_sizes_of_the_inputs_that_have_some() -> None:
    build, inputs = CASES["pairs of words"]
    assert [*agreement_of(build(), inputs, {}).errors] == [(8,), (4,)]
