"""Backward passes that save less or use more than expected: predictions compared with autograd and the allocator."""

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
    "a frozen layer after a trained one": ("[3, 12, 10]", "conv(3, 4) -> fc(2, freeze=true)"),
    "frozen attention": ("[3, 12, 10]", "conv(3, 4) -> tokens -> attention(2, freeze=true)"),
    "frozen, over tokens": ("[3, 12, 10]", "conv(3, 4) -> tokens -> fc(2, freeze=true) -> fc(3)"),
    "the largest value of all": ("[3, 33]", "conv(3, 8) -> global_maxpool -> fc(2)"),
    "the same along three axes": ("[3, 5, 5, 5]", "conv(3, 8) -> global_maxpool(keepdim=true) -> fc(2)"),
}


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("name", CHAINS)
def test_it_uses_the_predicted_memory(name: str, accumulate: bool) -> None:
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
def test_gradients_of_several_maps_are_added(given: str, begin: str, batch: int) -> None:
    """Gradients of matrices are added in place; with more axes the first one is a view, and a new tensor is made."""
    torch.manual_seed(0)
    graph = build(read_document(Source("net.yaml", BRANCHES.format(given=given, begin=begin))), batch=batch)
    assert set(differences(graph).values()) == {0}


class Looked(Layer):
    """Adds the exponentials of a learned vector to the features of every token."""

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
        return module("torch.nn.RMSNorm", forward="{0} + {module}.weight.exp()", normalized_shape=x.channels)


@pytest.mark.parametrize("length", [1, 50])
def test_the_gradient_of_a_broadcast_function_of_weights_is_reduced_after_the_kernel(length: int) -> None:
    assert set(differences(between(Looked(), (tokens(length, 40, batch=2),))).values()) == {0}


IDENTITIES = {
    "read before its input is": (
        "a -> v = conv(2, 2); v -> w = identity; v -> x = conv(3, 8); v -> y = conv(1, 2); w -> z = fc(3)",
        "x, y, z",
    ),
    "an output beside its input": ("a -> v = conv(2, 2); v -> w = identity; w -> x = identity", "v, w, x"),
    "of an input of the network": ("a -> v = identity; v -> w = identity; a -> x = conv(1, 3)", "v, w, x"),
}


@pytest.mark.parametrize(("items", "outputs"), IDENTITIES.values(), ids=IDENTITIES.keys())
def test_an_identity_is_its_input(items: str, outputs: str) -> None:
    """Autograd sees nothing of it, and an output that is there twice has two gradients."""
    layers = "\n".join(f"  - {item}" for item in items.split("; "))
    text = f"archcalc: 1\ninput: {{a: [6, 15]}}\nlayers:\n{layers}\noutputs: [{outputs}]\n"
    assert set(differences(build(read_document(Source("net.yaml", text)))).values()) == {0}
