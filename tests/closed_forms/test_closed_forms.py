"""Whole networks with free sizes: closed forms are the numeric report, conditions are its refusals."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from archcalc.closed_forms.feasibility import valid
from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import free
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of
from archcalc.measure import MEASURES
from archcalc.measures import arithmetic, output_bytes, params  # noqa: F401  they register what is asked for below
from archcalc.spec.declaration import Document
from archcalc.sym.expr import Claim, Expr, NoClosedForm
from tests.networks.zoo import DATA, SPECS, document, each, network, references

MEASURED = ("params", "macs", "flops", "operations", "scalar", "output_bytes", "buffers")
SPATIAL = [name for name in references() if network(name).inputs[0].volume.rank == 2]
NAMES = ("H", "W")


def with_free_sizes(spec: Document) -> Graph:
    """The network with H and W as symbols."""
    channels = build(spec).inputs[0].volume.channels
    return build(spec, sizes={spec.inputs[0].name: (channels, *map(free, NAMES))})


def numeric(spec: Document, size: Mapping[str, int]) -> Graph | None:
    """The network at one size; None where it is refused, or a sum repeats an axis that has one element there."""
    channels = build(spec).inputs[0].volume.channels
    try:
        made = build(spec, sizes={spec.inputs[0].name: (channels, size["H"], size["W"])})
    except SpecError:
        return None
    sums = (node for node in made if node.layer.name == "add" and node.inputs[0].rank == 2)
    return None if any(len({x.spatial for x in node.inputs if x.rank == 2}) > 1 for node in sums) else made


def at(form: Any, size: Mapping[str, int]) -> Any:
    return form.at(**size) if isinstance(form, Expr | Claim) else form


def sizes(count: int, most: int) -> list[dict[str, int]]:
    pick = random.Random(0)
    return [{name: pick.randint(1, most) for name in NAMES} for _ in range(count)]


def totals(graph: Graph) -> dict[str, Any]:
    """Every measure that has a closed form."""
    found = {}
    for name in MEASURED:
        try:
            found[name] = MEASURES[name].total(graph)
        except NoClosedForm:
            continue
    return found


@pytest.mark.parametrize("reference", each(SPATIAL))
@pytest.mark.parametrize("count", [6, pytest.param(50, marks=pytest.mark.zoo)])
def test_closed_forms_are_the_numeric_report_at_every_size(reference: str, count: int) -> None:
    spec = document(reference)
    graph = with_free_sizes(spec)
    forms = totals(graph)
    assert {"params", "macs"} <= forms.keys()
    own = build(spec).inputs[0].volume.spatial
    for size in [dict(zip(NAMES, own, strict=True)), *sizes(count, 2 * max(own))]:
        plain = numeric(spec, size)
        assert all(at(each.claim, size) for each in graph.conditions) == (plain is not None), size
        if plain is not None:
            shown = {name: volume.item_shape for name, volume in plain.volumes.items()}
            assert {n: tuple(at(dim, size) for dim in v.item_shape) for n, v in graph.volumes.items()} == shown
            assert {name: at(form, size) for name, form in forms.items()} == {
                name: MEASURES[name].total(plain) for name in forms
            }


# --- which sizes fit -------------------------------------------------------------------------------------------------

NETWORKS = DATA / "networks"

VALID = {
    "VGG-16": (SPECS / "vgg16.yaml", "H ≥ 32"),
    "ResNet-50": (SPECS / "resnet50.yaml", "always"),
    "DenseNet-121": (SPECS / "densenet121.yaml", "H ≥ 29"),
    "a padded U-Net": (SPECS / "unet_padded.yaml", "H ≡ 0 (mod 16)"),
    "U-Net 2015": (SPECS / "unet.yaml", "H ≥ 188"),
    "a feature pyramid": (NETWORKS / "resnet50_fpn.yaml", "H mod 32 ∈ {0, 29..31}"),
}


@pytest.mark.parametrize(("path", "expected"), VALID.values(), ids=VALID.keys())
def test_the_sizes_that_fit_are_found(path: Path, expected: str) -> None:
    """Of H, with W as free as it is; what torch takes is in test_valid_sizes.py."""
    spec = document_of(str(path))
    found = valid(with_free_sizes(spec), "H")
    assert found.named("H") == expected
    for height in (*range(1, 36), *range(184, 194)):
        assert (height in found) == (numeric(spec, {"H": height, "W": 512}) is not None), height
