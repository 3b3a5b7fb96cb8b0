"""Attention of given queries to given keys and values, against torch as a whole network."""

import pytest

from archcalc import load_text
from archcalc.core.diagnostic import SpecError
from archcalc.measure import MEASURES
from archcalc.verification import verify
from tests.verification.test_verify import document


def spec(arguments: str, memory: int = 7, heads: tuple[int, int, int] = (8, 8, 8)) -> str:
    query, key, value = heads
    return f"""
archcalc: 1
input: {{x: {{shape: [7, 8], channels_last: true}}, m: {{shape: [{memory}, 12], channels_last: true}}}}
layers:
  - x -> q = linear({query})
  - m -> k = linear({key})
  - m -> v = linear({value})
  - {{attend: [q, k, v], num_heads: 2{arguments}}}
  - linear(3)
"""


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "text",
    [
        spec(""),
        spec("", memory=5),
        spec(", num_kv_heads: 1, scale: 0.3", heads=(8, 4, 4)),
        spec(", causal: true"),
        spec(", causal: true, window: 3, num_kv_heads: 1", heads=(8, 4, 4)),
        spec(", window: 3"),
    ],
)
def test_all_numbers_equal_those_of_torch(text: str, batch: int) -> None:
    certificate = verify(document(text), batch=batch, device="cpu", sizes=2)
    assert [row for row in certificate.rows if row.agrees is not True and "fields" not in row.quantity] == []
    assert any(row.quantity == "training peak, bytes" for row in certificate.rows)


FROZEN = """
archcalc: 1
input: {x: {shape: [5, 8], channels_last: true}, m: {shape: [7, 12], channels_last: true}}
layers:
  - x -> q = linear(8)
  - m -> k = linear(8, freeze=true)
  - m -> v = linear(8, freeze=true)
  - {attend: [q, k, v], num_heads: 2}
  - cross_attention(2, m, freeze=true)
  - relu
"""


@pytest.mark.parametrize("batch", [1, 2])
def test_backward_makes_gradients_that_nobody_wants(batch: int) -> None:
    """Those of keys and values from frozen layers, or of a frozen layer's own."""
    certificate = verify(document(FROZEN), batch=batch, device="cpu", sizes=0)
    assert [row.agrees for row in certificate.rows if row.quantity == "training peak, bytes"] == [True]


@pytest.mark.parametrize("text", [spec(", softcap: 5"), spec("", heads=(8, 8, 4))])
def test_memory_is_not_predicted_where_torch_takes_other_kernels(text: str) -> None:
    certificate = verify(document(text), device="cpu", sizes=2)
    assert [row for row in certificate.rows if row.agrees is False] == []
    assert [row.predicted for row in certificate.rows if row.quantity == "memory"] == ["not predicted"]


def test_causal_attention_caches_its_keys_and_values() -> None:
    """4 bytes for each of 4 + 4 features of a token, of the last three tokens."""
    graph = load_text(spec(", causal: true, window: 3, num_kv_heads: 1", heads=(8, 4, 4)))
    assert MEASURES["kv_cache_bytes_per_token"].total(graph) == 32
    assert MEASURES["kv_cache_bytes"].total(graph) == 96


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (spec("", heads=(8, 4, 8)), "queries and keys of a head must have as many features: [7, 8] and [7, 4]"),
        (spec("", heads=(7, 7, 7)), "2 heads must divide the 7 features of [7, 7]"),
        (
            spec(", causal: true", memory=5),
            "causal compares places in one sequence: [7, 8] and [5, 8] must be equally long",
        ),
        (spec(", window: 4"), "window=4 lies around each token, unless causal=true: it must be odd"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        load_text(text)
    assert raised.value.diagnostics[0].message == message
