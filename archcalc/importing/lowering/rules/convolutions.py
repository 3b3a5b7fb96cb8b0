"""Convolutions and linear maps."""

from string import ascii_lowercase
from typing import Any

from archcalc.importing.lowering.arranging import reshaped
from archcalc.importing.lowering.calls import Writing, between, call, in_order
from archcalc.importing.lowering.frames import Seen, over_positions, place_over
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import forget, moved, settle, then, turned
from archcalc.importing.lowering.numbers import as_integers
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.sharing import brought
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import BUFFER, DERIVED, MADE, WEIGHT, Operation, Value
from archcalc.layer import Layer, Letters, Reference


def per_axis(value: Any, rank: int) -> tuple[int, ...]:
    """One number for each axis."""
    each = tuple(value) if isinstance(value, tuple) else (value,)
    return each * rank if len(each) == 1 else each


def short(values: Any) -> Any:
    """A number, where all axes have the same.

    >>> short((3, 3)), short((1, 7)), short("same")
    (3, (1, 7), 'same')
    """
    return values[0] if isinstance(values, tuple) and len(set(values)) == 1 else values


@lowers("conv1d", "conv2d", "conv3d", takes="input weight bias stride padding dilation groups")
def conv(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, weight, bias = given["input"], given["weight"], given.get("bias")
    seen, rank = over_positions(lowering, operation, x), len(weight.shape) - 2
    stride, padding = per_axis(given.get("stride", 1), rank), given.get("padding", 0)
    if seen is None or not seen.takes(stride):
        return False
    stored, how = weights_of(weight)
    apart = is_of_others(lowering, bias)
    made = layer(
        "conv",
        kernel_size=short(seen.along(weight.shape[2:])),
        out_channels=weight.shape[0],
        stride=short(seen.along(stride)),
        padding=in_words(padding, weight, given)
        if isinstance(padding, str)
        else short(seen.apart(per_axis(padding, rank), 0)),
        dilation=short(seen.apart(per_axis(given.get("dilation", 1), rank), 1)),
        groups=given.get("groups", 1),
        bias=bias is not None and not apart,
        **how,
    )
    if apart and isinstance(bias, Value):
        return lowering.tried(lambda: with_bias_of_others(lowering, operation, made, x, seen, stored, bias))
    if place_over(lowering, operation, made, x, seen, {**stored, "bias": bias}):
        return True
    return not seen.parts and by_filters(lowering, operation, made, x, weight, bias)


def in_words(padding: str, weight: Value, given: Arguments) -> str:
    """`same` adds one element more at the end where a window has an even number of steps between its ends."""
    dilation = per_axis(given.get("dilation", 1), len(weight.shape) - 2)
    odd = any(d * (k - 1) % 2 for d, k in zip(dilation, weight.shape[2:], strict=True))
    return "same_upper" if padding == "same" and odd else padding


def is_of_others(lowering: Lowering, bias: object) -> bool:
    """Whether a bias is that of several layers with weights of their own, as in files that store equal values once."""
    if not isinstance(bias, Value) or bias.kind != WEIGHT:
        return False
    others = {tuple(each for each in one.values if each.kind == WEIGHT) for one in lowering.readers.get(bias, ())}
    return len(others) > 1


def with_bias_of_others(
    lowering: Lowering, operation: Operation, conv: Layer, x: Value, seen: Seen, stored: dict[str, object], bias: Value
) -> bool:
    """A convolution without a bias, and the bias as a layer that runs several times."""
    y = operation.makes[0]
    filtered = Value(MADE, y.shape, y.dtype, maker=operation)
    if not place_over(lowering, operation, conv, x, seen, stored, filtered):
        return False
    size = (*bias.shape, *(1,) * (len(y.shape) - 2))
    if not is_of_other_shapes(lowering, operation, bias):
        return lowering.place(operation, layer("learned", size=size, op="add"), [filtered], {"weight": bias})
    shift = moved(lowering, operation, lowering.at[bias], reshaped(bias.shape, size), last=False)
    return lowering.place(operation, layer("add"), [filtered, shift])


def is_of_other_shapes(lowering: Lowering, operation: Operation, bias: Value) -> bool:
    """Whether some layers add a bias to features that come first, and some to those that come last. It has a layer of
    its own then."""
    first = {each.function.startswith("conv") for each in lowering.readers[bias]}
    return len(first) > 1 and brought(lowering, operation, bias)


def by_filters(lowering: Lowering, operation: Operation, conv: Layer, x: Value, weight: Value, bias: object) -> bool:
    """With filters that are no weights of its own: fixed, or computed; a bias is added then."""
    if not lowering.is_placed(weight) or not lowering.is_shared(weight):
        return False
    given = {key: value for key, value in conv.stated().items() if key in ("stride", "padding", "dilation", "groups")}
    made = layer("convolve", filters=Reference(""), **given)
    steps = [turned(lowering, operation, each, last=False) for each in (x, weight)]
    if not isinstance(bias, Value):
        return lowering.place(operation, made, steps)
    filtered = then(lowering, operation, made, *steps)
    if filtered is None:
        return False
    size = (*bias.shape, *(1,) * (len(weight.shape) - 2))
    if bias.kind == WEIGHT:
        return lowering.place(operation, layer("learned", size=size, op="add"), [filtered], {"weight": bias})
    if not lowering.is_placed(bias):
        return False
    shift = moved(lowering, operation, lowering.at[bias], reshaped(bias.shape, size), last=False)
    return lowering.place(operation, layer("add"), [filtered, shift])


def weights_of(weight: Value) -> tuple[dict[str, object], dict[str, object]]:
    """The stored values that a weight is, or is normalised from, by their names in a layer; arguments of the layer."""
    maker = weight.maker if weight.kind == DERIVED else None
    if maker is not None and maker.function == "div":
        return over_singular_value(maker) or ({"weight": weight}, {})
    if maker is None or maker.function != "_weight_norm":
        return {"weight": weight}, {}
    direction, length, *rest = maker.arguments
    axis = rest[0] if rest else maker.keywords.get("dim", 0)
    prefix = "parametrizations.weight"
    named = {f"{prefix}.original0": length, f"{prefix}.original1": direction}
    return named, {"parametrization": "weight_norm", "norm_dim": axis or None}


def over_singular_value(division: Operation) -> tuple[dict[str, object], dict[str, object]] | None:
    """A weight over its largest singular value, u W v, as spectral normalisation has it; None for anything else."""
    weight, value = division.arguments[:2]
    weight = seen_under(weight)
    dot = value.maker if isinstance(value, Value) else None
    if dot is None or dot.function not in ("dot", "vdot") or len(dot.values) != 2:
        return None
    product = dot.values[1].maker
    if product is None or product.function != "mv" or seen_under(product.values[0]) is not weight:
        return None
    first, second = (seen_under(each) for each in (dot.values[0], product.values[1]))
    if {first.kind, second.kind} != {BUFFER} or product.values[0].shape[0] != weight.shape[0]:
        return None
    prefix = "parametrizations.weight"
    named: dict[str, object] = {f"{prefix}.original": weight, f"{prefix}.0._u": first, f"{prefix}.0._v": second}
    return named, {"parametrization": "spectral_norm"}


def seen_under(value: Value) -> Value:
    """What a value is a copy or another view of, in the same order."""
    while value.maker is not None and value.maker.function in ("clone", "reshape", "flatten", "view", "contiguous"):
        value = value.maker.values[0]
    return value


@lowers(
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    takes="input weight bias stride padding output_padding groups dilation",
)  # fmt: skip
def upconv(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, weight, bias = given["input"], given["weight"], given.get("bias")
    seen = over_positions(lowering, operation, x)
    if seen is None or seen.among:
        return False
    rank, groups = len(weight.shape) - 2, given.get("groups", 1)
    stored, how = weights_of(weight)
    made = layer(
        "upconv",
        kernel_size=short(seen.along(weight.shape[2:])),
        out_channels=weight.shape[1] * groups,
        stride=short(seen.along(per_axis(given.get("stride", 1), rank))),
        padding=short(seen.along(per_axis(given.get("padding", 0), rank), 0)),
        output_padding=short(seen.along(per_axis(given.get("output_padding", 0), rank), 0)),
        dilation=short(seen.along(per_axis(given.get("dilation", 1), rank))),
        groups=groups,
        bias=bias is not None,
        **how,
    )
    return place_over(lowering, operation, made, x, seen, {**stored, "bias": bias})


@lowers("linear", takes="input weight bias")
def linear(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Over the last axis, which is features where the volume says so."""
    x, weight, bias = given["input"], given["weight"], given.get("bias")
    if not isinstance(weight, Value) or not lowering.is_placed(x):
        return False
    stored, how = weights_of(weight)
    own = isinstance(bias, Value) and bias.kind == WEIGHT and (how or weight.kind == WEIGHT)
    if isinstance(bias, Value) and (not own or is_of_others(lowering, bias)):
        if own:
            is_of_other_shapes(lowering, operation, bias)
        product = between(lowering, operation, "linear", x, weight, shape=operation.makes[0].shape)
        return in_order(lowering, product, last=call(operation, "add", product, bias, makes=operation.makes))
    if weight.kind != WEIGHT and not how:
        return by_computed(lowering, operation, x, weight)
    size, weights = dict(out_features=weight.shape[0], bias=bias is not None, **how), {**stored, "bias": bias}
    before = flattened(lowering, operation, x)
    if before is not None:
        made = layer("linear", flatten=True, **size)
        if lowering.place(operation, made, [before.sources[0]], weights):
            forget(lowering, before)
            return True
    made = layer("linear", **size)
    return lowering.place(operation, made, [turned(lowering, operation, x, last=True)], weights)


def by_computed(lowering: Lowering, operation: Operation, x: Value, weight: Value) -> bool:
    """A linear map whose matrix is computed from weights, or is a part of one."""
    if not lowering.is_placed(weight) or not lowering.is_shared(weight) or len(weight.shape) != 2:
        return False
    step = turned(lowering, operation, x, last=True)
    places = ascii_lowercase[2 : 2 + step.volume.rank]
    left, right, out = (Letters(f"a{each}") for each in (f"{places}y", "zy", f"{places}z"))
    made = layer("einsum", left=left, right=right, out=out, other=Reference(""))
    return lowering.place(operation, made, [step, turned(lowering, operation, weight, last=True)])


def flattened(lowering: Lowering, operation: Operation, x: Value) -> Step | None:
    """The step that flattens a map for this operation alone, which is `fc`."""
    step = lowering.at[x]
    if step.kind != "flatten" or step.sources[0].volume.channels_last or lowering.only_reader(x) is not operation:
        return None
    inside = not step.module or f"{operation.module}.".startswith(f"{step.module}.")
    return step if inside and lowering.seen_as.get(step) == [x] else None


@lowers(
    "embedding_bag", takes="input weight offsets max_norm norm_type scale_grad_by_freq mode sparse per_sample_weights"
)
def bag(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The rows of a table for all integers of a sample, together."""
    ids, weight, y = given["input"], given["weight"], operation.makes[0]
    unknown = ("offsets", "max_norm", "per_sample_weights", "padding_idx")
    if not isinstance(ids, Value) or len(ids.shape) != 2 or any(given.get(each) is not None for each in unknown):
        return False
    write = Writing(lowering, operation)
    rows = write("embedding", ids, weight, shape=(*ids.shape, weight.shape[1]))
    function = {"sum": "sum", "mean": "mean", "max": "amax"}[given.get("mode", "mean")]
    write(function, rows, 1, shape=y.shape, makes=y)
    return write.is_placed()


@lowers("embedding", takes="input weight padding_idx max_norm norm_type scale_grad_by_freq sparse")
def embedding(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, weight = given["input"], given["weight"]
    if not lowering.is_placed(x) or given.get("max_norm") is not None:
        return False
    ids = as_integers(lowering, operation, x)
    if not ids.volume.is_ids:
        return False
    if weight.kind != WEIGHT:
        return lowering.is_placed(weight) and lowering.place(
            operation, layer("lookup", table=Reference("")), [ids, lowering.at[weight]]
        )
    rows, features = weight.shape
    padding = given.get("padding_idx")
    padding = None if padding is None or padding < 0 else padding
    made = layer("embedding", num_embeddings=rows, embedding_dim=features, padding_idx=padding)
    if lowering.item(x) != ():
        return lowering.place(operation, made, [ids], {"weight": weight})
    row = Value(MADE, (*x.shape, 1, features), operation.makes[0].dtype, maker=operation)  # one number is a row of one
    if not lowering.place(operation, made, [ids], {"weight": weight}, row):
        return False
    plan = reshaped((1, features), (features,))
    return settle(lowering, operation, moved(lowering, operation, lowering.at[row], plan, last=True))
