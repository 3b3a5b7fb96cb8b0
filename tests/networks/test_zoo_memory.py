"""The memory of the zoo in batches: what a batch of one hides, such as a part of an axis that is one piece there."""

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.graph.builder import build
from archcalc.memory.footprint import Opaque, footprint_of
from tests.memory.footprints import differences, here
from tests.networks.zoo import document, references

MOST_BYTES = 1_500_000_000
"""The most bytes of training, by prediction, of a network that is run."""

BATCH = 3


@pytest.mark.zoo
@pytest.mark.parametrize("reference", list(references()))
def test_memory_in_a_batch_is_predicted_to_the_byte(reference: str) -> None:
    try:
        graph = build(document(reference), batch=BATCH)
        found = footprint_of(graph, here())
    except (Opaque, SpecError) as reason:
        pytest.skip(str(reason))
    if found.iteration > MOST_BYTES:
        pytest.skip(f"training takes {found.iteration / 1e9:.1f} GB, by prediction")
    assert {name: nbytes for name, nbytes in differences(graph).items() if nbytes} == {}
