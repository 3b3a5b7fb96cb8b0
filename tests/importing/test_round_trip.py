"""There and back: the module that is generated for a network, imported, is the network again, layer by layer."""

import pytest

from archcalc.graph.loading import load_text
from tests.importing.going_round import came_back, differences, gone_round
from tests.networks.zoo import network, references

SOME = (
    "alexnet",
    "convnext",
    "deepfm",
    "gcn",
    "gpt2",
    "lenet5_1998",
    "mobilenet_v2",
    "nerf",
    "swin",
    "unet",
    "wav2vec2",
)
"""Networks of different kinds, which are quick."""


@pytest.mark.parametrize("name", SOME)
def test_some_networks_come_back(name: str) -> None:
    assert gone_round(network(name)).differences == ()


@pytest.mark.zoo
@pytest.mark.parametrize("name", list(references()))
def test_all_networks_come_back(name: str) -> None:
    assert gone_round(network(name)).differences == ()


HEADER = "archcalc: 1\nname: n\ninput: {x: [4, 6, 6]}\nlayers:\n"

LAYERS = """\
  - conv(3, 8, s2, p1) -> relu -> rearrange("b c h w -> b w h c", last)
  - a = linear(12)
  - a -> rearrange("b w h (g c) -> b g w (h c)", last, g=3) -> softmax(width)
  - reshape(9, 3, 4, features=first) -> channels_last -> channels_first -> b = conv(1, 6)
  - b -> tokens -> attend_to = linear(8)
  - {attend: [attend_to, attend_to, attend_to], num_heads: 2, window: 5, global_tokens: 1, name: near}
  - table = fixed_values([12, 8])
  - table -> linear(8, bias=false) -> expand(attend_to)
  - add: [prev, attend_to, near]
  - grouped_attention(4, 2, rope=5e5, qk_norm=1e-6, qk_norm_over=all, causal=true)
"""

FAULTS = {
    "a stride": ("s2, p1", "s3, p2"),
    "two axes": ("b c h w -> b w h c", "b c h w -> b h w c"),
    "the order of factors": ("(g c) -> b g w (h c)", "(g c) -> b g w (c h)"),
    "which factor is outside": ("(g c) -> b g w (h c)", "(c g) -> b g w (h c)"),
    "an axis of softmax": ("softmax(width)", "softmax(height)"),
    "sizes": ("reshape(9, 3, 4", "reshape(9, 4, 3"),
    "a transposition": ("channels_last -> channels_first", 'rearrange("b c h w -> b c w h")'),
    "a window": ("window: 5", "window: 7"),
    "global tokens": ("global_tokens: 1", "global_tokens: 2"),
    "what is added": ("add: [prev, attend_to, near]", "add: [attend_to, attend_to, near]"),
    "the sum": ("add: [prev, attend_to, near]", "mul: [prev, attend_to, near]"),
    "heads of keys": ("grouped_attention(4, 2,", "grouped_attention(4, 1,"),
    "the base of a rotation": ("rope=5e5", "rope=1e4"),
    "a norm": ("qk_norm_over=all", "qk_norm_over=head"),
}
"""Faults in the module that is generated: what is written in the network, and what its module does instead."""


def test_a_network_of_many_kinds_comes_back() -> None:
    assert gone_round(load_text(HEADER + LAYERS)).differences == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    right, wrong = FAULTS[fault]
    assert right in LAYERS
    back = came_back(load_text(HEADER + LAYERS.replace(right, wrong)))
    assert list(differences(load_text(HEADER + LAYERS), back))


def test_moves_are_compared_by_what_they_do() -> None:
    """Their names and their number do not matter; where their elements come from does."""

    def between(one: str, other: str) -> list[tuple[str, str]]:
        graphs = (load_text(HEADER + f"  - {each} -> linear(5)\n") for each in (one, other))
        return list(differences(*graphs))

    assert not between("tokens", 'rearrange("b c h w -> b (h w) c", last)')
    assert not between("channels_last -> channels_first -> tokens", "tokens")
    assert not between("reshape(2, 2, 6, 6) -> reshape(4, 6, 6) -> tokens", "tokens")
    assert between("tokens", 'rearrange("b c h w -> b (w h) c", last)')
    assert between("tokens", "reshape(36, 4, features=last)")
    assert between("channels_last", 'rearrange("b c h w -> b w h c", last)')
