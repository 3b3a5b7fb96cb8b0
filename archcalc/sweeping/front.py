"""Pareto fronts, exact: the points that no other point beats, by whole numbers that are all to be small.

One point dominates another if it is at most as large in every objective and smaller in one. Points with equal
objectives are one point of the front; `alike` counts them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from archcalc.record import field, record
from archcalc.sweeping.dominance import Prefixes, dominated, sets_of, undominated
from archcalc.sweeping.space import Array


class Numbers(Protocol):
    """The numbers of designs, which need not be stored."""

    def __len__(self) -> int: ...

    def __getitem__(self, positions: Array) -> Array: ...


STRONG = 4
"""Points of the front against which new ones are compared first: they remove most."""

BITS = 20
"""Binary digits of the steps along all axes of a table of the front, in which the rest is looked up."""

LARGEST = 2**63 - 1

MOST_TABULAR = 6
"""Objectives up to which a front has a table: with more, its steps are too wide to remove much."""

WAITING = 1 << 16
"""New points are collected up to this number before the front is worked out again."""


def nondominated(costs: Array) -> Array:
    """The positions of the undominated ones of distinct points that are sorted by their first objective, then by the
    second and so on: only an earlier one can dominate a later one."""
    if costs.shape[1] == 1:
        return np.arange(min(1, len(costs)))
    if costs.shape[1] == 2:
        least = np.minimum.accumulate(costs[:, 1])
        return np.flatnonzero(np.concatenate(([True], costs[1:, 1] < least[:-1])))[: len(costs)]
    return staircase(costs) if costs.shape[1] == 3 else undominated(costs)


def staircase(costs: Array) -> Array:
    """Of three objectives: the second and third of the points so far form a staircase.

    Source: Kung, Luccio, Preparata 1975, "On finding the maxima of a set of vectors", doi:10.1145/321906.321910.
    """
    second: list[int] = []
    third: list[int] = []  # falls as the second rises
    found = []
    for i, (b, c) in enumerate(costs[:, 1:].tolist()):
        before = bisect_right(second, b)
        if before and third[before - 1] <= c:
            continue
        begin = end = bisect_left(second, b)
        while end < len(second) and third[end] >= c:
            end += 1
        second[begin:end], third[begin:end] = [b], [c]
        found.append(i)
    return np.array(found, dtype=np.int64)


class Table:
    """A front, looked up: the least last objective of its points that are at most as large in the others, whose ranges
    are cut into steps of a power of 2."""

    def __init__(self, costs: Array) -> None:
        self.first = [int(column.min()) for column in costs[:, :-1].T]
        spans = [int(column.max()) - first for column, first in zip(costs[:, :-1].T, self.first, strict=True)]
        bits = BITS // len(spans)
        self.shifts = [max(0, span.bit_length() - bits) for span in spans]
        self.last = [(span >> shift) + 1 for span, shift in zip(spans, self.shifts, strict=True)]
        self.least = np.full([last + 1 for last in self.last], LARGEST, dtype=np.int64)
        pairs = zip(costs[:, :-1].T, self.first, self.shifts, strict=True)
        above = tuple((column - first + (1 << shift) - 1) >> shift for column, first, shift in pairs)
        np.minimum.at(self.least, above, costs[:, -1])
        for axis in range(self.least.ndim):
            np.minimum.accumulate(self.least, axis=axis, out=self.least)

    def beats(self, costs: Sequence[Array]) -> Array:
        """Which points are certainly dominated."""
        found: Array = np.ones(len(costs[-1]), dtype=bool)
        steps = []
        for column, first, shift, last in zip(costs[:-1], self.first, self.shifts, self.last, strict=True):
            found &= column >= first
            steps.append(np.clip((column - first) >> shift, 0, last))
        return np.asarray(found & (self.least[tuple(steps)] < costs[-1]), dtype=bool)


@record(frozen=False, slots=False)
class Front:
    """The front of all points so far. `costs`: a row for each, sorted; `designs`: the first with these costs."""

    objectives: int
    costs: Array = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    designs: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    alike: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    waiting: list[tuple[Array, Array, Array]] = field(default_factory=list)
    table: Table | None = None
    sets: list[Prefixes] = field(default_factory=list)
    """The points of a front of four objectives or more, the strongest first."""

    def __post_init__(self) -> None:
        self.costs = self.costs.reshape(-1, self.objectives)

    def add(self, costs: Sequence[Array], designs: Numbers, alike: Array | None = None) -> None:
        """Adds points: an array for each objective, and the numbers of their designs."""
        alive = self.not_beaten(costs, len(designs))
        rows = stacked([each[alive] for each in costs])
        some = np.ones(len(rows), dtype=np.int64) if alike is None else alike[alive]
        self.waiting.append((rows, designs[alive], some))
        if sum(len(each) for each, _, _ in self.waiting) >= WAITING:
            self.settle()

    def not_beaten(self, costs: Sequence[Array], count: int) -> Array:
        """The positions of points that no strong point of the front dominates."""
        alive = np.arange(count)
        for king in self.strong():
            no_smaller: Array = np.ones(len(alive), dtype=bool)
            larger: Array = np.zeros(len(alive), dtype=bool)
            for each, best in zip(costs, king, strict=True):
                mine = each[alive] if len(alive) < count else each
                no_smaller &= np.asarray(mine >= best, dtype=bool)
                larger |= np.asarray(mine > best, dtype=bool)
            alive = alive[~(no_smaller & larger)]
        if self.table and not any(each.dtype == object for each in costs):
            alive = alive[~self.table.beats([each[alive] for each in costs])]
        if self.sets and len(alive):
            alive = alive[~dominated(stacked([each[alive] for each in costs]), self.sets)]
        return alive

    def strong(self) -> Array:
        """A few points all along the front."""
        if len(self.costs) <= STRONG:
            return self.costs
        return self.costs[np.linspace(0, len(self.costs) - 1, STRONG).astype(np.int64)]

    def settle(self) -> None:
        """Works out the front of everything that was added."""
        parts = [(self.costs, self.designs, self.alike), *self.waiting]
        self.waiting = []
        costs = joined([part[0] for part in parts if len(part[0])] or [self.costs])
        designs, alike = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
        order = np.lexsort((designs, *sortable(costs)[::-1]))
        costs, designs, alike = costs[order], designs[order], alike[order]
        if not len(costs):
            return
        changes = (costs[1:] != costs[:-1]).any(axis=1)
        firsts = np.concatenate(([0], np.flatnonzero(changes) + 1))
        costs, designs, alike = costs[firsts], designs[firsts], np.add.reduceat(alike, firsts)
        kept = nondominated(costs)
        self.costs, self.designs, self.alike = costs[kept], designs[kept], alike[kept]
        if self.objectives > 3:
            self.sets = sets_of(self.costs[np.argsort(sum_of_ranks(self.costs), kind="stable")])
        is_tabular = 1 < self.objectives <= MOST_TABULAR and self.costs.dtype != object and len(self.costs) > STRONG
        is_tabular = is_tabular and int(np.abs(self.costs).max()) < LARGEST // 4  # so that differences fit
        self.table = Table(self.costs) if is_tabular else None


def sum_of_ranks(costs: Array) -> Array:
    """For each point the sum of its places in the order of each objective: small for those that beat many others."""
    return np.asarray(np.sum([np.unique(each, return_inverse=True)[1] for each in costs.T], axis=0))


def stacked(columns: Sequence[Array]) -> Array:
    """One row for each point; Python's integers if any column has them."""
    kind = object if any(each.dtype == object for each in columns) else np.int64
    return np.stack([each.astype(kind, copy=False) for each in columns], axis=1)


def joined(parts: Sequence[Array]) -> Array:
    kind = object if any(each.dtype == object for each in parts) else np.int64
    return np.concatenate([each.astype(kind, copy=False) for each in parts])


def sortable(costs: Array) -> list[Array]:
    """For each objective numbers in the same order, which numpy can sort by."""
    columns = list(costs.T)
    return [np.unique(each, return_inverse=True)[1] if each.dtype == object else each for each in columns]
