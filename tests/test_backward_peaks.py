"""Backward passes that keep less than they might, or take more: what is predicted against autograd and allocators."""

import pytest
import torch

from archcalc.builder import build
from archcalc.core.location import Source
from archcalc.practice import Practice
from archcalc.spec.document import read_document
from tests.footprints import differences

CHAINS = {
    "a frozen layer behind one that learns": ("[3, 12, 10]", "conv(3, 4) -> fc(2, freeze=true)"),
    "frozen attention": ("[3, 12, 10]", "conv(3, 4) -> tokens -> attention(2, freeze=true)"),
    "frozen, over tokens": ("[3, 12, 10]", "conv(3, 4) -> tokens -> fc(2, freeze=true) -> fc(3)"),
    "the largest value of all": ("[3, 33]", "conv(3, 8) -> global_maxpool -> fc(2)"),
    "the same along three axes": ("[3, 5, 5, 5]", "conv(3, 8) -> global_maxpool(keepdim=true) -> fc(2)"),
}


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("name", CHAINS)
def test_it_takes_what_is_said(name: str, accumulate: bool) -> None:
    torch.manual_seed(0)
    given, chain = CHAINS[name]
    text = f"archcalc: 1\ninput: {given}\nlayers:\n  - {chain}\n"
    graph = build(read_document(Source("net.yaml", text)), batch=3)
    assert set(differences(graph, Practice(accumulate=accumulate)).values()) == {0}
