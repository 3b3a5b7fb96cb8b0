"""Attention of given queries to given keys and values, against torch as a whole network."""

import pytest
import torch

from archcalc import load_text
from archcalc.core.diagnostic import SpecError
from archcalc.measure import MEASURES
from archcalc.verification import verify
from tests.torch_oracle import applied
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
        spec(", window: 3, dilation: 2, global_tokens: 1"),
        spec(", causal: true, window: 2, dilation: 3"),
    ],
)
def test_all_numbers_equal_those_of_torch(text: str, batch: int) -> None:
    certificate = verify(document(text), batch=batch, device="cpu", sizes=2)
    assert [row for row in certificate.rows if row.agrees is not True and "fields" not in row.quantity] == []
    assert any(row.quantity == "training peak, bytes" for row in certificate.rows)


MASKED = """
archcalc: 1
input: {x: {shape: [7, 8], channels_last: true}, padding: [1, 1, 7], pairs: [2, 7, 7]}
layers:
  - table = learned([9, 8])
  - x -> linear(8)
  - LAYER
  - linear(3)
"""


@pytest.mark.parametrize(
    "layer",
    [
        "attention(2, mask=padding)",
        "attention(2, mask=pairs, causal=true)",
        "grouped_attention(2, 1, mask=padding, causal=true)",
        "grouped_attention(2, mask=pairs, window=3)",
        "grouped_attention(2, mask=padding, alibi=true, causal=true)",
        "grouped_attention(2, mask=pairs, softcap=4, window=3, dilation=2)",
        "cross_attention(2, x, mask=padding)",
        "{attend: [prev, prev, prev], num_heads: 2, causal: true, mask: pairs}",
        "{attend: [prev, prev, prev], num_heads: 2, softcap: 2, mask: padding}",
        "t5_attention(2, num_buckets=8, mask=padding)",
        "t5_attention(2, num_buckets=8, mask=pairs, causal=true)",
        "t5_attention(2, memory=x, mask=pairs)",
        "latent_attention(2, kv_lora_rank=3, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=4, mask=padding)",
        "{attend_distances: [prev, prev, prev], num_heads: 2, distance_keys: table, mask: padding}",
    ],
)
def test_masks_are_added_to_scores(layer: str) -> None:
    """All numbers are torch's; a token whose mask is far below zero changes no output but its own."""
    text = MASKED.replace("LAYER", layer)
    certificate = verify(document(text), batch=2, device="cpu", sizes=2)
    assert [row for row in certificate.rows if row.agrees is False] == []
    node = next(each for each in load_text(text).nodes if "mask" in each.layer.reads)
    torch.manual_seed(0)
    module = applied(node.layer, node.inputs, "cpu")
    values = [torch.randn(1, *each.item_shape) for each in node.inputs]
    hidden = values[-1].clone()
    hidden[..., 4] = -1e9
    kept = [each.clone() for each in values[:-1]]
    for each, volume in zip(values[:-1], node.inputs, strict=False):
        each[:, 4] += not volume.shared
    outputs = [module(*inputs, hidden) for inputs in (kept, values[:-1])]
    places = [i for i in range(7) if i != 4]
    assert torch.allclose(outputs[0][:, places], outputs[1][:, places], atol=1e-5)
    assert not torch.allclose(module(*kept, values[-1]), outputs[0], atol=1e-5)


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
