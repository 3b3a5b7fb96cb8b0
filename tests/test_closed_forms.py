"""Whole networks with free sizes: closed forms are the numeric report, conditions are its refusals."""

import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from archcalc.builder import build
from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import NoClosedForm, free
from archcalc.core.location import Source
from archcalc.graph import Graph
from archcalc.measure import MEASURES
from archcalc.measures import arithmetic, output_bytes, params  # noqa: F401  they register what is asked for below
from archcalc.solve import valid
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document, read_source
from archcalc.sym.expr import Claim, Expr
from tests.zoo import SPECS, document, network, references

MEASURED = ("params", "macs", "flops", "operations", "scalar", "output_bytes", "buffers")
SPATIAL = [name for name in references() if network(name).inputs[0].volume.rank == 2]
NAMES = ("H", "W")


def with_free_sizes(spec: Document) -> Graph:
    """The network with H and W as symbols."""
    channels = build(spec).inputs[0].volume.channels
    return build(spec, sizes={spec.inputs[0].name: (channels, *map(free, NAMES))})


def numeric(spec: Document, size: Mapping[str, int]) -> Graph | None:
    """The network at one size; None where it is refused."""
    channels = build(spec).inputs[0].volume.channels
    try:
        return build(spec, sizes={spec.inputs[0].name: (channels, size["H"], size["W"])})
    except SpecError:
        return None


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


@pytest.mark.parametrize("reference", SPATIAL)
def test_closed_forms_are_the_numeric_report_at_every_size(reference: str) -> None:
    spec = document(reference)
    graph = with_free_sizes(spec)
    forms = totals(graph)
    assert {"params", "macs"} <= forms.keys()
    own = build(spec).inputs[0].volume.spatial
    for size in [dict(zip(NAMES, own, strict=True)), *sizes(12, 2 * max(own))]:
        plain = numeric(spec, size)
        assert all(at(each.claim, size) for each in graph.conditions) == (plain is not None), size
        if plain is not None:
            shown = {name: volume.item_shape for name, volume in plain.volumes.items()}
            assert {n: tuple(at(dim, size) for dim in v.item_shape) for n, v in graph.volumes.items()} == shown
            assert {name: at(form, size) for name, form in forms.items()} == {
                name: MEASURES[name].total(plain) for name in forms
            }


# --- which sizes fit -------------------------------------------------------------------------------------------------

UNET = """
archcalc: 1
input: [3, 64, 64]
blocks:
  double(c):
    - conv(3, c, p1) -> conv(3, c, p1)
  up(skip, c):
    - upconv(2, c, s2)
    - concat: [skip, prev]
    - double(c)
layers:
  - e1 = double(4) -> maxpool(2)
  - e2 = double(8) -> maxpool(2)
  - e3 = double(16) -> maxpool(2)
  - e4 = double(32) -> maxpool(2)
  - double(64)
  - up(e4, 32) -> up(e3, 16) -> up(e2, 8) -> up(e1, 4)
"""

DENSENET = """
archcalc: 1
input: [3, 224, 224]
blocks:
  dense(k):
    - concat:
        - prev
        - batchnorm -> relu -> conv(1, 4*k) -> batchnorm -> relu -> conv(3, k, p1)
  transition:
    - conv(1, x.channels // 2) -> avg(2)
layers:
  - conv(7, 64, s2, p3) -> maxpool(3, 2, p1)
  - d1 = dense(32) * 6
  - transition
  - d2 = dense(32) * 12
  - transition
  - d3 = dense(32) * 24
  - transition
  - d4 = dense(32) * 16
  - gap -> fc(1000)
"""

PYRAMID = """
archcalc: 1
import: [./resnet50.yaml]
input: [3, 224, 224]
defaults:
  conv: {padding: same}
layers:
  - conv(7, 64, s2) -> maxpool(3, 2, p1)
  - c2 = stage(64, 3, stride=1)
  - c3 = stage(128, 4)
  - c4 = stage(256, 6)
  - c5 = stage(512, 3)
  - p5 = conv(1, 256)
  - p4 = add:
      - c4 -> conv(1, 256)
      - p5 -> upsample(2)
  - p3 = add:
      - c3 -> conv(1, 256)
      - p4 -> upsample(2)
  - add:
      - c2 -> conv(1, 256)
      - p3 -> upsample(2)
"""

CROPPED = """
archcalc: 1
input: [1, 572, 572]
blocks:
  double(c):
    - conv(3, c) -> conv(3, c)
  up(skip, c):
    - u = upconv(2, c, s2)
    - skip -> cut = crop(like=u)
    - concat: [cut, u]
    - double(c)
layers:
  - e1 = double(4) -> maxpool(2)
  - e2 = double(8) -> maxpool(2)
  - e3 = double(16) -> maxpool(2)
  - e4 = double(32) -> maxpool(2)
  - double(64)
  - up(e4, 32) -> up(e3, 16) -> up(e2, 8) -> up(e1, 4)
"""

VALID = {
    "VGG-16": (read_source(str(SPECS / "vgg16.yaml")).text, "H ≥ 32"),
    "ResNet-50": (read_source(str(SPECS / "resnet50.yaml")).text, "always"),
    "DenseNet-121": (DENSENET, "H ≥ 29"),
    "a padded U-Net": (UNET, "H ≡ 0 (mod 16)"),
    "U-Net 2015": (CROPPED, "H ≥ 188"),
    "a feature pyramid": (PYRAMID, "H mod 32 ∈ {0, 29..31}"),
}


@pytest.mark.parametrize(("text", "expected"), VALID.values(), ids=VALID.keys())
def test_the_sizes_that_fit_are_found(text: str, expected: str, tmp_path: Path) -> None:
    shutil.copy(SPECS / "resnet50.yaml", tmp_path)
    spec = read_document(Source(str(tmp_path / "net.yaml"), text))
    found = valid(with_free_sizes(spec), "H")
    assert found.named("H") == expected
    for height in (*range(1, 70), *range(180, 200)):
        assert (height in found) == (numeric(spec, {"H": height, "W": 512}) is not None), height
