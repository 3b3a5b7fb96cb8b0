"""Dye cannot be seen in whole numbers, nor in what is read from them."""

import pytest

from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.spec.document import read_document
from archcalc.verification import verify
from archcalc.verification.field.borders import reading_integers

CODES = """
archcalc: 1
input: [3, 12, 12]
layers:
  - codes = learned([20, 4])
  - input -> seen = conv(3, 20, p1)
  - channels_last -> numbers = argmax
  - named = lookup(codes)
  - seen -> conv(3, 4)
"""


def test_what_reads_integers_shows_no_borders() -> None:
    graph = build(read_document(Source("codes", CODES)))
    assert reading_integers(graph) == {"numbers", "named"}


@pytest.mark.parametrize("reference", ["vqvae"])
@pytest.mark.zoo
def test_fields_of_a_network_with_codes_agree(reference: str) -> None:
    rows = [row for row in verify(reference, device="cpu").rows if "by dye" in row.quantity]
    assert rows
    assert all(row.agrees for row in rows)
