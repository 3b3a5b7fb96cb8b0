"""Attention that is one call."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation

NAMES = """query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p
out_proj_weight out_proj_bias training key_padding_mask need_weights attn_mask use_separate_proj_weight"""


@lowers("multi_head_attention_forward", takes=NAMES)
def attention(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of one sequence with itself, or with another one; without a mask."""
    q, k, v = given["query"], given["key"], given["value"]
    odd = ("bias_k", "bias_v", "add_zero_attn", "key_padding_mask", "attn_mask", "use_separate_proj_weight")
    if not lowering.is_placed(q, k, v) or any(given.get(each) is not None and given.get(each) is not False for each in odd):
        return False
    if lowering.at[k] is not lowering.at[v] or len(operation.makes) > 1:
        return False
    weights = {
        "in_proj_weight": given["in_proj_weight"],
        "in_proj_bias": given["in_proj_bias"],
        "out_proj.weight": given["out_proj_weight"],
        "out_proj.bias": given["out_proj_bias"],
    }
    bias = given["in_proj_bias"] is not None
    if lowering.at[q] is lowering.at[k]:
        return lowering.place(operation, layer("attention", num_heads=given["num_heads"], bias=bias), [q], weights)
    return False
