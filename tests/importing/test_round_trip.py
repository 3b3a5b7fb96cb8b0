"""There and back: the module that is generated for a network, imported, has the network's parameters and MACs."""

import pytest
import torch

from archcalc.codegen import generate
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load
from archcalc.importing.imported import from_torch
from archcalc.measure import MEASURES
from archcalc.verification.trace import Running
from tests.networks.zoo import ROOT

MOST_PARAMETERS = 400_000_000
"""Larger networks take long, and have the layers of smaller ones."""

SOME = ("alexnet", "densenet121", "gpt2", "lenet5_bn", "mobilenetv2", "unet", "vit", "yolov8n")
"""Networks of different kinds, as they are in the run."""

NAMES = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))


def totals(graph: Graph) -> dict[str, object]:
    return {name: MEASURES[name].total(graph) for name in ("params", "macs")}


def goes_round(name: str) -> None:
    graph = load(name)
    module = Running(generate(graph), graph, "meta").module
    example = [
        torch.zeros(1, *each.volume.item_shape, dtype=getattr(torch, each.volume.dtype), device="meta")
        for each in graph.inputs
    ]
    assert totals(from_torch(module, *example).graph) == totals(graph)


@pytest.mark.parametrize("name", [each for each in SOME if each in NAMES])
def test_some_networks_go_round(name: str) -> None:
    goes_round(name)


@pytest.mark.zoo
@pytest.mark.parametrize("name", NAMES)
def test_all_networks_go_round(name: str) -> None:
    if MEASURES["params"].total(load(name)) > MOST_PARAMETERS:
        pytest.skip("too large")
    goes_round(name)
