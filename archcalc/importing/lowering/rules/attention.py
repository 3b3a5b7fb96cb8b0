"""Attention that is one call: of a sequence with its weights, or of given queries, keys and values."""

from typing import TypeAlias

from archcalc.importing.lowering.arranging import Arranging
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import forget, moved, rearranged, settle, then, turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import Operation
from archcalc.layer import Letters, Reference, layer_named

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
    if not lowering.at[x] is lowering.at[k] is lowering.at[v] or any(map(lowering.is_read, operation.makes[1:])):
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
    """Without a mask of values: heads of one sequence as one layer, others as the products that they are."""
    three = given["query"], given["key"], given["value"]
    if not lowering.is_placed(*three) or given.get("attn_mask") is not None:
        return False
    q, k, v = (turned(lowering, operation, each, last=True) for each in three)
    ranks = {each.volume.rank for each in (q, k, v)}
    if (
        ranks == {2}
        and layer_named("attend") is not None
        and len({batch_axis(each, lowering.program.batch) for each in three}) == 1
    ):
        return of_heads(lowering, operation, given, (q, k, v))
    if not lowering.are_together(*three) or len(ranks) > 1 or not q.volume.rank:
        return False
    return (
        not given.get("is_causal") and not given.get("enable_gqa") and products(lowering, operation, given, (q, k, v))
    )


Three: TypeAlias = tuple[Step, Step, Step]
"""Queries, keys and values."""


def of_heads(lowering: Lowering, operation: Operation, given: Arguments, three: Three) -> bool:
    """Heads before tokens, as torch has them: brought beside the features, and back."""
    heads, groups = (each.volume.spatial[0] for each in three[:2])
    if groups != heads and not given.get("enable_gqa"):
        return False
    gone = []
    sources = []
    for each in three:
        plan = Arranging(((0,), (1,), (2,)), ((1,), (0, 2)), each.volume.item_shape)
        step, earlier = rearranged(lowering, operation, each, plan)
        sources.append(step)
        gone += [earlier] if earlier is not None else []
    scale, usual = given.get("scale"), three[0].volume.channels ** -0.5
    made = layer(
        "attend",
        num_heads=heads,
        num_kv_heads=groups if groups != heads else None,
        causal=True if given.get("is_causal") else None,
        scale=None if scale is None or abs(scale - usual) < 1e-9 * usual else float(scale),
    )
    found = then(lowering, operation, made, *sources)
    if found is None:
        return False
    length, size = found.volume.spatial[0], found.volume.channels // heads
    back = Arranging(((0,), (1, 2)), ((1,), (0,), (2,)), (length, heads, size))
    if not settle(lowering, operation, moved(lowering, operation, found, back, last=True)):
        return False
    for each in dict.fromkeys(gone):
        forget(lowering, each)
    return True


def products(lowering: Lowering, operation: Operation, given: Arguments, three: Three) -> bool:
    """Products of queries and keys, scaled, their softmax, and products with the values."""
    q, k, v = three
    before = "acefghij"[: q.volume.rank - 1]
    left, right, out = (f"b{before}{rest}" for rest in ("qd", "kd", "qk"))
    scale = given.get("scale") or q.volume.channels**-0.5
    made = layer("einsum", left=Letters(left), right=Letters(right), out=Letters(out), other=Reference(""))
    scores = then(lowering, operation, made, q, k)
    scaled = scores and then(lowering, operation, layer("scale", factor=float(scale)), scores)
    weights = scaled and then(lowering, operation, layer("softmax"), scaled)
    if given["query"] in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[given["query"]]
    return settle(lowering, operation, weights and then(lowering, operation, layer("matmul"), weights, v))
