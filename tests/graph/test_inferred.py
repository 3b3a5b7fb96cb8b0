"""Sizes of the input that torch's constructors take: they may be stated, and must be right."""

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.graph.builder import build
from archcalc.graph.inferred import inferred
from archcalc.layer import LAYERS
from archcalc.spec.document import one_liner

ARRIVING = {
    "fc(10, in_features={})": 192,
    "channels_last -> linear(10, in_features={})": 3,
    "conv(3, 8, in_channels={})": 3,
    "upconv(3, 8, in_channels={})": 3,
    "batchnorm(num_features={})": 3,
    "group_norm(3, num_channels={})": 3,
    "tokens -> lstm(5, input_size={})": 3,
    "tokens -> attention(3, embed_dim={})": 3,
    "tokens -> layernorm(normalized_shape={})": 3,
    "tokens -> layernorm(normalized_shape=[{}])": 3,
}


@pytest.mark.parametrize(("chain", "size"), ARRIVING.items(), ids=ARRIVING.keys())
def test_a_right_size_changes_nothing(chain: str, size: int) -> None:
    stated = build(one_liner(f"input(3, 8, 8) -> {chain.format(size)}"))
    name = inferred(type(stated.nodes[-1].layer))
    assert len(name) == 1
    assert stated.nodes[-1].layer.call(*stated.nodes[-1].inputs).arguments[name[0]] == size


@pytest.mark.parametrize(("chain", "size"), ARRIVING.items(), ids=ARRIVING.keys())
def test_a_wrong_size_is_answered_with_what_arrives(chain: str, size: int) -> None:
    with pytest.raises(SpecError) as caught:
        build(one_liner(f"input(3, 8, 8) -> {chain.format(size + 4)}"))
    (problem,) = caught.value.diagnostics
    assert f"but {size} arrive from " in problem.message


def test_layers_without_sizes_of_their_input_take_none() -> None:
    assert [name for name in ("relu", "maxpool", "dropout", "flatten", "add") if inferred(LAYERS[name])] == []
