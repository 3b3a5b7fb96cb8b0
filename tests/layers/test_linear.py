"""`linear` acts on the last axis, as torch's does; `fc`, the lectures' word for it, flattens positions first."""

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.graph.loading import load_text
from archcalc.layers.linear import Linear
from archcalc.measures.params import params

SPEC = "archcalc: 1\ninput: [64, 100]\n{}layers:\n- {}\n"


def weights(layers: str, defaults: str = "") -> int:
    return sum(int(params(node)) for node in load_text(SPEC.format(defaults, layers)))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("fc(8)", (64 * 100 + 1) * 8),
        ("linear(8, flatten=true)", (64 * 100 + 1) * 8),
        ("flatten -> linear(8)", (64 * 100 + 1) * 8),
        ("conv(1, 8)", (64 + 1) * 8),
        ("tokens -> linear(8)", (64 + 1) * 8),
        ("tokens -> fc(8)", (64 + 1) * 8),
    ],
)
def test_each_way_to_write_it_has_its_own_number_of_weights(layers: str, expected: int) -> None:
    assert weights(layers) == expected


@pytest.mark.parametrize("call", ["linear(8)", "fc(8, flatten=false)"])
def test_linear_rejects_channels_before_positions_and_names_what_may_be_meant(call: str) -> None:
    with pytest.raises(SpecError) as rejected:
        load_text(SPEC.format("", call))
    [only] = rejected.value.diagnostics
    for written in ("flatten -> linear(8)", "conv(1, 8)", "tokens -> linear(8)"):
        assert written in only.help
        assert weights(written)


def test_both_words_are_one_layer_with_the_same_defaults() -> None:
    defaults = "defaults: {linear: {bias: false}}\n"
    assert weights("fc(8)", defaults) == 64 * 100 * 8
    assert weights("tokens -> linear(8)", defaults) == 64 * 8
    [node] = load_text(SPEC.format("", "fc(8)")).nodes
    assert isinstance(node.layer, Linear)
    assert (node.name, node.layer.name) == ("fc1", "linear")
