"""Parts of matrices: triangles and diagonals."""

from collections.abc import Sequence

from archcalc.importing.lowering.calls import Writing
from archcalc.importing.lowering.lowering import layer
from archcalc.importing.lowering.moving import then
from archcalc.importing.lowering.rule import Arguments
from archcalc.importing.lowering.rules.spelled import Unknown, spelled
from archcalc.importing.program import CONSTANT, Value

MOST = 1 << 22
"""The most elements of a table of ones and zeros."""


def table(write: Writing, shape: Sequence[int], holds: Sequence[bool]) -> Value:
    """Ones where a condition holds, and zeros, which all samples share."""
    if len(holds) > MOST:
        raise Unknown
    step = then(write.lowering, write.operation, layer("fixed_values", size=tuple(shape)))
    if step is None:
        raise Unknown
    step.numbers = lambda: [float(each) for each in holds]
    found = Value(CONSTANT, tuple(shape), "bool")
    write.lowering.readers[found] = [write.operation]
    write.lowering.give(found, step)
    return found


@spelled("tril", "triu", "tril_", "triu_", takes="input diagonal")
def triangle(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """Zeros above a diagonal of the last two axes, or below it."""
    n, m = x.shape[-2:]
    shift, lower = given.get("diagonal", 0), write.operation.function.startswith("tril")
    gone = [(j > i + shift) if lower else (j < i + shift) for i in range(n) for j in range(m)]
    write("masked_fill", x, table(write, (n, m), gone), 0.0, shape=y.shape, makes=y)


@spelled("diagonal", takes="input offset dim1 dim2")
def diagonal(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """Every element of two axes, in one row, that is one place further in both than the one before."""
    rank = len(x.shape)
    two = given.get("dim1", 0) % rank, given.get("dim2", 1) % rank
    order = (*(i for i in range(rank) if i not in two), *two)
    shape = tuple(x.shape[i] for i in order)
    if order != tuple(range(rank)):
        x = write("permute", x, order, shape=shape)
    *before, n, m = shape
    offset = given.get("offset", 0)
    begin = offset if offset >= 0 else -offset * m
    end = begin + (y.shape[-1] - 1) * (m + 1) + 1
    row = write("reshape", x, (*before, n * m), shape=(*before, n * m))
    write("__getitem__", row, (Ellipsis, slice(begin, end, m + 1)), shape=y.shape, makes=y)


@spelled("diag_embed", takes="input offset dim1 dim2")
def diagonal_matrix(write: Writing, x: Value, y: Value, given: Arguments) -> None:
    """Features on the diagonal of a matrix, with zeros around them."""
    if given.get("offset") or given.get("dim1", -2) != -2 or given.get("dim2", -1) != -1:
        raise Unknown
    n = x.shape[-1]
    rows = write("unsqueeze", x, -1, shape=(*x.shape, 1))
    ones = table(write, (n, n), [i == j for i in range(n) for j in range(n)])
    write("mul", rows, ones, shape=y.shape, makes=y)
