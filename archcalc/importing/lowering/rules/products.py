"""Matrix products of two values."""

from string import ascii_lowercase

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.movement import permutation
from archcalc.importing.program import DERIVED, WEIGHT, Operation, Value
from archcalc.layer import Letters, Reference


@lowers("matmul", "__matmul__", "bmm", takes="input other")
def matmul(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Over the last two axes; a weight as the second factor is a linear map."""
    x, other = given["input"], given["other"]
    if not lowering.is_placed(x):
        return False
    if not lowering.is_placed(other):
        return by_weight(lowering, operation, x, other)
    if not lowering.are_together(x, other) or len(x.shape) != len(other.shape) or len(x.shape) < 3:
        return False
    pair = [turned(lowering, operation, each, last=True) for each in (x, other)]
    if x in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[x]
    return lowering.place(operation, layer("matmul"), pair)


def by_weight(lowering: Lowering, operation: Operation, x: Value, other: object) -> bool:
    """A product with a matrix, or with its transpose as torch's linear maps have it."""
    if not isinstance(other, Value):
        return False
    maker = other.maker if other.kind == DERIVED else None
    weight = maker.arguments[0] if maker is not None and permutation(maker) == (1, 0) else other
    return with_matrix(lowering, operation, x, weight, None, transposed=weight is other)


def with_matrix(
    lowering: Lowering, operation: Operation, x: Value, weight: Value, bias: object, transposed: bool
) -> bool:
    if weight.kind != WEIGHT or len(weight.shape) != 2:
        return False
    made = layer("linear", out_features=weight.shape[transposed], bias=bias is not None)
    weights = {"weight": weight, "bias": bias}
    return lowering.place(operation, made, [turned(lowering, operation, x, last=True)], weights, transposed=transposed)


@lowers("addmm", takes="input mat1 mat2")
def addmm(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """A linear map whose matrix is stored the other way round, with its bias."""
    bias, x, weight = given["input"], given["mat1"], given["mat2"]
    if given.get("alpha", 1) != 1 or given.get("beta", 1) != 1 or not lowering.is_placed(x):
        return False
    return isinstance(weight, Value) and with_matrix(lowering, operation, x, weight, bias, transposed=True)


@lowers("einsum", takes="equation *operands")
def einsum(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of two values, each with the batch as its first axis, under one letter."""
    equation, operands = given["equation"], given["operands"]
    if not isinstance(equation, str) or "->" not in equation or "." in equation or len(operands) != 2:
        return False
    if not lowering.is_placed(*operands) or not all(lowering.is_batch_first(each) for each in operands):
        return False
    inputs, _, out = equation.replace(" ", "").partition("->")
    left, _, right = inputs.partition(",")
    letters = "".join(dict.fromkeys(left + right + out))
    if not left or not right or not out or not all(each in ascii_lowercase for each in letters.lower()):
        return False
    if not left[0] == right[0] == out[0] or not all(len(set(each)) == len(each) > 1 for each in (left, right, out)):
        return False
    made = layer("einsum", left=Letters(left), right=Letters(right), out=Letters(out), other=Reference(""))
    return lowering.place(operation, made, list(operands))
