"""Dye in a narrower input: the same module, whose layers see the same along the axis that keeps its length."""

import pytest

from archcalc import generate
from archcalc.core.field import Field
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.measures.receptive_field import fields_of, spatial_inputs
from archcalc.spec.document import read_document
from archcalc.verification.field.borders import attained
from archcalc.verification.field.dye import Predicted, Slab, look, narrower
from archcalc.verification.field.narrow import Narrow, narrowed
from archcalc.verification.trace import Running

LAYERS = "- conv(5, 4, p2) -> maxpool(2) -> conv(3, 4, p1) -> last = conv(3, 4, p1)\n- gap -> fc(3)"


def running(layers: str = LAYERS, size: str = "[3, 32, 40]") -> Running:
    graph = build(read_document(Source("it", f"archcalc: 1\ninput: {size}\nlayers:\n{layers}")))
    return Running(generate(graph), graph, "cpu")


def narrow(whole: Running, axis: int) -> Narrow | None:
    (seed,) = spatial_inputs(whole.graph)
    return narrowed(whole, seed, fields_of(whole.graph, seed), axis)


def predicted(whole: Running) -> Predicted:
    (seed,) = spatial_inputs(whole.graph)
    fields = fields_of(whole.graph, seed)
    return Predicted(seed, fields, attained(whole.graph, seed, fields))


@pytest.mark.parametrize(("axis", "spatial"), [(0, (32, 5)), (1, (4, 40))])
def test_the_other_axis_is_an_eighth(axis: int, spatial: tuple[int, int]) -> None:
    whole = running()
    found = narrow(whole, axis)
    assert found is not None
    assert found.seed.volume.spatial == spatial
    assert found.running.module is whole.module


@pytest.mark.parametrize(
    "layers",
    [
        "- conv(3, 4) -> flatten -> fc(3)",  # other weights
        "- conv(3, 4) -> crop(size=[26, 30])",  # no room
    ],
)
def test_a_network_that_would_be_another_keeps_its_input(layers: str) -> None:
    assert narrow(running(layers), 0) is None


def test_padding_that_would_differ_needs_a_longer_axis() -> None:
    found = narrow(running("- conv(3, 4, s2, padding=same_upper) -> gap"), 0)
    assert found is not None
    assert found.seed.volume.spatial == (32, 10)


def test_a_sequence_has_no_other_axis() -> None:
    assert narrow(running("- conv(3, 4)", "[3, 32]"), 0) is None


@pytest.mark.parametrize(("span", "said"), [((-4, 4), "depends on"), ((-16, 17), "does not depend on")])
def test_a_wrong_field_is_found_there(span: tuple[int, int], said: str) -> None:
    whole = running()
    part, right = narrower(whole, predicted(whole), 0)
    assert part.graph is not whole.graph
    seen = right.fields["last"][0]
    assert not look(part, right, Slab(0, 20)).differences
    wrong = Field((span,), seen.step, along=seen.along)
    fields = {**right.fields, "last": (wrong, right.fields["last"][1])}
    found = [look(part, Predicted(right.seed, fields, right.ways), Slab(0, element)) for element in range(32)]
    assert any(said in each.differences.get("last", "") for each in found)
