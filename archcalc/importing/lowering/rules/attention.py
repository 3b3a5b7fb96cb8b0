"""Attention that is one call: of a sequence with its weights, or of given queries, keys and values."""

from collections.abc import Sequence
from typing import TypeAlias

from archcalc.importing.lowering.arranging import Arranging, reshaped
from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import aligned, forget, moved, rearranged, settle, then, turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import Operation, Value
from archcalc.layer import Letters, Reference

NAMES = (
    "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p "
    "out_proj_weight out_proj_bias training key_padding_mask need_weights attn_mask use_separate_proj_weight "
    "q_proj_weight k_proj_weight v_proj_weight static_k static_v average_attn_weights is_causal"
)
"""The arguments of torch's function, in its order."""

UNKNOWN = ("bias_k", "bias_v", "add_zero_attn")
"""Those that no layer has."""


@lowers("multi_head_attention_forward", takes=NAMES)
def attention(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of one sequence with itself as one layer; with a mask, or to another sequence, as maps with attention between."""
    x, k, v = given["query"], given["key"], given["value"]
    if not lowering.is_placed(x, k, v) or any(given.get(each) not in (None, False) for each in UNKNOWN):
        return False
    if any(map(lowering.is_read, operation.makes[1:])):
        return lowering.tried(lambda: with_shares(lowering, operation, given))
    masks = [given[each] for each in ("attn_mask", "key_padding_mask") if given.get(each) is not None]
    if len(masks) == 1 and is_causal(lowering, given.get("attn_mask"), x.shape):
        return lowering.tried(lambda: with_masks(lowering, operation, given, [], causal=True))
    return lowering.tried(lambda: with_masks(lowering, operation, given, masks))


LOWEST = -1e9
"""What is added to a score so that its share is zero."""

MOST_TOKENS = 4096
"""The longest sequence whose mask is looked at."""


def is_causal(lowering: Lowering, mask: object, shape: Sequence[int]) -> bool:
    """Whether a constant takes later tokens out of reach and adds nothing to the others."""
    if not isinstance(mask, Value) or mask.varies or not mask.dtype.startswith("float"):
        return False
    n = mask.shape[-1] if mask.shape else 0
    if not 1 < n <= MOST_TOKENS or mask.shape != (*(1,) * (len(mask.shape) - 2), n, n) or n not in shape:
        return False
    numbers = lowering.program.numbers(mask)
    if numbers is None or len(numbers) != n * n:
        return False
    rows = (numbers[i * n : (i + 1) * n] for i in range(n))
    return all(not any(row[: i + 1]) and all(x <= LOWEST for x in row[i + 1 :]) for i, row in enumerate(rows))


def with_masks(
    lowering: Lowering, operation: Operation, given: Arguments, masks: list[Value], causal: bool = False
) -> bool:
    added = [pairs_of(lowering, operation, each) for each in masks]
    known = [each for each in added if each is not None]
    if len(known) < len(added):
        return False
    mask = known[0] if len(known) == 1 else then(lowering, operation, layer("add"), *known) if known else None
    if len(known) > 1 and mask is None:
        return False
    one = lowering.at[given["query"]] is lowering.at[given["key"]] is lowering.at[given["value"]]
    if not one or given.get("use_separate_proj_weight"):
        return by_maps(lowering, operation, given, mask, causal)
    weights = {
        "in_proj_weight": given["in_proj_weight"],
        "in_proj_bias": given["in_proj_bias"],
        "out_proj.weight": given["out_proj_weight"],
        "out_proj.bias": given["out_proj_bias"],
    }
    bias = given["in_proj_bias"] is not None
    named = None if mask is None else Reference("")
    made = layer("attention", num_heads=given["num_heads"], bias=bias, causal=causal or None, mask=named)
    x = turned(lowering, operation, given["query"], last=True)
    return lowering.place(operation, made, [x] if mask is None else [x, mask], weights)


def by_maps(
    lowering: Lowering, operation: Operation, given: Arguments, mask: Step | None, causal: bool = False
) -> bool:
    """Queries, keys and values by a map for each, attention, and the last map. `mask`: numbers that are added to the
    scores."""
    if any(lowering.volume(given[each]).rank != 1 for each in THREE):
        return False
    write, width = Writing(lowering, operation), given["query"].shape[-1]
    parts = mapped(write, given)
    if not write.is_placed():
        return False
    named = None if mask is None else Reference("")
    attending = layer("attend", num_heads=given["num_heads"], causal=causal or None, mask=named)
    steps = [turned(lowering, operation, each, last=True) for each in parts]
    joined = then(lowering, operation, attending, *steps, *([] if mask is None else [mask]))
    last = {"weight": given["out_proj_weight"], "bias": given["out_proj_bias"]}
    made = layer("linear", out_features=width, bias=given["out_proj_bias"] is not None)
    return joined is not None and lowering.place(operation, made, [joined], last)


THREE = ("query", "key", "value")

OWN = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
"""The matrices of the maps, where they are no parts of one."""


def mapped(write: Writing, given: Arguments) -> list[Value]:
    """Queries, keys and values of all heads, side by side."""
    width, bias = given["query"].shape[-1], given["in_proj_bias"]
    separate = given.get("use_separate_proj_weight")
    rows = [given[each] for each in OWN] if separate else write.parts(given["in_proj_weight"], width, 0)
    biases = [None] * 3 if bias is None else write.parts(bias, width, 0)
    sources = zip((given[each] for each in THREE), rows, biases, strict=True)
    return [write("linear", each, row, more, shape=(*each.shape[:-1], width)) for each, row, more in sources]


def with_shares(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """With the shares that each token has of the others, which something reads: by products of the heads. Torch has
    tokens first here, and shares with the batch first."""
    q, m = given["query"], given["key"].shape[0]
    if any(given.get(each) is not None for each in ("attn_mask", "key_padding_mask")) or len(q.shape) != 3:
        return False
    write, heads, (n, batch, width) = Writing(lowering, operation), given["num_heads"], q.shape
    size = width // heads
    apart = []
    for each in mapped(write, given):
        shape = (each.shape[0], batch, heads, size)
        split = write("view", each, shape, shape=shape)
        apart.append(write("permute", split, (1, 2, 0, 3), shape=(batch, heads, each.shape[0], size)))
    scaled = write("mul", apart[0], size**-0.5, shape=apart[0].shape)
    keys = write("transpose", apart[1], -2, -1, shape=(batch, heads, size, m))
    scores = write("matmul", scaled, keys, shape=(batch, heads, n, m))
    y, shares = operation.makes
    averaged = given.get("average_attn_weights", True)
    shown = write("softmax", scores, -1, shape=scores.shape, makes=None if averaged else shares)
    if averaged:
        write("mean", shown, 1, shape=shares.shape, makes=shares)
    joined = write("matmul", shown, apart[2], shape=(batch, heads, n, size))
    tokens = write("permute", joined, (2, 0, 1, 3), shape=(n, batch, heads, size))
    flat = write("reshape", tokens, (n, batch, width), shape=(n, batch, width))
    write("linear", flat, given["out_proj_weight"], given["out_proj_bias"], shape=y.shape, makes=y)
    return write.is_placed()


def pairs_of(lowering: Lowering, operation: Operation, mask: object) -> Step | None:
    """Numbers for all pairs of tokens, which all samples share; or for each token of a sample that is attended to."""
    if not isinstance(mask, Value) or not mask.dtype.startswith("float") or len(mask.shape) != 2:
        return None
    if not lowering.is_placed(mask) or not (lowering.is_shared(mask) or lowering.is_batch_first(mask)):
        return None
    step = lowering.at[mask]
    shape = step.volume.item_shape
    wider = (1,) * (3 - len(shape)) + shape
    return moved(lowering, operation, step, reshaped(shape, wider), last=False)


@lowers("scaled_dot_product_attention", takes="query key value attn_mask dropout_p is_causal scale enable_gqa")
def attend(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Heads of one sequence as one layer, others as the products that they are; with numbers added to the scores."""
    three, mask = (given["query"], given["key"], given["value"]), given.get("attn_mask")
    if lowering.is_placed(*three) and is_causal(lowering, mask, three[0].shape[-2:-1]):
        return attend(lowering, operation, {**given, "attn_mask": None, "is_causal": True})
    if not lowering.is_placed(*three) or (mask is not None and not is_added(lowering, mask, three[0])):
        return False
    q, k, v = (turned(lowering, operation, each, last=True) for each in three)
    ranks = {each.volume.rank for each in (q, k, v)}
    if ranks == {2} and len({batch_axis(each, lowering.program.batch) for each in three}) == 1:
        return of_heads(lowering, operation, given, (q, k, v))
    if not lowering.are_together(*three) or len(ranks) > 1 or not q.volume.rank:
        return False
    return (
        not given.get("is_causal") and not given.get("enable_gqa") and products(lowering, operation, given, (q, k, v))
    )


def is_added(lowering: Lowering, mask: object, query: Value) -> bool:
    """Whether a mask is numbers that are added to the scores of the same samples, and not conditions."""
    if not isinstance(mask, Value) or not lowering.is_placed(mask) or not mask.dtype.startswith("float"):
        return False
    return lowering.are_together(mask, query) and len(mask.shape) <= len(query.shape)


def of_rank(lowering: Lowering, operation: Operation, scores: Step, added: Step) -> tuple[Step, Step]:
    """Scores, and what is added to them with as many axes."""
    shape = added.volume.item_shape
    wider = (1,) * (scores.volume.rank + 1 - len(shape)) + shape
    if wider != shape:
        return scores, moved(lowering, operation, added, reshaped(shape, wider), last=True)
    return scores, turned(lowering, operation, added, last=True)


def of_pairs(lowering: Lowering, operation: Operation, mask: Value, query: Value) -> Step:
    """What is added to the scores of each head, or of all heads: heads first, then pairs."""
    step = aligned(lowering, operation, mask, query) or lowering.at[mask]
    shape = step.volume.item_shape
    if len(shape) == 2:
        return moved(lowering, operation, step, reshaped(shape, (1, *shape)), last=False)
    return turned(lowering, operation, step, last=False)


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
    mask = given.get("attn_mask")
    if mask is not None:
        sources.append(of_pairs(lowering, operation, mask, given["query"]))
    made = layer(
        "attend",
        num_heads=heads,
        num_kv_heads=groups if groups != heads else None,
        causal=True if given.get("is_causal") else None,
        scale=None if scale is None or abs(scale - usual) < 1e-9 * usual else float(scale),
        mask=None if mask is None else Reference(""),
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
    if scaled is not None and given.get("attn_mask") is not None:
        added = aligned(lowering, operation, given["attn_mask"], given["query"])
        scaled = added and then(lowering, operation, layer("add"), *of_rank(lowering, operation, scaled, added))
    weights = scaled and then(lowering, operation, layer("softmax"), scaled)
    if given["query"] in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[given["query"]]
    return settle(lowering, operation, weights and then(lowering, operation, layer("matmul"), weights, v))
