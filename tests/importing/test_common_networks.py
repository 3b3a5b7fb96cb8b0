"""Networks as people write them come in whole: no operation without a layer, blocks, the same outputs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from archcalc.importing.agreement import agreement_of
from archcalc.importing.imported import imported
from tests.importing import common_networks as networks

IDS = torch.zeros(1, 6, dtype=torch.long)

NETWORKS: dict[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    "an autoencoder": (networks.Autoencoder, {"x": torch.zeros(1, 12)}),
    "a translator": (networks.Translator, {"source": IDS, "target": IDS[:, :3]}),
    "a translator with cells": (partial(networks.Translator, "LSTM"), {"source": IDS, "target": IDS[:, :3]}),
    "gates": (networks.Gates, {"x": torch.zeros(1, 4, 16)}),
    "heads": (networks.Heads, {"x": torch.zeros(1, 8, 4, 4)}),
    "words": (networks.Words, {"x": IDS, "chosen": IDS[:, :3]}),
    "a tree": (partial(networks.Tree, 2), {"x": torch.zeros(1, 8, 6, 6)}),
    "rows": (networks.Rows, {"x": IDS}),
    "a mask": (networks.Causal, {"x": IDS}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_operation_has_a_layer_and_the_outputs_agree(name: str) -> None:
    build, inputs = NETWORKS[name]
    model = build().eval()
    found = imported(model, inputs, {}, "Net")
    assert not found.why_flat
    assert not found.differences
    assert all(step.kind != "opaque" for step in found.lowered.steps)
    assert agreement_of(model, inputs, {}).holds


def test_the_idioms_are_those_layers() -> None:
    texts = {name: imported(build().eval(), inputs, {}, "Net").spec for name, (build, inputs) in NETWORKS.items()}
    assert "gaussian_sample" in texts["an autoencoder"]
    assert "returns=all" in texts["a translator with cells"]
    assert texts["words"].count("global_maxpool") == 2
    assert "tree_2 -> " in texts["a tree"] or "- tree_2" in texts["a tree"]
    assert "attention(2, causal=true)" in texts["a mask"]
    assert "transformer_encoder_layer * 2" in texts["a mask"]
