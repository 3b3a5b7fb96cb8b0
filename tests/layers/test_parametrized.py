"""Weights that are normalised each time: against torch, in a network, in training mode and frozen."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.loading import load_text
from archcalc.layer import LAYERS, Example
from archcalc.layers.parametrized import STANDARDISED, Parametrized
from archcalc.memory.footprint import footprint_of
from archcalc.memory.tape import Opaque
from archcalc.spec.document import read_document
from archcalc.verification import verify
from tests.torch_oracle import applied, entries, flops, output_of

NETWORK = """
archcalc: 1
input: [4, 9]
defaults: {conv: {parametrization: weight_norm}}
layers:
  - conv(3, 8, p1) -> relu
  - upconv(4, 6, s2, parametrization=weight_norm, freeze=true)
  - upconv(3, 6, parametrization=spectral_norm)
  - conv(3, 8, parametrization=spectral_norm) -> flatten
  - fc(4, parametrization=spectral_norm) -> linear(3, parametrization=weight_norm, norm_dim=1)
  - linear(3, parametrization=weight_norm, norm_dim=-1)
"""


NORMED = [
    (kind, min(layer.examples, key=lambda each: each.macs + each.params))
    for kind, layer in LAYERS.items()
    if issubclass(layer, Parametrized)
]


KINDS = ["weight_norm", "spectral_norm", *STANDARDISED]


@pytest.mark.parametrize("parametrization", KINDS)
@pytest.mark.parametrize(("kind", "example"), NORMED, ids=[kind for kind, _ in NORMED])
def test_every_layer_with_matrices_has_its_weights_normalised_as_torch_does(
    kind: str, example: Example, parametrization: str
) -> None:
    layer = LAYERS[kind]
    given = {name: value for name, value in example.given.items() if name not in layer.ties and name != "norm_dim"}
    made = layer(**given | {"parametrization": parametrization})
    assert [message for holds, message in made.requires(*example.xs) if not holds] == []
    ours = {(w.name, w.shape, w.buffer) for w in made.weights(*example.xs)}
    assert ours == {
        (name, shape, buffer) for name, shape, buffer, _, _ in entries(cast(nn.Module, applied(made, example.xs).it))
    }
    assert output_of(made, example.xs)[0] == example.y.shape
    assert flops(made, example.xs) == 2 * made.ops(example.y, *example.xs).mac
    if parametrization == "weight_norm" and len(layer.examples[0].xs) == 1:  # lengths and directions are as before
        torch.manual_seed(0)
        plain = applied(layer(**given | {"parametrization": None}), example.xs, "cpu")
        torch.manual_seed(0)
        normed = applied(made, example.xs, "cpu")
        xs = [torch.ones(x.shape, dtype=getattr(torch, x.dtype)) for x in example.xs]
        assert torch.allclose(plain(*xs), normed(*xs), atol=1e-5)


ALSO = """
archcalc: 1
input: {ids: {shape: [9], dtype: int64, vocab: 20}}
layers:
  - embedding(20, 16, parametrization=weight_norm)
  - lstm(8, bidirectional=true, parametrization=weight_norm, norm_of=weight_hh)
  - attention(2, parametrization=spectral_norm, norm_of=in_proj)
  - grouped_attention(4, 2, rope=1e4, parametrization=weight_norm, norm_of=[q_proj, k_proj], norm_dim=1)
  - mixture(3, 2, 8, parametrization=weight_norm, norm_of=experts)
  - gru(5, parametrization=spectral_norm, returns=last)
  - linear(6, parametrization=weight_standardization, norm_dim=-1)
  - linear(4, parametrization=scaled_weight_standardization)
"""


def test_chosen_weights_of_a_network_are_those_of_torch() -> None:
    certificate = verify(read_document(Source("also.yaml", ALSO)), batch=2, device="cpu", sizes=2)
    assert [row for row in certificate.rows if row.agrees is False] == []


def test_names_in_state_dict_counts_and_closed_forms_are_those_of_torch() -> None:
    certificate = verify(read_document(Source("normalised.yaml", NETWORK)), batch=2, device="cpu", sizes=4)
    assert [row for row in certificate.rows if row.agrees is False] == []
    assert any("state_dict" in row.quantity for row in certificate.rows)


@pytest.mark.parametrize(("call", "dims"), [("conv(3, 8)", (1, 2)), ("upconv(3, 8)", (0, 2))])
def test_each_filter_that_is_standardised_has_no_mean_and_one_deviation(call: str, dims: tuple[int, ...]) -> None:
    """Brock et al. 2021, equation 5, with gains of 1 as they begin."""
    for kind, scaled in STANDARDISED.items():
        graph = load_text(f"archcalc: 1\ninput: [4, 9]\nlayers: {call[:-1]}, parametrization={kind})\n")
        node = graph.nodes[0]
        torch.manual_seed(0)
        made = cast(nn.Module, applied(node.layer, node.inputs, "cpu").it)
        weight = cast(Tensor, made.weight).detach()
        size = weight.numel() // 8
        assert torch.allclose(weight.mean(dims), torch.zeros(8), atol=1e-6)
        expected = torch.full((8,), size**-0.5 if scaled else 1.0)
        assert torch.allclose(weight.square().mean(dims).sqrt(), expected, rtol=1e-3)


def test_memory_is_not_predicted_and_the_reason_is_given() -> None:
    with pytest.raises(Opaque, match="conv1: what torch makes of a normalised weight each time, and keeps"):
        footprint_of(load_text(NETWORK))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "conv(3, 8, norm_dim=1)",
            "norm_dim belongs to parametrization: write weight_norm, spectral_norm or the like, or remove it",
        ),
        (
            "conv(3, 8, parametrization=weight_norm, norm_dim=3)",
            "norm_dim must be an axis of weight, 0 to 2, got 3",
        ),
        (
            "tokens -> lstm(3, parametrization=weight_norm, norm_of=kernel)",
            "no weight has a name that begins with kernel: norm_of takes weight_ih_l0, weight_hh_l0",
        ),
        (
            "tokens -> lstm(3, norm_of=weight)",
            "norm_of belongs to parametrization: write weight_norm, spectral_norm or the like, or remove it",
        ),
        (
            "tokens -> lstm(3, norm_of=[weight, 3])",
            "norm_of must be the beginning of a weight's name, such as weight_hh, got ['weight', 3]",
        ),
        ("batchnorm(parametrization=weight_norm)", "unknown argument 'parametrization' of batchnorm"),
    ],
)
def test_what_does_not_fit_is_refused(call: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        load_text(f"archcalc: 1\ninput: [4, 9]\nlayers: {call}\n")
    assert raised.value.diagnostics[0].message == message
