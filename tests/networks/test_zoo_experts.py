"""Mixtures of experts: tokens kept and dropped by a capacity, and the active parameters of DeepSeek-V3."""

import pytest
import torch

from archcalc.core.volume import tokens
from archcalc.layers.mixture import Mixture
from archcalc.measures.params import active_params, buffers, params
from tests.networks.zoo import network
from tests.torch_oracle import applied


@pytest.mark.parametrize("norm", [True, False])
def test_a_capacity_with_a_slot_for_every_token_changes_nothing(norm: bool) -> None:
    x, sizes = tokens(9, 8, batch=3), dict(num_experts=4, top_k=2, hidden_features=12, norm_topk_prob=norm)
    torch.manual_seed(0)
    free, slotted = (applied(Mixture(**sizes, capacity_factor=each), [x], "cpu") for each in (None, 2.0))  # type: ignore[arg-type]
    slotted.load_state_dict(free.state_dict())
    given = torch.randn(x.shape)
    assert torch.allclose(free(given), slotted(given), atol=1e-6)


def test_later_tokens_of_a_full_expert_are_dropped() -> None:
    """All tokens of a sample prefer one expert, which has slots for half of them."""
    x = tokens(8, 4, batch=2)
    made = applied(Mixture(num_experts=2, top_k=1, hidden_features=4, capacity_factor=1.0), [x], "cpu")
    one = torch.ones(x.shape)
    found = made(one).abs().sum(-1) > 0
    assert found.tolist() == [[True] * 4 + [False] * 4] * 2


def test_deepseek_v3_has_the_published_total_and_active_elements() -> None:
    """Safetensors counts the score corrections as parameters."""
    graph = network("deepseek_v3")
    assert sum(map(params, graph)) + sum(map(buffers, graph)) == 671_026_419_200
    embedding = params(graph.nodes[0])
    assert round((sum(map(active_params, graph)) - embedding) / 1e9, 1) == 36.6
