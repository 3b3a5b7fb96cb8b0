"""Common subsequences against brute force, and the work that they take."""

import random
from functools import cache
from itertools import pairwise, product

import pytest

from archcalc.comparison import sequences
from archcalc.comparison.sequences import Pairs, Part, common, increasing, shortest_edit

WORDS = ["".join(word) for length in range(5) for word in product("abc", repeat=length)]


@cache
def longest(a: str, b: str) -> int:
    """The length of the longest common subsequence, by its definition."""
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + longest(a[1:], b[1:])
    return max(longest(a[1:], b), longest(a, b[1:]))


def is_common(pairs: Pairs, a: str, b: str) -> bool:
    return all(a[i] == b[j] for i, j in pairs) and all(i < k and j < m for (i, j), (k, m) in pairwise(pairs))


def test_the_shortest_edit_is_the_shortest() -> None:
    for a, b in product(WORDS, WORDS):
        found = shortest_edit(a, b, Part(0, len(a), 0, len(b)))
        assert is_common(found, a, b), (a, b)
        assert len(found) == longest(a, b), (a, b)


@pytest.mark.parametrize("most", [0, 300])
def test_what_is_found_is_common_and_nothing_can_be_added(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MOST_EDITS", most)
    for a, b in product(WORDS, WORDS):
        found = common(a, b)
        assert is_common(found, a, b), (a, b)
        if most:
            steps = [(-1, -1), *found, (len(a), len(b))]
            assert not any(set(a[i + 1 : k]) & set(b[j + 1 : m]) for (i, j), (k, m) in pairwise(steps)), (a, b)


def test_the_longest_increasing_subsequence() -> None:
    for second in product(range(5), repeat=5):
        if len(set(second)) == len(second):
            found = increasing(list(enumerate(second)))
            chosen = ([second[i] for i in range(5) if kept[i]] for kept in product((0, 1), repeat=5))
            best = max(len(each) for each in chosen if is_increasing(each))
            assert is_increasing([n for _, n in found])
            assert len(found) == best


def is_increasing(numbers: list[int]) -> bool:
    return all(a < b for a, b in pairwise(numbers))


class Counted:
    """An element that counts how often it is compared or hashed."""

    count = 0

    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        Counted.count += 1
        return isinstance(other, Counted) and self.value == other.value

    def __hash__(self) -> int:
        Counted.count += 1
        return hash(self.value)


def work(length: int, values: int) -> int:
    chance = random.Random(1)
    a, b = ([Counted(chance.randrange(values)) for _ in range(length)] for _ in "ab")
    Counted.count = 0
    common(a, b)
    return Counted.count


@pytest.mark.parametrize("values", [1, 2, 40, 10_000])
def test_work_grows_with_the_length_even_of_sequences_that_have_nothing_in_common(values: int) -> None:
    assert work(8_000, values) < 2.6 * work(4_000, values) + 100_000
