"""Matrix products of two values."""

from collections.abc import Sequence
from string import ascii_uppercase

from archcalc.importing.lowering.calls import Writing, call
from archcalc.importing.lowering.frames import is_folded
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import then, turned
from archcalc.importing.lowering.rule import Arguments, lower, lowers
from archcalc.importing.lowering.rules.movement import permutation
from archcalc.importing.program import DERIVED, WEIGHT, Operation, Value
from archcalc.layer import Letters, Reference


@lowers("matmul", "__matmul__", "bmm", "mm", takes="input other")
def matmul(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Over the last two axes; a weight as the second factor is a linear map."""
    x, other = given["input"], given["other"]
    if not lowering.is_placed(x):
        return False
    if not lowering.is_placed(other):
        return by_weight(lowering, operation, x, other)
    alone = lowering.is_shared(x) != lowering.is_shared(other)
    if alone and lowering.tried(lambda: with_shared(lowering, operation, x, other)):
        return True
    if not lowering.are_together(x, other) or len(x.shape) != len(other.shape) or len(x.shape) < 3:
        return False
    pair = [turned(lowering, operation, each, last=True) for each in (x, other)]
    if x in lowering.slow:
        lowering.slow[operation.makes[0]] = lowering.slow[x]
    return lowering.place(operation, layer("matmul"), pair)


def with_shared(lowering: Lowering, operation: Operation, x: Value, other: Value) -> bool:
    """A product with what all samples share: a matrix on either side, or a vector behind."""
    y, (first, second) = operation.makes[0], (len(each.shape) for each in (x, other))
    if second == 1 and lowering.is_shared(other):
        write = Writing(lowering, operation)
        write("sum", write("mul", x, other, shape=x.shape), -1, shape=y.shape, makes=y)
        return write.is_placed()
    if (first, second) == (2, 2) and lowering.is_shared(x):
        return False
    if not (second == 2 and lowering.is_shared(other)) and not (first == 2 and lowering.is_shared(x)):
        return for_each_part(lowering, operation, x, other)
    before = ascii_uppercase[: max(first, second) - 2]
    sides = (before * (n > 2) for n in (first, second))
    equation = "{}ij,{}jk->{}ik".format(*sides, before)
    return lower(lowering, call(operation, "einsum", equation, x, other, makes=operation.makes))


def for_each_part(lowering: Lowering, operation: Operation, x: Value, other: Value) -> bool:
    """A product with a matrix for each part of a sample that all samples share, as einsum, which repeats no axis."""
    y, write = operation.makes[0], Writing(lowering, operation)
    most, letters = len(y.shape), ascii_uppercase[: len(y.shape) - 2]
    terms, factors = [], []
    for each, matrix in ((x, "ij"), (other, "jk")):
        wide = (1,) * (most - len(each.shape)) + each.shape
        repeated = [n == 1 and m != 1 for n, m in zip(wide[:-2], y.shape[:-2], strict=True)]
        shape = tuple(n for n, gone in zip(wide, (*repeated, False, False), strict=True) if not gone)
        terms.append("".join(a for a, gone in zip(letters, repeated, strict=True) if not gone) + matrix)
        factors.append(each if shape == each.shape else write("reshape", each, shape, shape=shape))
    write("einsum", f"{','.join(terms)}->{letters}ik", *factors, shape=y.shape, makes=y)
    return write.is_placed()


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


def of_one(lowering: Lowering, operation: Operation, x: Value, letters: str, out: str) -> bool:
    """Axes in another order, and sums over those that are left out."""
    if len(set(letters)) != len(letters) or not set(out) <= set(letters) or not lowering.is_placed(x):
        return False
    summed = [each for each in letters if each not in out]
    order = tuple(letters.index(each) for each in (*out, *summed))
    write, y = Writing(lowering, operation), operation.makes[0]
    moved = tuple(x.shape[each] for each in order)
    found = write("permute", x, order, shape=moved, makes=None if summed else y)
    if summed:
        write("sum", found, tuple(range(len(out), len(order))), shape=y.shape, makes=y)
    return write.is_placed()


@lowers("einsum", takes="equation *operands")
def einsum(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Of values that have the batch first, and of those that all samples share; several are multiplied in a row."""
    operands = given["operands"]
    terms = terms_of(given["equation"], operands)
    if terms is not None and len(operands) == 1:
        return of_one(lowering, operation, operands[0], *terms)
    if terms is None or len(operands) < 2 or not lowering.is_placed(*operands):
        return False
    *inputs, out = terms
    varying = [each for each in operands if not lowering.is_shared(each)]
    batch = {letters[:1] for letters, each in zip(inputs, operands, strict=True) if each in varying}
    if len(batch) != 1 or batch != {out[:1]}:
        return False
    if not all(map(lowering.is_batch_first, varying)):
        if not all(is_folded(lowering, each) for each in varying) or not lowering.are_together(*varying):
            return False
        parts = next(each for each in ascii_uppercase if each not in "".join(terms))
        pairs = zip(inputs, operands, strict=True)
        inputs = [letters[0] + parts + letters[1:] if each in varying else letters for letters, each in pairs]
        out = out[0] + parts + out[1:]
        if varying[0] in lowering.slow:
            lowering.slow[operation.makes[0]] = lowering.slow[varying[0]]
    first = out[0]
    inputs = [first + each if lowering.is_shared(value) else each for each, value in zip(inputs, operands, strict=True)]
    if not all(each.count(first) == 1 and each[0] == first for each in inputs):
        return False
    step, letters = lowering.at[operands[0]], inputs[0]
    for i, (other, value) in enumerate(zip(inputs[1:], operands[1:], strict=True), 2):
        left = out if i == len(inputs) else kept(letters + other, out + "".join(inputs[i:]))
        if not all(len(set(each)) == len(each) > 1 for each in (letters, other, left)):
            return False
        made = layer("einsum", left=Letters(letters), right=Letters(other), out=Letters(left), other=Reference(""))
        if i == len(inputs):
            return lowering.place(operation, made, [step, lowering.at[value]])
        between = then(lowering, operation, made, step, lowering.at[value])
        if between is None:
            return False
        step, letters = between, left
    return False


def kept(letters: str, needed: str) -> str:
    """The letters that are still needed, in their order."""
    return "".join(each for each in dict.fromkeys(letters) if each in needed)


def terms_of(equation: object, operands: Sequence[Value]) -> list[str] | None:
    """The letters of each input and of the output, with letters in place of dots.

    >>> terms_of("...d,de", (Value("made", (2, 3, 4)), Value("weight", (4, 5))))
    ['ABd', 'de', 'ABe']
    >>> terms_of("B I D, B J D -> B I J", (Value("made", (2, 3, 4)), Value("made", (2, 5, 4))))
    ['BID', 'BJD', 'BIJ']
    """
    if not isinstance(equation, str):
        return None
    left, arrow, out = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(operands):
        return None
    ranks = {len(each.shape) - len(term) + 3 for term, each in zip(inputs, operands, strict=True) if "..." in term}
    if len(ranks) > 1:
        return None
    dots = "".join(each for each in ascii_uppercase if each not in equation)[: ranks.pop()] if ranks else ""
    inputs = [each.replace("...", dots) for each in inputs]
    every = "".join(inputs)
    if not arrow:
        out = dots + "".join(sorted(each for each in set(every) - set(dots) if every.count(each) == 1))
    return [*inputs, out.replace("...", dots)] if all(map(str.isalpha, inputs)) and out else None
