"""Movement: the same elements, along other axes."""

from typing import Any

from archcalc.importing.lowering.arranging import permuted, reshaped
from archcalc.importing.lowering.batches import AS_BATCH, OF_BATCH
from archcalc.importing.lowering.lowering import Lowering
from archcalc.importing.lowering.moving import arrange, settle
from archcalc.importing.lowering.numbers import as_numbers, is_whole
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.samples import item_order, slower_than_batch
from archcalc.importing.program import Operation, Value

SAME = (
    "contiguous", "clone", "detach", "alias", "cpu", "cuda", "float", "type_as", "to", "__get__", "data", "identity",
    "view_as", "reshape_as", "half", "bfloat16", "double",
    "int", "long", "positive", "__pos__", "real", "conj", "resolve_conj", "resolve_neg",
)  # fmt: skip


@lowers(*SAME, takes="input *rest")
def same(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The value itself, if its shape stays, and its dtype or that it is whole."""
    x, y = given["input"], operation.makes[0]
    if not lowering.is_placed(x):
        return False
    if operation.function in ("view_as", "reshape_as"):
        return reshape(lowering, operation, given)
    if x.shape != y.shape:
        return False
    if x.dtype != y.dtype and is_whole(x) and not (y.dtype == "bool" and x.dtype != "bool"):
        seen = x if is_whole(y) else as_numbers(lowering, operation, x)
        return isinstance(seen, Value) and settle(lowering, operation, lowering.at[seen])
    return x.dtype == y.dtype and lowering.same(y, x)


@lowers(AS_BATCH, OF_BATCH, takes="input")
def of_every_sample(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """What all samples share, as what each of them has, or the other way."""
    x = given["input"]
    return lowering.is_placed(x) and lowering.same(operation.makes[0], x)


@lowers("flatten", "view", "reshape", "squeeze", "unsqueeze", "unflatten", "_unsafe_view", takes="input *rest")
def reshape(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The same elements in the same order, along other axes."""
    x, y = given["input"], operation.makes[0]
    if not lowering.is_placed(x):
        return False
    if x.shape == y.shape:
        return lowering.same(y, x)
    before, after, batch = lowering.item(x), lowering.item(y), lowering.program.batch
    slow = 1 if lowering.is_shared(x) else slower_than_batch(x, lowering.slow.get(x, 1), y, batch)
    if before is None or after is None or slow is None:
        return False
    if not lowering.is_shared(x):
        lowering.slow[y] = slow
    before, after = before or (1,), after or (1,)
    if before == after:
        return lowering.same(y, x)
    return arrange(lowering, operation, x, reshaped(before, after))


@lowers("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "mT", "T", takes="input *rest")
def permute(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The same elements along the same axes, in another order of axes."""
    x, y = given["input"], operation.makes[0]
    order, shape = permutation(operation), lowering.item(x) if lowering.is_placed(x) else None
    if order is None or not shape:
        return False
    inner = item_order(x, order, lowering.program.batch)
    if x in lowering.slow:
        lowering.slow[y] = lowering.slow[x]
    if list(inner) == sorted(inner):
        return lowering.same(y, x)
    return arrange(lowering, operation, x, permuted(shape, inner))


def permutation(operation: Operation) -> tuple[int, ...] | None:
    """The order of the axes after a permutation; None if it is none."""
    if not operation.arguments or not isinstance(operation.arguments[0], Value):
        return None
    x, *rest = operation.arguments
    rest = [*rest, *operation.keywords.values()]
    rank = len(x.shape)
    order = list(range(rank))
    name = operation.function
    if name == "permute":
        axes: Any = rest[0] if len(rest) == 1 and isinstance(rest[0], tuple) else rest
        return tuple(each % rank for each in axes)
    if name in ("transpose", "swapaxes", "swapdims"):
        a, b = (each % rank for each in rest[:2])
        order[a], order[b] = order[b], order[a]
        return tuple(order)
    if name in ("t", "T", "mT"):
        return (*order[:-2], rank - 1, rank - 2) if rank >= 2 and (name == "mT" or rank == 2) else None
    if name in ("movedim", "moveaxis"):
        return moved(order, *rest[:2])
    return None


def moved(order: list[int], source: Any, target: Any) -> tuple[int, ...]:
    """The order after axes have moved.

    >>> moved([0, 1, 2, 3], 1, -1)
    (0, 2, 3, 1)
    """
    rank = len(order)
    froms = [each % rank for each in (source if isinstance(source, tuple) else (source,))]
    tos = [each % rank for each in (target if isinstance(target, tuple) else (target,))]
    others = iter([each for each in order if each not in froms])
    placed = dict(zip(tos, froms, strict=True))
    return tuple(placed[i] if i in placed else next(others) for i in range(rank))
