"""Attention that is one call."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation

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
