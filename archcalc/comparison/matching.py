"""Matching: elements of two lists are paired by one description after the other, always in the same order."""

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from archcalc.comparison.sequences import Pairs, Part, between, common, increasing

T = TypeVar("T")


class Matching(Generic[T]):
    """Pairs of indices into two lists, each index at most once. Pairs by name may cross; all others do not."""

    def __init__(self, a: Sequence[T], b: Sequence[T]) -> None:
        self.a, self.b = a, b
        self.there: dict[int, int] = {}
        self.back: dict[int, int] = {}
        self.anchors: Pairs = []

    def by_name(self, name: Callable[[T], Hashable]) -> None:
        """Pairs the elements whose names are equal; None is no name."""
        places = {name(each): j for j, each in enumerate(self.b)}
        places.pop(None, None)
        found = [(i, places[name(each)]) for i, each in enumerate(self.a) if name(each) in places]
        self._take(found)
        self.anchors = increasing(found)

    def by(self, key: Callable[[T], Hashable]) -> None:
        """Pairs elements of equal descriptions that lie between the same anchors."""
        found: Pairs = []
        for part in between(self.anchors, Part(0, len(self.a), 0, len(self.b))):
            ours = [i for i in range(part.a, part.a_end) if i not in self.there]
            theirs = [j for j in range(part.b, part.b_end) if j not in self.back]
            if ours and theirs:
                made = common([key(self.a[i]) for i in ours], [key(self.b[j]) for j in theirs])
                found += [(ours[i], theirs[j]) for i, j in made]
        self._take(found)
        self.anchors = sorted([*self.anchors, *found])

    def _take(self, found: Pairs) -> None:
        self.there.update(found)
        self.back.update((j, i) for i, j in found)

    @property
    def pairs(self) -> list[tuple[T, T]]:
        """The pairs, in the order of the first list."""
        return [(self.a[i], self.b[j]) for i, j in sorted(self.there.items())]
