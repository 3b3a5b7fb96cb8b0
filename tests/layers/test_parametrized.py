"""Weights that are normalised each time: against torch, in a network, in training mode and frozen."""

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.loading import load_text
from archcalc.memory.footprint import footprint_of
from archcalc.memory.tape import Opaque
from archcalc.spec.document import read_document
from archcalc.verification import verify

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


def test_names_in_state_dict_counts_and_closed_forms_are_those_of_torch() -> None:
    certificate = verify(read_document(Source("normalised.yaml", NETWORK)), batch=2, device="cpu", sizes=4)
    assert [row for row in certificate.rows if row.agrees is False] == []
    assert any("state_dict" in row.quantity for row in certificate.rows)


def test_memory_is_not_predicted_and_the_reason_is_given() -> None:
    with pytest.raises(Opaque, match="conv1: what torch makes of a normalised weight each time, and keeps"):
        footprint_of(load_text(NETWORK))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "conv(3, 8, norm_dim=1)",
            "norm_dim belongs to parametrization: write weight_norm or spectral_norm, or remove it",
        ),
        (
            "conv(3, 8, parametrization=weight_norm, norm_dim=3)",
            "norm_dim must be an axis of the weight, 0 to 2, got 3",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        load_text(f"archcalc: 1\ninput: [4, 9]\nlayers: {call}\n")
    assert raised.value.diagnostics[0].message == message
