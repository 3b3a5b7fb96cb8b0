"""Norms."""

from collections.abc import Mapping, Sequence

from archcalc.importing.lowering.arranging import permuted
from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.frames import is_folded, over_maps, over_positions, place_over
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import first, moved, settle, then, turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.convolutions import is_of_other_shapes, is_of_others
from archcalc.importing.program import Operation, Value
from archcalc.layer import Layer


@lowers("batch_norm", takes="input running_mean running_var weight bias training momentum eps")
def batch_norm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """With stored statistics, whose count of batches no function reads."""
    weight, bias = given.get("weight"), given.get("bias")
    if given.get("training") and lowering.is_placed(given["input"]) and lowering.is_shared(given["input"]):
        return of_shared(lowering, operation, given)
    if given.get("running_mean") is None or given.get("training") or (weight is None) != (bias is None):
        return False
    x = given["input"]
    if not lowering.is_placed(x) or lowering.axis(x, 1) is None:
        return False
    made = layer("batchnorm", eps=given.get("eps"), momentum=given.get("momentum"), affine=weight is not None)
    statistics = {name: given[name] for name in ("running_mean", "running_var")}
    held = {"weight": weight, "bias": bias, **statistics}
    seen = over_positions(lowering, operation, x) if len(x.shape) > 2 or lowering.is_batch_first(x) else None
    if seen is not None:
        return place_over(lowering, operation, made, x, seen, held)
    return len(x.shape) == 2 and of_tokens(lowering, operation, made, x, held)


