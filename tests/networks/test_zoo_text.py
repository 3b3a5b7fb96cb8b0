"""Encoders, and encoders with decoders: numbers that their specs round, and the memory of small models."""

import math

import pytest
import torch

from archcalc import load
from archcalc.core.overrides import Overrides
from archcalc.graph.builder import build
from archcalc.graph.loading import document_of
from archcalc.layers.torch_modules.t5_attention import T5Attention
from archcalc.measures.params import params
from tests.memory.footprints import differences

SMALL = {
    "bert": dict(T="6", vocab="30", context="9", w="8", heads="2", depth="2"),
    "transformer": dict(S="5", T="4", vocab="30", w="8", heads="2", ff="16", depth="2"),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", SMALL)
def test_memory_of_small_ones(name: str, batch: int, dtype: str) -> None:
    graph = build(document_of(name, Overrides(settings=SMALL[name])), batch=batch, dtype=dtype)
    assert set(differences(graph).values()) == {0}


@pytest.mark.parametrize(
    ("name", "width", "hidden", "published"), [("transformer", 512, 2048, 65e6), ("transformer@big", 1024, 4096, 213e6)]
)
def test_parameters_of_the_transformer(name: str, width: int, hidden: int, published: float) -> None:
    """Table 3 gives 65 and 213 million. The 37000 tokens of section 5.1 give 63 and 214: no vocabulary size gives both.
    The linear maps of attention have no bias."""
    attention, mlp, norm = 4 * width**2, 2 * width * hidden + hidden + width, 2 * width
    encoder, decoder = attention + mlp + 2 * norm, 2 * attention + mlp + 3 * norm
    total = sum(map(params, load(name)))
    assert total == 37_000 * width + 6 * (encoder + decoder)
    assert abs(total / published - 1) < 0.031


@pytest.mark.parametrize(
    ("name", "settings", "published"),
    [
        ("bert", dict(vocab="28996", w="1024", heads="16", depth="24"), 333_579_264),
        ("t5", dict(w="1024", d_kv="128", heads="128", ff="65536", depth="24"), 11_307_321_344),
    ],
    ids=["bert-large-cased", "t5-11b"],
)
def test_sizes_that_have_no_variant(name: str, settings: dict[str, str], published: int) -> None:
    """BertModel, as KerasHub counts bert_large_en (the paper gives 340 M), and T5ForConditionalGeneration in Hugging
    Face's transformers (the paper gives 11 B)."""
    assert sum(map(params, load(name, settings=settings))) == published


@pytest.mark.parametrize("causal", [False, True])
def test_buckets_of_distances(causal: bool) -> None:
    """Of 32 buckets up to 128, as `_relative_position_bucket` in modeling_t5.py of Hugging Face has them."""
    made = T5Attention(d_model=8, num_heads=2, d_kv=4, memory_dim=8, causal=causal, num_buckets=32)
    found = made.bucket(torch.arange(-200, 201), 32).tolist()
    half = 32 if causal else 16
    exact = half // 2
    for distance, bucket in zip(range(-200, 201), found, strict=True):
        away = max(0, -distance) if causal else abs(distance)
        wide = exact + int(math.log(max(away, 1) / exact) / math.log(128 / exact) * (half - exact) + 1e-6)
        expected = away if away < exact else min(wide, half - 1)
        assert bucket == expected + (half if distance > 0 and not causal else 0), distance
