"""Specs of the zoo against the same networks in torch, written by hand: parameters and MACs, equal."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params
from tests.networks import by_hand, by_hand_decisions, by_hand_generators, by_hand_maps, by_hand_media, by_hand_text
from tests.networks.zoo import network

FILES = (by_hand, by_hand_media, by_hand_decisions, by_hand_maps, by_hand_generators, by_hand_text)
NETWORKS = {name: make for each in FILES for name, make in each.NETWORKS.items()}


@pytest.mark.zoo
@pytest.mark.parametrize("name", NETWORKS)
def test_a_spec_equals_the_network_in_torch(name: str) -> None:
    graph = network(name)
    with torch.device("meta"):
        theirs = NETWORKS[name]().eval()
        given = [torch.zeros(x.shape, dtype=getattr(torch, x.dtype)) for x in (each.volume for each in graph.inputs)]
        with FlopCounterMode(display=False) as counted, torch.no_grad():
            theirs(*given)
    assert sum(map(params, graph)) == sum(each.numel() for each in theirs.parameters())
    assert sum(map(macs, graph)) == counted.get_total_flops() // 2
