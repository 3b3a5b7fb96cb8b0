"""Backward passes that keep less than they might, or take more: what is predicted against autograd and allocators."""

from collections.abc import Iterator

import pytest
import torch

from archcalc.core.kernel import Kernel, Run, Tensor, tensor_of
from archcalc.core.location import Source
from archcalc.core.operations import sum_of
from archcalc.core.volume import Volume, tokens
from archcalc.core.weight import Weight
from archcalc.graph.builder import build
from archcalc.layer import Call, Layer, Role, module
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.document import read_document
from tests.memory.footprints import differences
from tests.memory.test_kernel_peaks import between

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
    assert set(differences(graph, TrainingSetup(accumulate=accumulate)).values()) == {0}


BRANCHES = """
archcalc: 1
input: {given}
layers:
  - {begin}fc(6) -> a = fc(7)
  - a -> b = fc(8)
  - a -> c = fc(8)
  - a -> d = fc(8)
  - add: [b, c, d]
  - fc(3)
"""


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(("given", "begin"), [("[6]", ""), ("[6, 5]", "tokens -> "), ("[6, 3, 5]", "tokens -> ")])
def test_where_gradients_of_several_maps_meet(given: str, begin: str, batch: int) -> None:
    """Those of matrices are added up in place; with more axes the first is a view, and another tensor is made."""
    torch.manual_seed(0)
    graph = build(read_document(Source("net.yaml", BRANCHES.format(given=given, begin=begin))), batch=batch)
    assert set(differences(graph).values()) == {0}


class Looked(Layer):
    """Adds the exponentials of a vector that it learns to the features of every token."""

    role = Role.MERGE

    def shape(self, x: Volume) -> Volume:
        return x

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (x.channels,))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        made = Tensor(x.channels, x.dtype)
        yield Kernel(reads=(), makes="made", size=made, saves=("made",), weights=("weight",))
        yield sum_of(tensor_of(y), "x", "made", bias=("made",))

    def call(self, x: Volume) -> Call:
        lines = (
            "class Looked(nn.Module):",
            "    def __init__(self, features):",
            "        super().__init__()",
            "        self.weight = nn.Parameter(torch.zeros(features))",
            "    def forward(self, x):",
            "        return x + self.weight.exp()",
        )
        return module("Looked", support="\n".join(lines) + "\n", features=x.channels)


@pytest.mark.parametrize("length", [1, 50])
def test_what_is_made_of_weights_alone_and_spread_out_is_summed_when_the_kernel_has_ended(length: int) -> None:
    assert set(differences(between(Looked(), (tokens(length, 40, batch=2),))).values()) == {0}
