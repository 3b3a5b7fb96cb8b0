"""Common subsequences: the elements that two sequences share in the same order."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import TypeAlias

from archcalc.record import record

Pairs: TypeAlias = list[tuple[int, int]]
"""Indices into both sequences, increasing in both."""

MOST_EDITS = 300
"""Sequences that differ in more elements than this, between two unique ones, are compared in one pass."""


@record
class Part:
    """A part of both sequences, by its bounds."""

    a: int
    a_end: int
    b: int
    b_end: int


def common(a: Sequence[Hashable], b: Sequence[Hashable]) -> Pairs:
    """A common subsequence of equal elements, the longest if few elements differ.

    Elements that occur once in both sequences are matched first, as in a patience diff; then what lies between them.
    Sequences of n elements take about n steps, whatever they contain.

    >>> common("abcd", "axcd"), common("ab", "ba")
    ([(0, 0), (2, 2), (3, 3)], [(1, 0)])
    """
    found: Pairs = []
    waiting = [Part(0, len(a), 0, len(b))]
    while waiting:
        part = waiting.pop()
        a_low, b_low, a_high, b_high = part.a, part.b, part.a_end, part.b_end
        while a_low < a_high and b_low < b_high and a[a_low] == b[b_low]:
            found.append((a_low, b_low))
            a_low, b_low = a_low + 1, b_low + 1
        while a_low < a_high and b_low < b_high and a[a_high - 1] == b[b_high - 1]:
            a_high, b_high = a_high - 1, b_high - 1
            found.append((a_high, b_high))
        if a_low == a_high or b_low == b_high:
            continue
        inner = Part(a_low, a_high, b_low, b_high)
        anchors = unique(a, b, inner)
        if anchors:
            found += anchors
            waiting += between(anchors, inner)
        else:
            found += shortest_edit(a, b, inner)
    return sorted(found)


def between(pairs: Pairs, part: Part) -> Iterator[Part]:
    """The parts before, between and after the pairs of a part, if both sequences have elements there."""
    a, b = part.a, part.b
    for i, j in [*pairs, (part.a_end, part.b_end)]:
        if a < i and b < j:
            yield Part(a, i, b, j)
        a, b = i + 1, j + 1


def unique(a: Sequence[Hashable], b: Sequence[Hashable], part: Part) -> Pairs:
    """The elements that occur once on both sides of a part, as many as are in the same order."""
    ours, theirs = Counter(a[part.a : part.a_end]), Counter(b[part.b : part.b_end])
    there = {b[j]: j for j in range(part.b, part.b_end) if theirs[b[j]] == 1}
    return increasing([(i, there[a[i]]) for i in range(part.a, part.a_end) if ours[a[i]] == 1 and a[i] in there])


def increasing(pairs: Pairs) -> Pairs:
    """The longest subsequence whose second indices increase; the first indices do already."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(ends, j)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1], last[at : at + 1] = [j], [index]
    found, index = [], last[-1] if last else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]


def shortest_edit(a: Sequence[Hashable], b: Sequence[Hashable], part: Part) -> Pairs:
    """The longest common subsequence of a part by Myers 1986, "An O(ND) difference algorithm", figure 2.

    After MOST_EDITS edits the part is compared in one pass.
    """
    rows, columns = part.a_end - part.a, part.b_end - part.b
    reached, history = {1: 0}, []
    for edits in range(min(rows + columns, MOST_EDITS) + 1):
        history.append(dict(reached))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
            x = reached[k + 1] if down else reached[k - 1] + 1
            while x < rows and 0 <= x - k < columns and a[part.a + x] == b[part.b + x - k]:
                x += 1
            reached[k] = x
            if x >= rows and x - k >= columns:
                return retraced(history, part)
    return in_one_pass(a, b, part)


def retraced(history: list[dict[int, int]], part: Part) -> Pairs:
    """The diagonals of the shortest path, from its end."""
    found = []
    x, y = part.a_end - part.a, part.b_end - part.b
    for edits in range(len(history) - 1, -1, -1):
        reached, k = history[edits], x - y
        down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
        previous = k + 1 if down else k - 1
        start = reached[previous]
        while x > start + (not down) and x > 0 and y > 0:
            x, y = x - 1, y - 1
            found.append((part.a + x, part.b + y))
        x, y = start, start - previous
    return found[::-1]


def in_one_pass(a: Sequence[Hashable], b: Sequence[Hashable], part: Part) -> Pairs:
    """Each element with the next equal one on the other side, if one is near."""
    places: dict[Hashable, list[int]] = {}
    for j in range(part.b, part.b_end):
        places.setdefault(b[j], []).append(j)
    found, j = [], part.b
    for i in range(part.a, part.a_end):
        there = places.get(a[i], [])
        at = bisect_left(there, j)
        if at < len(there) and there[at] - j <= MOST_EDITS:
            found.append((i, there[at]))
            j = there[at] + 1
    return found
