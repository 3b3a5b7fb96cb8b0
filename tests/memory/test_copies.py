"""Copies that torch makes where a value does not lie in memory as an operation wants it."""

import pytest

from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.document import read_document
from tests.memory.footprints import differences

NETWORKS = {
    "what all samples share is copied where their axis meets another": """
input: {x: {shape: [4, 3, 6], channels_last: true}}
layers:
  - ours = learned([4, 6])
  - x -> linear(6) -> einsum(bknd, bkd, bkn, ours)
""",
    "and is not, where it stays alone": """
input: {x: {shape: [4, 3, 6], channels_last: true}}
layers:
  - ours = learned([6])
  - x -> linear(6) -> einsum(bknd, bd, bkn, ours)
""",
    "group norm puts a gradient in order, also where its input learns nothing": """
input: {b: {shape: [8, 5, 6]}, a: [12]}
layers:
  - b -> v1 = group_norm(2)
  - v1 -> v2 = rearrange("b c h w -> b (h w) c", first)
  - a -> v3 = linear(300)
outputs: [v2, v3]
""",
    "but not where both have the features last": """
input: {b: {shape: [3, 5, 6]}, a: [12]}
layers:
  - b -> conv(3, 8, p1) -> channels_last -> layernorm -> channels_first
  - v1 = group_norm(2)
  - v1 -> v2 = rearrange("b c h w -> b (h w) c", first)
  - a -> v3 = linear(300)
outputs: [v2, v3]
""",
    "one element of an axis has no step": """
input: {a: {shape: [8, 4]}}
layers:
  - a -> relu -> glu -> v4 = slice(3, 4, 2, axis=1)
  - v4 -> v5 = reshape(4)
  - v4 -> v7 = upsample(3)
  - v4 -> v10 = conv(2, 6, d2)
outputs: [v5, v7, v10]
""",
    "rmsnorm puts its result in order before it is cast": """
input: {a: {shape: [8, 5]}}
layers:
  - a -> tokens -> v4 = rmsnorm
  - v4 -> linear(3)
  - a -> x2 = sigmoid
outputs: [v4, x2]
""",
    "one feature of each token lies as far apart as the next": """
input: {a: {shape: [8, 6], channels_last: true}}
layers:
  - a -> linear(8) -> slice(7, 8) -> flatten
""",
    "and so it does where it is chosen by its number": """
input: {a: {shape: [8, 6], channels_last: true}}
layers:
  - a -> relu -> channels(5) -> flatten
""",
    "slopes of one token": """
input: {a: {shape: [1, 4], channels_last: true}}
layers: ['grouped_attention(2, alibi=true, causal=true)']
""",
}


@pytest.mark.parametrize(("batch", "dtype"), [(1, "float32"), (3, "float32"), (3, "bfloat16")])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_figure_equals_the_measured_one(name: str, batch: int, dtype: str) -> None:
    graph = build(read_document(Source("a network", f"archcalc: 1\n{NETWORKS[name]}")), batch=batch, dtype=dtype)
    assert {figure: nbytes for figure, nbytes in differences(graph).items() if nbytes} == {}


def test_experts_in_a_checkpointed_block() -> None:
    text = "archcalc: 1\ninput: {a: {shape: [3, 4], channels_last: true}}\nblocks:\n  some:\n    - mixture(3, 2, 4)\n"
    graph = build(read_document(Source("a network", f"{text}layers: [relu, some]\n")), batch=2)
    found = differences(graph, TrainingSetup(checkpointed=("some",)))
    assert {figure: nbytes for figure, nbytes in found.items() if nbytes} == {}
