"""Arithmetic: of two values, element by element; with a number; with a weight; functions of each element."""

from collections.abc import Callable, Mapping
from math import inf, log
from typing import Any, TypeAlias

from archcalc.core.axes import Axis
from archcalc.importing.lowering.arranging import reshaped
from archcalc.importing.lowering.calls import between, call, in_order
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import aligned, forget, moved, then, turned
from archcalc.importing.lowering.numbers import as_numbers
from archcalc.importing.lowering.rule import Arguments, lower, lowers
from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import DERIVED, WEIGHT, Operation, Value
from archcalc.layer import Layer

WithNumber: TypeAlias = Callable[[float], Layer | None]
"""The layer that does the same with a number in place of the second value."""


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_of(lowering: Lowering, value: Any) -> Any:
    """A number for a constant that is a single known one, and depends on no weight; everything else as it is."""
    if not isinstance(value, Value) or value.shape or value.varies or value in lowering.at:
        return value
    if value.kind in (WEIGHT, DERIVED):
        return value
    known = lowering.program.numbers(value)
    return known[0] if known else value


# --- two values ---------------------------------------------------------------------------------------------------


def met(lowering: Lowering, operation: Operation, name: str, x: Value, other: Value) -> bool:
    """An operation of two values of a sample, in their order; the smaller one is broadcast as torch does it."""
    if not lowering.are_together(x, other):
        return False
    found = aligned(lowering, operation, x, other), aligned(lowering, operation, other, x)
    pair = [each for each in found if each is not None]
    if len(pair) < 2:
        return False
    if {each.volume.rank for each in pair} != {pair[0].volume.rank} or not all(each.volume.rank for each in pair):
        pair = [with_axes(lowering, operation, each, pair) for each in pair]
    ranked = [each for each in pair if each.volume.rank]
    if len(ranked) == 2 and ranked[0].volume.channels_last != ranked[1].volume.channels_last:
        last = ranked[0].volume.channels_last if ranked[0] not in lowering.waiting else ranked[1].volume.channels_last
        pair = [turned(lowering, operation, each, last) for each in pair]
    if (slow := other if lowering.is_shared(x) else x) in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[slow]
    before = begun(lowering, operation, name, x)
    whole = [*before.sources, *pair[1:]] if before is not None and pair[0] is before else []
    if before is not None and whole and lowering.place(operation, layer(name), whole):
        forget(lowering, before)
        return True
    return lowering.place(operation, layer(name), pair)


def begun(lowering: Lowering, operation: Operation, name: str, x: Value) -> Step | None:
    """The step that begins a sum of several values in one line of code: `a + b` of `a + b + c`."""
    step = lowering.at.get(x)
    if step is None:  # what it was has become a part of the other step
        return None
    alike = step.kind == name in ("add", "mul") and step.where is not None and step.where == operation.where
    alone = lowering.only_reader(x) is operation and lowering.seen_as.get(step) == [x]
    return step if alike and alone and step.module == operation.module else None


def with_axes(lowering: Lowering, operation: Operation, step: Step, pair: list[Step]) -> Step:
    """A step with as many axes as the other one has, the new ones in front, of length 1; features alone are features
    of whatever has its features last."""
    most = max(pair, key=lambda each: each.volume.rank)
    if step.volume.rank == most.volume.rank:
        return turned(lowering, operation, step, last=True)
    if not step.volume.rank:
        return step
    shape = step.volume.item_shape
    wider = (1,) * (most.volume.rank - step.volume.rank) + shape
    return moved(lowering, operation, step, reshaped(shape, wider), last=True)


