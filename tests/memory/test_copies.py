"""Copies that torch makes where a value does not lie in memory as an operation wants it."""

import pytest

from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.memory.footprint import Opaque, footprint_of
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
    "one token that is cut out is a row": """
input: {a: {shape: [5, 8], channels_last: true}}
layers:
  - a -> linear(8) -> one = slice(0, 1, axis=length)
  - one -> linear(4)
  - one -> gelu -> attention(1) -> flatten -> linear(3)
  - one -> maxout(2, 2)
outputs: [linear2, linear3, maxout1]
""",
    "and so is that of a map of one row": """
input: {a: {shape: [1, 5, 8], channels_last: true}}
layers:
  - a -> linear(8) -> slice(1, 2, axis=width) -> linear(4)
""",
    "group norm copies one token, and saves the copy": """
input: {a: {shape: [5, 8], channels_last: true}}
layers: linear(8) -> select(2) -> group_norm(2)
""",
    "instance norm copies what is spaced": """
input: {a: [8, 6, 3]}
layers: relu -> slice(0, 1, axis=width) -> instance_norm
""",
    "rmsnorm puts its gradient in no order": """
input: {a: [12]}
layers:
  - a -> one = rmsnorm
  - stack: [one, a]
""",
    "the gradient of an image whose features were moved is a view": """
input: {a: [4, 6, 4]}
layers:
  - a -> x = conv(1, 4)
  - 'x -> y = rearrange("b (c cs) (h hs) w -> b c (cs h) hs w", first, cs=2, hs=2)'
  - x -> z = layernorm
  - y -> w = tanh
outputs: [w, y, z]
""",
    "parts of two axes that were moved apart come back as a view": """
input: {a: [4, 6]}
layers:
  - a -> x = layernorm
  - 'x -> y = rearrange("b (c cs) (h hs) -> b h (cs c) hs", first, cs=2, hs=2)'
  - x -> mask(x)
outputs: [mask1, y]
""",
    "a product that is given in another order, with its gradient": """
input: {a: {shape: [4, 5, 6], channels_last: true}}
layers:
  - a -> x = linear(4)
  - a -> y = einsum(bijk, bijp, bpik, x)
  - y -> z = relu
  - x -> w = relu
outputs: [w, y, z]
""",
    "what is subtracted from itself": """
input: {a: [8]}
layers:
  - a -> one = group_norm(2)
  - two = sub: [one, one]
  - sub: [two, two]
""",
    "parts that are outputs": """
input: {a: {shape: [6, 8], channels_last: true}}
layers:
  - a -> linear(4) -> one, two = split(2, axis=1)
outputs: [one, two]
""",
    "a gradient is added to another before those of weights arrive": """
input: {a: [8, 4, 3]}
layers:
  - a -> learned([8, 4, 3], op=mul) -> one = batchnorm(freeze=true)
  - one -> two = group_norm(2)
outputs: [one, two]
""",
    "its gradient from others": """
input: {a: {shape: [4, 5, 6], channels_last: true}}
layers:
  - a -> x = linear(4)
  - a -> y = einsum(bijk, bijp, bpik, x)
  - y -> z = linear(2, bias=false)
  - y -> flatten
outputs: [z, flatten1]
""",
}


@pytest.mark.parametrize(
    ("batch", "dtype"), [(1, "float32"), (1, "bfloat16"), (3, "float32"), (3, "bfloat16"), (3, "accumulated")]
)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_figure_equals_the_measured_one(name: str, batch: int, dtype: str) -> None:
    accumulate = dtype == "accumulated"
    document = read_document(Source("a network", f"archcalc: 1\n{NETWORKS[name]}"))
    graph = build(document, batch=batch, dtype="float32" if accumulate else dtype)
    found = differences(graph, TrainingSetup(accumulate=accumulate))
    assert {figure: nbytes for figure, nbytes in found.items() if nbytes} == {}


def test_products_of_elements_in_another_order_are_not_predicted() -> None:
    """An axis of length 1 that is summed makes no matrices."""
    text = "input: {a: {shape: [1, 3, 4], channels_last: true}}\nlayers: ['a -> einsum(bijk, bijp, bpjk, a)']\n"
    with pytest.raises(Opaque, match="reordered"):
        footprint_of(build(read_document(Source("a network", f"archcalc: 1\n{text}")), batch=1))


def test_experts_in_a_checkpointed_block() -> None:
    text = "archcalc: 1\ninput: {a: {shape: [3, 4], channels_last: true}}\nblocks:\n  some:\n    - mixture(3, 2, 4)\n"
    graph = build(read_document(Source("a network", f"{text}layers: [relu, some]\n")), batch=2)
    found = differences(graph, TrainingSetup(checkpointed=("some",)))
    assert {figure: nbytes for figure, nbytes in found.items() if nbytes} == {}
