"""Functions that are spelled out: each is a few others, which have layers."""

from collections.abc import Callable, Mapping
from math import log, pi, prod
from typing import Any

from archcalc.importing.lowering.calls import Writing, broadcast
from archcalc.importing.lowering.lowering import Lowering
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation, Value


def spelled(*functions: str, takes: str) -> Callable[[Callable[..., None]], None]:
    """Registers a rule that writes other calls: of `write`, the first value, what is made, and the other arguments."""

    def register(calls: Callable[..., None]) -> None:
        @lowers(*functions, takes=takes)
        def rule(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
            x, *_ = (given.get(name) for name in takes.split())
            if not isinstance(x, Value) or len(operation.makes) != 1:
                return False
            write = Writing(lowering, operation)
            try:
                calls(write, x, operation.makes[0], given)
            except Unknown:
                return False
            return bool(write.calls) and write.is_placed()

    return register


class Unknown(Exception):
    """Arguments with which a function is not spelled out."""


def value_of(given: Arguments, name: str) -> Value:
    found = given.get(name)
    if not isinstance(found, Value):
        raise Unknown
    return found


def number_in(given: Arguments, name: str, default: float) -> float:
    found = given.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Unknown
    return float(found)


CHAINS: Mapping[str, tuple[tuple[Any, ...], ...]] = {
    "log1p": (("add", 1.0), ("log",)),
    "expm1": (("exp",), ("sub", 1.0)),
    "exp2": (("mul", log(2)), ("exp",)),
    "log2": (("log",), ("mul", 1 / log(2))),
    "log10": (("log",), ("mul", 1 / log(10))),
    "erfc": (("erf",), ("rsub", 1.0)),
    "deg2rad": (("mul", pi / 180),),
    "rad2deg": (("mul", 180 / pi),),
}
"""Functions of one value as functions one after the other, with their further arguments."""


def chain(function: str) -> None:
    @spelled(function, f"{function}_", takes="input")
    def rule(write: Writing, x: Value, y: Value, given: Arguments) -> None:
        *before, last = CHAINS[function]
        for name, *arguments in before:
            x = write(name, x, *arguments, shape=y.shape)
        write(last[0], x, *last[1:], shape=y.shape, makes=y)


for each in CHAINS:
    chain(each)


@spelled("trunc", "fix", "trunc_", "fix_", takes="input")
def trunc(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """sign(x) floor(|x|)."""
    size = write("floor", write("abs", x, shape=y.shape), shape=y.shape)
    write("mul", write("sign", x, shape=y.shape), size, shape=y.shape, makes=y)


@spelled("frac", "frac_", takes="input")
def frac(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    write("sub", x, write("trunc", x, shape=y.shape), shape=y.shape, makes=y)


@spelled("tan", "tan_", takes="input")
def tan(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    write("div", write("sin", x, shape=y.shape), write("cos", x, shape=y.shape), shape=y.shape, makes=y)


@spelled("sinh", "sinh_", takes="input")
def sinh(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    write("mul", of_exponentials(write, "sub", x), 0.5, shape=y.shape, makes=y)


@spelled("cosh", "cosh_", takes="input")
def cosh(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    write("mul", of_exponentials(write, "add", x), 0.5, shape=y.shape, makes=y)


def of_exponentials(write: Writing, function: str, x: Value) -> Value:
    """exp(x) and exp(-x), added or subtracted."""
    other = write("exp", write("neg", x, shape=x.shape), shape=x.shape)
    return write(function, write("exp", x, shape=x.shape), other, shape=x.shape)


@spelled("mse_loss", takes="input target size_average reduce reduction")
def mse_loss(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The square of each difference."""
    write("square", differences(write, x, y, given), shape=y.shape, makes=y)


@spelled("l1_loss", takes="input target size_average reduce reduction")
def l1_loss(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The size of each difference."""
    write("abs", differences(write, x, y, given), shape=y.shape, makes=y)


def differences(write: Writing, x: Value, y: Value, given: Arguments) -> Value:
    if given.get("reduction", "mean") != "none" or given.get("weight") is not None:
        raise Unknown
    return write("sub", x, value_of(given, "target"), shape=y.shape)


@spelled("cdist", takes="x1 x2 p")
def cdist(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The norm of the difference of each two tokens."""
    if given.get("p", 2.0) != 2:
        raise Unknown
    other = value_of(given, "x2")
    *before, n, width = x.shape
    rows = write("unsqueeze", x, -2, shape=(*before, n, 1, width))
    others = write("unsqueeze", other, -3, shape=(*before, 1, other.shape[-2], width))
    apart = write("sub", rows, others, shape=(*before, n, other.shape[-2], width))
    write("norm", apart, 2, -1, shape=y.shape, makes=y)


@spelled("bilinear", takes="input1 input2 weight bias")
def bilinear(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The sum of all products of two features, each with its weight: torch multiplies them element by element, too."""
    other, weight, bias = value_of(given, "input2"), value_of(given, "weight"), given.get("bias")
    *before, first = x.shape
    rows = write("unsqueeze", write("unsqueeze", x, -2, shape=(*before, 1, first)), -1, shape=(*before, 1, first, 1))
    second = other.shape[-1]
    flat = write("unsqueeze", other, -2, shape=(*before, 1, second))
    columns = write("unsqueeze", flat, -3, shape=(*before, 1, 1, second))
    products = write("mul", rows, columns, shape=(*before, 1, first, second))
    weighted = write("mul", products, weight, shape=(*before, *weight.shape))
    if bias is None:
        write("sum", weighted, (-2, -1), shape=y.shape, makes=y)
    else:
        write("add", write("sum", weighted, (-2, -1), shape=y.shape), bias, shape=y.shape, makes=y)


@spelled("logical_xor", "__xor__", "bitwise_xor", takes="input other")
def different(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """Whether one of two conditions holds alone: the size of their difference as numbers."""
    other = value_of(given, "other")
    if x.dtype != "bool" or other.dtype != "bool":
        raise Unknown
    write("abs", write("sub", x, other, shape=y.shape), shape=y.shape, makes=y)


@spelled("fmod", "fmod_", takes="input other")
def fmod(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """x - trunc(x / n) n."""
    by = number_in(given, "other", 0.0)
    if not by or not x.dtype.startswith("float"):
        raise Unknown
    whole = write("trunc", write("div", x, by, shape=x.shape), shape=x.shape)
    write("sub", x, write("mul", whole, by, shape=x.shape), shape=y.shape, makes=y)


@spelled("softmin", takes="input dim")
def softmin(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    write("softmax", write("neg", x, shape=x.shape), given.get("dim"), shape=y.shape, makes=y)


@spelled("lerp", takes="input end weight")
def lerp(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """x + weight (end - x)."""
    weight = given["weight"]
    difference = write("sub", value_of(given, "end"), x, shape=y.shape)
    write("add", x, write("mul", difference, weight, shape=y.shape), shape=y.shape, makes=y)


@spelled("addcdiv", "addcdiv_", takes="input tensor1 tensor2 value")
def addcdiv(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """x + value a / b."""
    first, second = value_of(given, "tensor1"), value_of(given, "tensor2")
    part = write("div", first, second, shape=broadcast(first.shape, second.shape))
    factor = number_in(given, "value", 1.0)
    part = part if factor == 1 else write("mul", part, factor, shape=part.shape)
    write("add", x, part, shape=y.shape, makes=y)


@spelled("baddbmm", takes="input batch1 batch2")
def baddbmm(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """beta x + alpha a b."""
    product = write("matmul", value_of(given, "batch1"), value_of(given, "batch2"), shape=y.shape)
    parts = times(write, x, given, "beta"), times(write, product, given, "alpha")
    write("add", *parts, shape=y.shape, makes=y)


def times(write: Writing, x: Value, given: Arguments, name: str) -> Value:
    """A value times a number, where that is not 1."""
    factor = number_in(given, name, 1.0)
    return x if factor == 1 else write("mul", x, factor, shape=x.shape)


@spelled("addcmul", "addcmul_", takes="input tensor1 tensor2 value")
def addcmul(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """x + value a b."""
    first, second = value_of(given, "tensor1"), value_of(given, "tensor2")
    part = write("mul", first, second, shape=broadcast(first.shape, second.shape))
    write("add", x, times(write, part, given, "value"), shape=y.shape, makes=y)


@spelled("__rpow__", takes="input other")
def power_of_a_number(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """exp(x log b)."""
    base = number_in(given, "other", 0.0)
    if base <= 0:
        raise Unknown
    write("exp", write("mul", x, log(base), shape=x.shape), shape=y.shape, makes=y)


@spelled("hypot", takes="input other")
def hypot(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The root of the sum of both squares."""
    squares = [write("square", each, shape=each.shape) for each in (x, value_of(given, "other"))]
    write("sqrt", write("add", *squares, shape=y.shape), shape=y.shape, makes=y)


@spelled("inner", takes="input other")
def inner(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """A linear map: the last axes of both meet."""
    other = value_of(given, "other")
    if len(other.shape) != 2:
        raise Unknown
    write("linear", x, other, shape=y.shape, makes=y)


@spelled("tensordot", takes="a b dims")
def tensordot(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The last axis of one meets the first axis of a matrix."""
    other, dims = value_of(given, "b"), given.get("dims", 2)
    rank = len(x.shape)
    pairs = dims if isinstance(dims, tuple) else ((rank - 1,), (0,)) if dims == 1 else ((), ())
    if len(other.shape) != 2 or len(pairs) != 2 or len(pairs[0]) != 1 or pairs[0][0] % rank != rank - 1:
        raise Unknown
    if pairs[1][0] % 2:
        write("linear", x, other, shape=y.shape, makes=y)
    else:
        write("matmul", x, other, shape=y.shape, makes=y)


@spelled("lp_pool1d", "lp_pool2d", "lp_pool3d", takes="input norm_type kernel_size stride ceil_mode")
def lp_pool(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The root of the sum of powers: torch averages them, and multiplies by the size of the window."""
    power, rank = number_in(given, "norm_type", 2.0), len(x.shape) - 2
    kernel = given["kernel_size"]
    size = prod(kernel) if isinstance(kernel, tuple) else kernel**rank
    powers = write("pow", x, power, shape=x.shape)
    window = kernel, given.get("stride"), 0, bool(given.get("ceil_mode"))
    average = write(f"avg_pool{rank}d", powers, *window, shape=y.shape)
    sizes = write("relu", write("abs", average, shape=y.shape), shape=y.shape)
    found = write("mul", write("sign", average, shape=y.shape), sizes, shape=y.shape)
    write("pow", write("mul", found, float(size), shape=y.shape), 1 / power, shape=y.shape, makes=y)


@spelled("diff", takes="input n dim")
def diff(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """Each element but the first, less the one before it."""
    if given.get("n", 1) != 1 or given.get("prepend") is not None or given.get("append") is not None:
        raise Unknown
    before = (slice(None),) * (given.get("dim", -1) % len(x.shape))
    later, earlier = (
        write("__getitem__", x, (*before, each), shape=y.shape) for each in (slice(1, None), slice(0, -1))
    )
    write("sub", later, earlier, shape=y.shape, makes=y)


@spelled("tanhshrink", takes="input")
def tanhshrink(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    write("sub", x, write("tanh", x, shape=x.shape), shape=y.shape, makes=y)


@spelled("softshrink", takes="input lambd")
def softshrink(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    bound = number_in(given, "lambd", 0.5)
    write("sub", x, write("clamp", x, -bound, bound, shape=x.shape), shape=y.shape, makes=y)


@spelled("hardshrink", takes="input lambd")
def hardshrink(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    size = write("abs", x, shape=x.shape)
    write("where", write("gt", size, number_in(given, "lambd", 0.5), shape=x.shape), x, 0.0, shape=y.shape, makes=y)


@spelled("threshold", "_threshold", "threshold_", takes="input threshold value inplace")
def threshold(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    above = write("gt", x, number_in(given, "threshold", 0.0), shape=x.shape)
    write("where", above, x, number_in(given, "value", 0.0), shape=y.shape, makes=y)


@spelled("rrelu", "rrelu_", takes="input lower upper training inplace")
def rrelu(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """In evaluation, the slope is in the middle."""
    if given.get("training"):
        raise Unknown
    slope = (number_in(given, "lower", 1 / 8) + number_in(given, "upper", 1 / 3)) / 2
    write("leaky_relu", x, slope, shape=y.shape, makes=y)


@spelled("logit", takes="input eps")
def logit(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """log(x / (1 - x))."""
    if given.get("eps") is not None:
        eps = number_in(given, "eps", 0.0)
        x = write("clamp", x, eps, 1 - eps, shape=x.shape)
    odds = write("div", x, write("rsub", x, 1.0, shape=x.shape), shape=x.shape)
    write("log", odds, shape=y.shape, makes=y)


@spelled("cosine_similarity", takes="x1 x2 dim eps")
def cosine_similarity(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The sum of products of both, each over its norm."""
    other, axis, eps = value_of(given, "x2"), given.get("dim", 1), given.get("eps", 1e-8)
    both = [write("normalize", each, 2.0, axis, eps, shape=each.shape) for each in (x, other)]
    product = write("mul", *both, shape=broadcast(x.shape, other.shape))
    write("sum", product, axis, shape=y.shape, makes=y)


@spelled("pairwise_distance", takes="x1 x2 p eps keepdim")
def pairwise_distance(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """The norm of the difference, to which torch adds `eps`."""
    if given.get("p", 2.0) != 2:
        raise Unknown
    other = value_of(given, "x2")
    shape = broadcast(x.shape, other.shape)
    apart = write("add", write("sub", x, other, shape=shape), number_in(given, "eps", 1e-6), shape=shape)
    write("norm", apart, 2, -1, bool(given.get("keepdim")), shape=y.shape, makes=y)


@spelled("remainder", "__mod__", "remainder_", takes="input other")
def remainder(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """x - floor(x / n) n."""
    by = whole_part(write, x, given)
    write("sub", x, write("mul", by, number_in(given, "other", 0.0), shape=x.shape), shape=y.shape, makes=y)


@spelled("floor_divide", "__floordiv__", "floor_divide_", takes="input other")
def floor_divide(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    whole_part(write, x, given, y)


def whole_part(write: Writing, x: Value, given: Arguments, makes: Any = None) -> Value:
    """floor(x / n) of numbers."""
    if not x.dtype.startswith("float") or not number_in(given, "other", 0.0):
        raise Unknown
    parts = write("div", x, number_in(given, "other", 0.0), shape=x.shape)
    return write("floor", parts, shape=x.shape, makes=makes)