def two(*functions: str, name: str, number: WithNumber, swapped: str = "", learned: str = "") -> None:
    """Registers an operation: of two values, the layer `name`; with a number; with a weight, the layer `learned`.

    `swapped`: what a number and a value in the other order are, if the order counts.
    """

    @lowers(*functions, takes="input other")
    def rule(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
        pair = (number_of(lowering, given[each]) for each in ("input", "other"))
        x, other = (as_numbers(lowering, operation, each) for each in pair)
        if given.get("rounding_mode"):
            return False
        if given.get("alpha", 1) != 1:
            return with_factor(lowering, operation, given, name)
        if operation.function in REVERSED:
            x, other = other, x
        if lowering.is_placed(x, other):
            return met(lowering, operation, name, x, other)
        if is_number(other) and lowering.is_placed(x):
            made = number(float(other))
            return made is not None and lowering.place(operation, made, [x])
        if swapped and is_number(x) and lowering.is_placed(other):
            return backwards(lowering, operation, swapped, float(x), other)
        if not swapped and lowering.is_placed(other):
            x, other = other, x
            if is_number(other):
                made = number(float(other))
                return made is not None and lowering.place(operation, made, [x])
        return bool(learned) and with_weight(lowering, operation, x, other, learned)


def with_factor(lowering: Lowering, operation: Operation, given: Arguments, name: str) -> bool:
    """With a number times the second value."""
    (x, other), factor, y = (given["input"], given["other"]), given["alpha"], operation.makes[0]
    if operation.function in REVERSED:
        x, other = other, x
        if not isinstance(other, Value):
            return False
    if not isinstance(factor, int | float):
        return False
    if isinstance(other, Value):
        times = between(lowering, operation, "mul", other, float(factor), shape=other.shape)
        return in_order(lowering, times, last=call(operation, name, x, times, makes=(y,)))
    return lower(lowering, call(operation, name, x, other * factor, makes=(y,)))


REVERSED = ("__rsub__", "rsub", "__rtruediv__", "__rpow__", "__rdiv__")
"""Functions whose first value comes second."""


def backwards(lowering: Lowering, operation: Operation, name: str, number: float, x: Value) -> bool:
    """A number minus a value, over one, or to the power of one: the value changed first, and then the number."""
    first, then = {
        "sub": (layer("neg"), layer("add_constant", value=number)),
        "div": (layer("pow", exponent=-1.0), layer("scale", factor=number)),
        "pow": (layer("scale", factor=log(number) if number > 0 else 1.0), layer("exp")),
    }[name]
    if name == "pow" and number <= 0:
        return False
    source = lowering.at[x]
    if lowering.fits(first, [source.volume], lowering.item(x)) is None:
        return False
    if number == {"sub": 0, "div": 1}.get(name):
        return lowering.place(operation, first, [x])
    step = Step(first, (source,), first.shape(source.volume), operation.module, function=operation.function)
    step.where = operation.where
    lowering.waiting.add(step)
    return lowering.place(operation, then, [step])


def with_weight(lowering: Lowering, operation: Operation, x: object, weight: object, name: str) -> bool:
    """With a weight that all samples share: under its own name, or as learned values of any size."""
    if not isinstance(x, Value) or not isinstance(weight, Value) or x not in lowering.at:
        return False
    if name == "position_embedding" and with_first_rows(lowering, operation, x, weight):
        return True
    stored = stored_under(weight)
    if stored is None:
        return name == "position_embedding" and with_rows(lowering, operation, x, weight)
    if stored is weight and lowering.place(operation, layer(name), [x], {"weight": weight}):
        return True
    if not is_shared(lowering, x, weight):
        return False
    if name == "layer_scale" and (axis := only_axis(lowering, x, weight)) in (0, lowering.volume(x).rank):
        seen = turned(lowering, operation, x, last=axis == lowering.volume(x).rank)
        if lowering.place(operation, layer(name), [seen], {"weight": stored}):
            return True
    made = layer("learned", size=weight.shape or (1,), op="mul" if name == "layer_scale" else "add")
    return lowering.place(operation, made, [x], {"weight": stored})


def stored_under(value: Value) -> Value | None:
    """The weight that a value is, seen with more axes of length 1 or fewer."""
    while value.kind == DERIVED and value.maker is not None:
        if value.maker.function not in ("reshape", "view", "unsqueeze", "squeeze", "__getitem__", "expand"):
            return None
        before = value.maker.values[0]
        if [n for n in before.shape if n != 1] != [n for n in value.shape if n != 1]:
            return None
        value = before
    return value if value.kind == WEIGHT else None


def with_rows(lowering: Lowering, operation: Operation, x: Value, rows: Value) -> bool:
    """Rows of a table that are the same for every sample: the first of them as a table of positions, or the same one
    for each token."""
    maker = rows.maker
    while maker is not None and maker.function in ("to", "contiguous", "float") and maker.values:
        maker = maker.values[0].maker
    if maker is None or maker.function != "embedding" or lowering.volume(x).rank != 1:
        return False
    ids, table = maker.values[0], maker.values[1]
    known, length = lowering.program.integers(ids), rows.shape[-2]
    if known is None or table.kind != WEIGHT or not known or not alike_for_all(lowering, x, rows):
        return False
    chosen = known[:length]
    if known != chosen * (len(known) // length):
        return False
    seen = turned(lowering, operation, x, last=True)
    if chosen == tuple(range(length)) and seen.volume.spatial == (length,):
        made = layer("position_embedding", length=table.shape[0] if table.shape[0] != length else None)
        return lowering.place(operation, made, [seen], {"weight": table})
    whole = then(lowering, operation, layer("learned", size=table.shape), weights={"weight": table})
    if len(set(chosen)) == 1:
        made = layer("select", index=chosen[0])
    elif chosen == tuple(range(chosen[0], chosen[0] + length)):
        made = layer("slice", begin=chosen[0], end=chosen[0] + length, axis=Axis("length"))
    else:
        return False
    row = whole and then(lowering, operation, made, whole)
    return row is not None and lowering.place(operation, layer("add"), [seen, row])


def with_first_rows(lowering: Lowering, operation: Operation, x: Value, rows: Value) -> bool:
    """The first rows of a weight, one for each token: `x + self.weight[:, :n]`."""
    maker = rows.maker
    if maker is None or maker.function != "__getitem__" or lowering.volume(x).rank != 1:
        return False
    table = maker.arguments[0]
    index = maker.arguments[1] if isinstance(maker.arguments[1], tuple) else (maker.arguments[1],)
    if table.kind != WEIGHT or table.shape[:-2] not in ((), (1,)) or len(rows.shape) != len(table.shape):
        return False
    if not all(isinstance(each, slice) and not each.start and each.step in (None, 1) for each in index):
        return False
    made = layer("position_embedding", length=table.shape[-2])
    return lowering.place(operation, made, [turned(lowering, operation, x, last=True)], {"weight": table})


def alike_for_all(lowering: Lowering, x: Value, rows: Value) -> bool:
    """Whether rows have no axis for the batch, or one that is 1 or the batch."""
    at = batch_axis(x, lowering.program.batch)
    return len(rows.shape) == 2 or (len(rows.shape) == 3 and at == 0 and rows.shape[0] in (1, x.shape[0]))


def is_shared(lowering: Lowering, x: Value, weight: Value) -> bool:
    """Whether the weight has no axis, or one of length 1, where the batch is."""
    at = batch_axis(x, lowering.program.batch)
    place = (at or 0) - (len(x.shape) - len(weight.shape))
    return at is not None and (place < 0 or weight.shape[place] == 1)


def only_axis(lowering: Lowering, x: Value, weight: Value) -> int | None:
    """The axis of a sample along which a weight is longer than 1, if it is a single one."""
    long = [i - len(weight.shape) for i, n in enumerate(weight.shape) if n != 1]
    return lowering.axis(x, long[0]) if len(long) == 1 and -long[0] <= len(x.shape) else None


def scaled(number: float) -> Layer:
    return layer("scale", factor=number)


def shifted(number: float) -> Layer:
    return layer("add_constant", value=number)


def powered(number: float) -> Layer:
    named = {2.0: "square", 0.5: "sqrt", -0.5: "rsqrt"}.get(number)
    return layer(named) if named else layer("pow", exponent=number)


two("add", "add_", "__add__", "__iadd__", "__radd__", name="add", number=shifted, learned="position_embedding")
two("mul", "mul_", "multiply", "__mul__", "__imul__", "__rmul__", name="mul", number=scaled, learned="layer_scale")
two(
    "sub", "sub_", "__sub__", "__isub__", "__rsub__", "rsub", "subtract",
    name="sub", number=lambda n: shifted(-n), swapped="sub",
)  # fmt: skip
two(
    "div", "div_", "__truediv__", "__itruediv__", "__rtruediv__", "true_divide", "divide", "__rdiv__",
    name="div", number=lambda n: scaled(1 / n) if n else None, swapped="div",
)  # fmt: skip
two("pow", "pow_", "__pow__", "__ipow__", "float_power", name="pow", number=powered, swapped="pow")
two("maximum", name="maximum", number=lambda n: layer("clamp", min=n))
two("minimum", name="minimum", number=lambda n: layer("clamp", max=n))


# --- functions of each element ------------------------------------------------------------------------------------

FUNCTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "abs": ("abs", {}),
    "absolute": ("abs", {}),
    "__abs__": ("abs", {}),
    "neg": ("neg", {}),
    "negative": ("neg", {}),
    "__neg__": ("neg", {}),
    "exp": ("exp", {}),
    "log": ("log", {}),
    "sqrt": ("sqrt", {}),
    "rsqrt": ("rsqrt", {}),
    "square": ("square", {}),
    "sin": ("sin", {}),
    "cos": ("cos", {}),
    "reciprocal": ("pow", {"exponent": -1.0}),
    "erf": ("erf", {}),
    "special_erf": ("erf", {}),
    "sign": ("sign", {}),
    "sgn": ("sign", {}),
    "floor": ("floor", {}),
    "ceil": ("ceil", {}),
}
"""Functions of one value: the layer that does the same, and its arguments."""


@lowers(*FUNCTIONS, *(f"{each}_" for each in FUNCTIONS if not each.startswith("__")), takes="input")
def function(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    found = operation.function
    name, arguments = FUNCTIONS[found if found in FUNCTIONS else found.removesuffix("_")]
    return lowering.place(operation, layer(name, **arguments), [given["input"]])


@lowers("round", "round_", takes="input decimals")
def rounded(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return not given.get("decimals") and lowering.place(operation, layer("round"), [given["input"]])


@lowers("clamp", "clamp_", "clip", "clip_", takes="input min max")
def clamp(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    bounds = {key: given.get(key) for key in ("min", "max")}
    if not all(each is None or (is_number(each) and abs(each) < inf) for each in bounds.values()):
        return False
    stated = {key: float(each) for key, each in bounds.items() if each is not None}
    return bool(stated) and lowering.place(operation, layer("clamp", **stated), [given["input"]])


@lowers("clamp_min", "clamp_min_", takes="input min")
def clamp_min(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return clamp(lowering, operation, given)


@lowers("clamp_max", "clamp_max_", takes="input max")
def clamp_max(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return clamp(lowering, operation, given)


@lowers("zero_", "zeros_like", takes="input")
def zero(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return lowering.place(operation, scaled(0.0), [given["input"]])


# --- several operations in one call -------------------------------------------------------------------------------
