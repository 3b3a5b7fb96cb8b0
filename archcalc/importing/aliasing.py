"""Tensors that share memory: what an operation in place on one of them changes in the others."""

from collections.abc import Iterator
from typing import TypeAlias

from torch import Tensor

from archcalc.record import field, record

Place: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...]]
"""Where a tensor lies in its storage: offset, sizes and strides."""


@record(frozen=False, eq=False)
class Aliases:
    """`written`: for the base of views, what was written into a view of it, in order, with the time. `known`: the time
    at which the value of a tensor was last known. `time`: how many writes there were. `pending`: writes into views
    that the base does not have yet. `originals`: the tensor for which another one stands, by the identity of that."""

    originals: dict[int, Tensor] = field(default_factory=dict)
    written: dict[int, list[tuple[int, Place]]] = field(default_factory=dict)
    pending: dict[int, list[Tensor]] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    time: int = 0

    def base(self, tensor: Tensor) -> Tensor:
        """The tensor of which this one is a view; itself if it is none."""
        base = tensor if tensor._base is None else tensor._base
        return self.originals.get(id(base), base)

    def write(self, tensor: Tensor) -> None:
        """An operation changed this tensor in place."""
        base = self.base(tensor)
        self.time += 1
        self.known[id(tensor)] = self.time
        self.written.setdefault(id(base), []).append((self.time, place(tensor)))
        if base is not tensor:
            self.forget(base, tensor)
            self.pending[id(base)].append(tensor)

    def give(self, tensor: Tensor) -> None:
        """The value of a tensor is known now."""
        self.known[id(tensor)] = self.time

    def forget(self, base: Tensor, part: object) -> None:
        """What was written into a part is about to be written into the base again: `x[0] += 1` does both."""
        parts = self.pending.get(id(base), [])
        self.pending[id(base)] = [each for each in parts if each is not part]

    def late(self, base: Tensor) -> Iterator[Tensor]:
        """The views of a base into which something was written that the base does not have yet."""
        yield from self.pending.pop(id(base), ())

    def is_stale(self, view: Tensor) -> bool:
        """Whether something was written where this view lies, since its value was known."""
        base = self.base(view)
        if base is view:
            return False
        since, here = self.known.get(id(view), 0), place(view)
        return any(time > since and overlap(here, there) for time, there in self.written.get(id(base), ()))


def place(tensor: Tensor) -> Place:
    return int(tensor.storage_offset()), tuple(tensor.shape), tuple(tensor.stride())


def overlap(a: Place, b: Place) -> bool:
    """Whether two tensors of one storage share an element; True where their strides are not alike, too.

    >>> overlap((0, (4, 2), (6, 1)), (2, (4, 2), (6, 1))), overlap((0, (4, 3), (6, 1)), (2, (4, 2), (6, 1)))
    (False, True)
    """
    if a[2] != b[2]:
        return True
    order = sorted(range(len(a[2])), key=lambda i: -a[2][i])
    first, second = a[0], b[0]
    for i in order:
        stride = a[2][i] or 1
        (low, first), (high, second) = divmod(first, stride), divmod(second, stride)
        if low + a[1][i] <= high or high + b[1][i] <= low:
            return False
    return first == second
