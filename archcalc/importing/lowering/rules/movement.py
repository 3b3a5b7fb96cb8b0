"""Movement: the same elements, along other axes."""

from typing import Any

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation, Value

SAME = (
    "contiguous", "clone", "detach", "alias", "cpu", "cuda", "float", "type_as", "to", "__get__", "data", "identity",
    "view_as", "reshape_as", "expand_as", "half", "bfloat16", "double",
)  # fmt: skip


@lowers(*SAME, takes="input *rest")
def same(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The value itself, if neither its shape nor its dtype changes."""
    x, y = given["input"], operation.makes[0]
    if not lowering.is_placed(x) or x.shape != y.shape:
        return False
    return x.dtype == y.dtype and lowering.same(y, x)


@lowers("flatten", "view", "reshape", "squeeze", "unsqueeze", "unflatten", "_unsafe_view", takes="input *rest")
def reshape(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """The same axes; all axes as features; positions as tokens; or channels in another order."""
    x, y = given["input"], operation.makes[0]
    if not lowering.is_placed(x):
        return False
    if x.shape == y.shape or (lowering.item(y) == lowering.volume(x).item_shape and moves_only_batch(lowering, x, y)):
        return lowering.same(y, x)
    if not lowering.is_batch_first(x) or not lowering.is_batch_first(y):
        return False
    if len(y.shape) == 2:
        return lowering.place(operation, layer("flatten"), [x])
    return tokens(lowering, operation, x, y) or channel_shuffle(lowering, operation, x, y)


def moves_only_batch(lowering: Lowering, x: Value, y: Value) -> bool:
    """Whether nothing but the batch axis differs, or axes that the batch was folded into."""
    batch = lowering.program.batch
    return [n for n in x.shape if n != batch] == [n for n in y.shape if n != batch] or batch not in y.shape


def tokens(lowering: Lowering, operation: Operation, x: Value, y: Value) -> bool:
    """Positions in a row, and then the features last."""
    if lowering.volume(x).channels_last or len(x.shape) < 4 or y.shape[:2] != x.shape[:2] or len(y.shape) != 3:
        return False
    after = lowering.only_reader(y)
    if after is None or permutation(after) != (0, 2, 1):
        return False
    placed = lowering.place(operation, layer("tokens"), [x], makes=after.makes[0])
    lowering.taken.update([after] if placed else [])
    return placed


def channel_shuffle(lowering: Lowering, operation: Operation, x: Value, y: Value) -> bool:
    """Channels in groups, the groups exchanged with what is in them, and back."""
    groups = y.shape[1] if len(y.shape) == len(x.shape) + 1 else 0
    if not groups or groups * y.shape[2] != x.shape[1] or y.shape[3:] != x.shape[2:]:
        return False
    if lowering.volume(x).channels_last:
        return False
    chain: list[Operation] = []
    value = y
    swapped = False
    while (reader := lowering.only_reader(value)) and len(chain) < 4:
        chain.append(reader)
        value = reader.makes[0]
        if permutation(reader) == (0, 2, 1, *range(3, len(y.shape))):
            swapped = True
        elif reader.function in ("view", "reshape", "flatten"):
            break
        elif reader.function not in ("contiguous",):
            return False
    if not swapped or value.shape != x.shape or not chain:
        return False
    placed = lowering.place(operation, layer("channel_shuffle", groups=groups), [x], makes=value)
    lowering.taken.update(chain if placed else [])
    return placed


@lowers("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "mT", "T", takes="input *rest")
def permute(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Only the batch moves; or the features move to the other end."""
    x, y = given["input"], operation.makes[0]
    order = permutation(operation)
    if order is None or not lowering.is_placed(x) or lowering.program.batch not in x.shape:
        return False
    at = x.shape.index(lowering.program.batch)
    inner = [each - (each > at) for each in order if each != at]
    if inner == sorted(inner):
        return lowering.same(y, x)
    if not lowering.is_batch_first(x) or not lowering.is_batch_first(y) or len(x.shape) != lowering.volume(x).rank + 2:
        return False
    last = len(order) - 1
    if order == (0, *range(2, last + 1), 1):
        return lowering.place(operation, layer("channels_last"), [x])
    return order == (0, last, *range(1, last)) and lowering.place(operation, layer("channels_first"), [x])


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


@lowers("chunk", takes="input chunks dim")
def chunk(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return pieces(lowering, operation, given)


@lowers("split", "tensor_split", "split_with_sizes", takes="input sizes dim")
def split(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return pieces(lowering, operation, given)


def pieces(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Ranges of the features, one after the other."""
    x, axis = given["input"], given.get("dim", 0)
    if not lowering.is_placed(x) or not lowering.is_batch_first(x):
        return False
    volume, rank = lowering.volume(x), len(x.shape)
    features = rank - 1 if volume.channels_last else 1
    if rank != volume.rank + 2 or axis % rank != features:
        return False
    begin = 0
    for made in operation.makes:
        end = begin + made.shape[features]
        last = None if end == x.shape[features] else end
        if not lowering.place(operation, layer("channels", begin=begin, end=last), [x], makes=made):
            return False
        begin = end
    return True


@lowers("__getitem__", takes="input index")
def getitem(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """One token, or a range of the features."""
    x, index = given["input"], given["index"]
    if not lowering.is_placed(x) or not lowering.is_batch_first(x):
        return False
    index = index if isinstance(index, tuple) else (index,)
    rank = len(x.shape)
    if Ellipsis in index:
        at = index.index(Ellipsis)
        index = (*index[:at], *[slice(None)] * (rank - len(index) + 1), *index[at + 1 :])
    index = (*index, *[slice(None)] * (rank - len(index)))
    chosen = [i for i, each in enumerate(index) if each != slice(None)]
    if len(index) != rank or any(each is None for each in index) or not chosen:
        return not chosen and len(index) == rank and lowering.same(operation.makes[0], x)
    volume = lowering.volume(x)
    if len(chosen) != 1 or rank != volume.rank + 2:
        return False
    (axis,) = chosen
    return selected(lowering, operation, x, axis, index[axis])


@lowers("select", takes="input dim index")
def select(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, axis, index = given["input"], given["dim"], given["index"]
    if not lowering.is_placed(x) or not lowering.is_batch_first(x) or len(x.shape) != lowering.volume(x).rank + 2:
        return False
    return selected(lowering, operation, x, axis % len(x.shape), index)


def selected(lowering: Lowering, operation: Operation, x: Value, axis: int, chosen: Any) -> bool:
    """One index or one range of one axis."""
    volume = lowering.volume(x)
    features = len(x.shape) - 1 if volume.channels_last else 1
    if isinstance(chosen, int) and not isinstance(chosen, bool) and axis == 1 and volume.channels_last:
        index = chosen % x.shape[1]
        return volume.rank == 1 and lowering.place(operation, layer("select", index=index), [x])
    if isinstance(chosen, slice) and axis == features and chosen.step in (None, 1):
        if any(isinstance(each, Value) for each in (chosen.start, chosen.stop)):
            return False
        begin, end, _ = chosen.indices(x.shape[axis])
        last = None if end == x.shape[axis] else end
        return begin < end and lowering.place(operation, layer("channels", begin=begin, end=last), [x])
    return False
