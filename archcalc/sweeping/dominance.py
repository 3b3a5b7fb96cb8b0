"""Which points others dominate, of any number of objectives, exact: sets of points as bits, one lookup per objective.

Of a set of points, and for each objective, the points that are at most as large as a value are a prefix of the points
in the order of that objective. Prefixes are stored as bits; the points at most as large in all objectives are the
intersection of one prefix for each.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from archcalc.sweeping.space import Array

BLOCK = 1 << 11
"""Points of a set: its prefixes then stay in the processor's cache."""

FIRST = 1 << 8
"""Points of the first set that others are compared with: they remove most."""

AT_ONCE = 1 << 12
"""Points that are looked up at a time."""


class Prefixes:
    """A set of points, by its prefixes in the order of each objective."""

    def __init__(self, costs: Array) -> None:
        self.costs = costs
        self.sorted: list[Array] = []
        self.bits: list[Array] = []
        words = -(-len(costs) // 64)
        for column in costs.T:
            order = np.argsort(column, kind="stable")
            prefixes = np.zeros((len(costs) + 1, words), dtype=np.uint64)
            prefixes[np.arange(1, len(costs) + 1), order // 64] = np.uint64(1) << (order % 64).astype(np.uint64)
            np.bitwise_or.accumulate(prefixes, axis=0, out=prefixes)
            self.sorted.append(column[order])
            self.bits.append(prefixes)

    def below(self, costs: Array) -> Array:
        """For each of these points the bits of those that are at most as large in every objective."""
        found: Array | None = None
        for column, ordered, prefixes in zip(costs.T, self.sorted, self.bits, strict=True):
            some = prefixes[np.searchsorted(ordered, column, side="right")]
            if found is None:
                found = some
            else:
                found &= some
        assert found is not None
        return found

    def dominate(self, costs: Array) -> Array:
        """Which of these points one of the set dominates, if no point of the set dominates another."""
        bits = self.below(costs)
        above = np.flatnonzero(bits.any(axis=1))
        word = (bits[above] != 0).argmax(axis=1)
        first = bits[above, word]
        bit = np.log2((first & (~first + np.uint64(1))).astype(np.float64)).astype(np.int64)
        equal = (self.costs[64 * word + bit] == costs[above]).all(axis=1)  # then it is the only one
        found = np.zeros(len(costs), dtype=bool)
        found[above[~equal]] = True
        return found


def sets_of(costs: Array) -> list[Prefixes]:
    """Points as sets, the first of them small."""
    edges = [0, *range(FIRST, len(costs), BLOCK), len(costs)] if len(costs) else [0]
    return [Prefixes(costs[begin:end]) for begin, end in pairwise(edges)]


def dominated(costs: Array, sets: Sequence[Prefixes]) -> Array:
    """Which of these points one of the sets dominates, if no point of the sets dominates another."""
    found = np.zeros(len(costs), dtype=bool)
    for some in parts(len(costs)):
        left = some
        for each in sets:
            lost = each.dominate(costs[left])
            found[left[lost]] = True
            left = left[~lost]
            if not len(left):
                break
    return found


def above_another(costs: Array) -> Array:
    """Which of these distinct points have another one among them that is at most as large in every objective."""
    bits = Prefixes(costs).below(costs)
    own = np.arange(len(costs))
    bits[own, own // 64] &= ~(np.uint64(1) << (own % 64).astype(np.uint64))
    return np.asarray(bits.any(axis=1))


def parts(count: int) -> Iterator[Array]:
    for begin in range(0, count, AT_ONCE):
        yield np.arange(begin, min(begin + AT_ONCE, count))


def undominated(costs: Array) -> Array:
    """The positions of the undominated ones of distinct points that are sorted by their first objective, then by the
    second and so on: only an earlier one can dominate a later one."""
    kept = np.zeros(0, dtype=np.int64)
    sets: list[Prefixes] = []
    begin = 0
    while begin < len(costs):
        mine = np.arange(begin, min(begin + BLOCK, len(costs)))
        begin += len(mine)
        mine = mine[~dominated(costs[mine], sets[::-1])]
        mine = mine[~above_another(costs[mine])]
        if len(mine):
            kept = np.concatenate((kept, mine))
            sets.append(Prefixes(costs[mine]))
    return kept
