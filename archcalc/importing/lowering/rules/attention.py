"""Attention that is one call: of a sequence with its weights, or of given queries, keys and values."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import settle, then, turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation
from archcalc.layer import Letters, Reference

NAMES = (
    "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p "
    "out_proj_weight out_proj_bias training key_padding_mask need_weights attn_mask use_separate_proj_weight"
)
"""The arguments of torch's function, in its order."""

UNKNOWN = ("bias_k", "bias_v", "add_zero_attn", "key_padding_mask", "attn_mask", "use_separate_proj_weight")
"""Those that no layer has."""


@lowers("multi_head_attention_forward", takes=NAMES)
def attention(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of one sequence with itself, without a mask."""
    x, k, v = given["query"], given["key"], given["value"]
    if not lowering.is_placed(x, k, v) or any(given.get(each) not in (None, False) for each in UNKNOWN):
        return False
    if not lowering.at[x] is lowering.at[k] is lowering.at[v] or len(operation.makes) > 1:
        return False
    weights = {
        "in_proj_weight": given["in_proj_weight"],
        "in_proj_bias": given["in_proj_bias"],
        "out_proj.weight": given["out_proj_weight"],
        "out_proj.bias": given["out_proj_bias"],
    }
    bias = given["in_proj_bias"] is not None
    return lowering.place(operation, layer("attention", num_heads=given["num_heads"], bias=bias), [x], weights)


@lowers("scaled_dot_product_attention", takes="query key value attn_mask dropout_p is_causal scale enable_gqa")
def attend(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Without a mask: products of queries and keys, scaled, their softmax, and products with the values."""
    three = given["query"], given["key"], given["value"]
    if not lowering.is_placed(*three) or not lowering.are_together(*three):
        return False
    if given.get("attn_mask") is not None or given.get("is_causal") or given.get("enable_gqa"):
        return False
    q, k, v = (turned(lowering, operation, each, last=True) for each in three)
    rank = q.volume.rank
    if not rank or {k.volume.rank, v.volume.rank} != {rank}:
        return False
    before = "acefghij"[: rank - 1]
    left, right, out = (f"b{before}{rest}" for rest in ("qd", "kd", "qk"))
    scale = given.get("scale") or q.volume.channels**-0.5
    made = layer("einsum", left=Letters(left), right=Letters(right), out=Letters(out), other=Reference(""))
    scores = then(lowering, operation, made, q, k)
    scaled = scores and then(lowering, operation, layer("scale", factor=float(scale)), scores)
    weights = scaled and then(lowering, operation, layer("softmax"), scaled)
    if three[0] in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[three[0]]
    return settle(lowering, operation, weights and then(lowering, operation, layer("matmul"), weights, v))