def of_shared(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of a table whose rows are features, with its own mean and deviation, as weights are standardised."""
    x, weight, bias, y = given["input"], given.get("weight"), given.get("bias"), operation.makes[0]
    if len(x.shape) != 3 or x.shape[0] != 1 or given.get("running_mean") is not None:
        return False
    write = Writing(lowering, operation)
    rest: list[tuple[str, Value]] = [
        (name, each) for name, each in (("mul", weight), ("add", bias)) if each is not None
    ]
    arguments = ((x.shape[-1],), None, None, given.get("eps", 1e-5))
    found = write("layer_norm", x, *arguments, shape=x.shape, makes=None if rest else y)
    for i, (name, each) in enumerate(rest):
        column = write("view", each, *each.shape, 1, shape=(*each.shape, 1))
        found = write(name, found, column, shape=x.shape, makes=y if i == len(rest) - 1 else None)
    return write.is_placed()


def of_tokens(
    lowering: Lowering, operation: Operation, made: Layer, x: Value, weights: Mapping[str, Value | None]
) -> bool:
    """Over the tokens of all samples, one after the other: as channels before tokens, and back."""
    shape = lowering.at[x].volume.item_shape
    before = moved(lowering, operation, lowering.at[x], permuted(shape, (1, 0)), last=False)
    held = {name: each for name, each in weights.items() if each is not None}
    normed = then(lowering, operation, made, before, weights=held)
    if normed is None:
        return False
    if x in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[x]
    return settle(lowering, operation, moved(lowering, operation, normed, permuted(shape[::-1], (1, 0)), last=True))


@lowers("layer_norm", takes="input normalized_shape weight bias eps")
def layer_norm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, weight, bias, over = given["input"], given.get("weight"), given.get("bias"), given["normalized_shape"]
    if not lowering.is_placed(x):
        return False
    if weight is not None and (is_of_others(lowering, weight) or is_of_others(lowering, bias)):
        return apart(lowering, operation, given, weight, ()) or apart(lowering, operation, given, None, (weight,))
    volume = lowering.volume(x)
    features = len(over) == 1
    if not features and tuple(over) != volume.item_shape:
        return False
    made = layer(
        "layernorm",
        over="features" if features else "all",
        eps=given.get("eps"),
        elementwise_affine=weight is not None,
        bias=bias is not None or weight is None,
    )
    seen = turned(lowering, operation, x, last=True) if features else x
    return lowering.place(operation, made, [seen], {"weight": weight, "bias": bias})


def apart(
    lowering: Lowering, operation: Operation, given: Arguments, weight: Value | None, factors: tuple[Value, ...]
) -> bool:
    """A layer norm whose bias other layers have, too, and maybe its weight: each is a layer that runs several times."""
    x, bias = given["input"], given.get("bias")
    if bias is not None:
        is_of_other_shapes(lowering, operation, bias)
    write = Writing(lowering, operation)
    rest = [*(("mul", each) for each in factors), *([("add", bias)] if bias is not None else [])]
    found = write("layer_norm", x, given["normalized_shape"], weight, None, given.get("eps", 1e-5), shape=x.shape)
    return followed(write, found, rest)


def followed(write: Writing, normed: Value, rest: Sequence[tuple[str, Value]]) -> bool:
    """Whether layers were placed for a norm and what follows it: products with further values, and sums."""
    for i, (name, each) in enumerate(rest, 1):
        last = write.operation.makes[0] if i == len(rest) else None
        normed = write(name, normed, each, shape=normed.shape, makes=last)
    return bool(rest) and write.is_placed()


@lowers("rms_norm", takes="input normalized_shape weight eps")
def rms_norm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, weight = given["input"], given.get("weight")
    if not lowering.is_placed(x) or len(given["normalized_shape"]) != 1:
        return False
    made = layer("rmsnorm", eps=given.get("eps"), elementwise_affine=weight is not None)
    return lowering.place(operation, made, [turned(lowering, operation, x, last=True)], {"weight": weight})


@lowers("group_norm", takes="input num_groups weight bias eps")
def group_norm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, weight, bias, groups = given["input"], given.get("weight"), given.get("bias"), given["num_groups"]
    if not lowering.is_placed(x):
        return False
    if not lowering.is_batch_first(x):
        return of_frames(lowering, operation, given)
    if (weight is None) != (bias is None):
        return with_columns(lowering, operation, given)
    made = layer("group_norm", num_groups=groups, eps=given.get("eps"), affine=weight is not None)
    return lowering.place(operation, made, [first(lowering, operation, x)], {"weight": weight, "bias": bias})


def of_frames(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of frames that are folded into the batch: each has groups of its own, and all have the same weights."""
    x, weight, bias = given["input"], given.get("weight"), given.get("bias")
    if not is_folded(lowering, x):
        return False
    if weight is None or bias is None:
        count = given["num_groups"] * lowering.item_in_batch(x)
        made = layer("group_norm", num_groups=count, eps=given.get("eps"), affine=False)
        return over_maps(lowering, operation, made, x)
    return with_columns(lowering, operation, given)


def with_columns(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """A norm without weights, and its weight and its bias, as far as it has them, as layers of their own."""
    x: Value = given["input"]
    write = Writing(lowering, operation)
    found = write("group_norm", x, given["num_groups"], None, None, given.get("eps", 1e-5), shape=x.shape)
    column = (1, -1, *(1,) * (len(x.shape) - 2))
    held = [(name, given[key]) for name, key in (("mul", "weight"), ("add", "bias")) if given.get(key) is not None]
    rest = [(name, write("view", each, column, shape=(1, *each.shape, *column[2:]))) for name, each in held]
    return followed(write, found, rest)


@lowers("instance_norm", takes="input running_mean running_var weight bias use_input_stats momentum eps")
def instance_norm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, weight, bias = given["input"], given.get("weight"), given.get("bias")
    if not lowering.is_placed(x) or given.get("running_mean") is not None:
        return False
    made = layer("instance_norm", eps=given.get("eps"), affine=weight is not None)
    if not lowering.is_batch_first(x):
        return weight is None and over_maps(lowering, operation, made, x)
    return lowering.place(operation, made, [first(lowering, operation, x)], {"weight": weight, "bias": bias})


@lowers("local_response_norm", takes="input size alpha beta k")
def lrn(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    made = layer("lrn", size=given["size"], alpha=given.get("alpha"), beta=given.get("beta"), k=given.get("k"))
    return lowering.place(operation, made, [given["input"]])
