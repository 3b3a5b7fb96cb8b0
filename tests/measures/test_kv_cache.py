"""The KV cache, against a decoder that stores keys and values token by token, and against published figures."""

from collections import deque

import pytest

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.formula import closed_form
from archcalc.closed_forms.solve import solve
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load
from archcalc.measure import MEASURES
from archcalc.spec.document import read_document

# The attention of Gemma 3 1B: 22 layers with a window of 512 tokens, 4 without (google/gemma-3-1b-pt, config.json)
GEMMA = """
archcalc: 1
input: {x: {shape: [700, 1152], channels_last: true}}
blocks:
  local:
    - grouped_attention(4, 1, head_dim=256, causal=true, window=512)
  global:
    - grouped_attention(4, 1, head_dim=256, causal=true)
layers:
  - local * 22
  - global * 4
"""


def gemma(batch: int = 1) -> Graph:
    return build(read_document(Source("gemma.yaml", GEMMA)), batch=batch, dtype="bfloat16")


def stored(tokens: int, window: int | None, features: int) -> int:
    """Numbers that a decoder stores after so many tokens: a key and a value of each, the oldest dropped."""
    cache: deque[int] = deque(maxlen=window)
    for _ in range(tokens):
        cache.append(2 * features)
    return sum(cache)


@pytest.mark.parametrize("tokens", [1, 511, 512, 513, 700])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_cache_is_what_a_decoder_stores(tokens: int, batch: int) -> None:
    document = read_document(Source("gemma.yaml", GEMMA.replace("700", str(tokens))))
    graph = build(document, batch=batch, dtype="bfloat16")
    expected = batch * 2 * (22 * stored(tokens, 512, 256) + 4 * stored(tokens, None, 256))
    assert MEASURES["kv_cache_bytes"].total(graph) == expected
    free = with_free(document, ["T"], batch=batch, dtype="bfloat16")
    assert closed_form(free, "kv_cache_bytes").total.at(T=tokens) == expected


def test_a_token_takes_as_much_in_every_layer() -> None:
    assert MEASURES["kv_cache_bytes_per_token"].total(gemma(batch=3)) == 26 * 2 * 256 * 2


def test_windows_leave_room_for_more_tokens() -> None:
    """4 GB for Gemma 3 1B: 973,700 tokens, to the hundred; without windows it would be 150,240."""
    graph = with_free(read_document(Source("gemma.yaml", GEMMA)), ["T"], dtype="bfloat16")
    assert solve(graph, "T", "kv_cache_bytes <= 4GB").best == (4 * 10**9 - 22 * 512 * 1024) // (4 * 1024) == 973_746


def test_the_longest_context_of_llama_3_70b_in_40_gib() -> None:
    """2 x 80 layers x 8 heads x 128 features x 2 bytes = 327,680 bytes per token; 40 GiB / 327,680 = 131,072."""
    graph = load("llama3@70b", free=["T"], dtype="bfloat16")
    found = solve(graph, "T", "kv_cache_bytes <= 40GiB")
    assert (found.best, found.fails) == (131_072, 131_073)


def test_the_default_length_of_llama_2() -> None:
    """Two gibibytes in half precision: 4096 tokens of 512 KiB."""
    assert MEASURES["kv_cache_bytes"].total(load("llama2", dtype="float16")) == 4096 * 524_288
