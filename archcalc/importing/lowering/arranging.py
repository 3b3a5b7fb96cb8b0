"""Reshapes and permutations as patterns of axes: what the axes of one sample are made of.

An axis is a product of factors. A reshape splits axes into factors and merges them, a permutation reorders them; a row
of both is one pattern.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import TypeAlias

from archcalc.core.volume import Volume
from archcalc.record import record

Factor: TypeAlias = int
Groups: TypeAlias = tuple[tuple[Factor, ...], ...]
"""The factors of each axis."""


@record
class Arranging:
    """How axes become others: the factors of the axes that are taken and made, and the size of each factor."""

    taken: Groups
    made: Groups
    sizes: tuple[int, ...]

    @property
    def is_nothing(self) -> bool:
        return self.taken == self.made and all(len(group) == 1 for group in self.taken)

    def shape(self, groups: Groups) -> tuple[int, ...]:
        return tuple(prod(self.sizes[each] for each in group) for group in groups)


def reshaped(before: Sequence[int], after: Sequence[int]) -> Arranging | None:
    """The reshape from one shape to another; None if an axis would be both split and merged, as in 6 x 4 to 4 x 6.

    >>> reshaped((56, 96), (8, 7, 96))
    Arranging(taken=((0, 1), (2,)), made=((0,), (1,), (2,)), sizes=(8, 7, 96))
    >>> reshaped((6, 4), (4, 6)) is None
    True
    """
    found = common(tuple(before), tuple(after))
    return None if found is None else tidy(Arranging(*found))


def permuted(shape: Sequence[int], order: Sequence[int]) -> Arranging:
    """The permutation of axes.

    >>> permuted((3, 4), (1, 0))
    Arranging(taken=((0,), (1,)), made=((1,), (0,)), sizes=(3, 4))
    """
    return Arranging(tuple((i,) for i in range(len(shape))), tuple((i,) for i in order), tuple(shape))


def composed(first: Arranging, second: Arranging) -> Arranging | None:
    """Both, one after the other; None if no pattern does that."""
    sizes: list[int] = []
    of_first: dict[Factor, tuple[Factor, ...]] = {}
    of_second: dict[Factor, tuple[Factor, ...]] = {}
    for made, taken in zip(first.made, second.taken, strict=True):
        found = common([first.sizes[i] for i in made], [second.sizes[i] for i in taken])
        if found is None:
            return None
        mine, theirs, more = found
        shift = len(sizes)
        of_first |= {i: tuple(n + shift for n in group) for i, group in zip(made, mine, strict=True)}
        of_second |= {i: tuple(n + shift for n in group) for i, group in zip(taken, theirs, strict=True)}
        sizes += more
    return tidy(
        Arranging(
            tuple(tuple(n for i in group for n in of_first[i]) for group in first.taken),
            tuple(tuple(n for i in group for n in of_second[i]) for group in second.made),
            tuple(sizes),
        )
    )


# --- factors ------------------------------------------------------------------------------------------------------


def common(before: Sequence[int], after: Sequence[int]) -> tuple[Groups, Groups, tuple[int, ...]] | None:
    """The factors that the axes of two shapes have in common, in memory's order, and their sizes."""
    cuts = sorted({*products(before), *products(after)})
    if prod(before) != prod(after) or 0 in cuts or any(b % a for a, b in pairwise(cuts)):
        return None
    bounds = list(reversed(cuts))
    sizes = [big // small for big, small in pairwise(bounds)]
    at = {cut: i for i, cut in enumerate(bounds)}
    mine, theirs = (split(shape, at) for shape in (before, after))
    ones(mine, theirs, sizes)
    ones(theirs, mine, sizes)
    return tuple(map(tuple, mine)), tuple(map(tuple, theirs)), tuple(sizes)


def products(shape: Sequence[int]) -> Iterator[int]:
    """How many elements each axis steps over, and the number of all."""
    total = 1
    yield total
    for n in reversed(shape):
        total *= n
        yield total


def split(shape: Sequence[int], at: dict[int, int]) -> list[list[Factor]]:
    """The factors of each axis; an axis of length 1 has none yet."""
    bounds = list(reversed(list(products(shape))))
    return [list(range(at[big], at[small])) for big, small in pairwise(bounds)]


def ones(mine: list[list[Factor]], theirs: list[list[Factor]], sizes: list[int]) -> None:
    """Gives axes of length 1 a factor, which the other side has at the same place, alone or beside another factor."""
    for i, group in enumerate(mine):
        if group:
            continue
        sizes.append(1)
        group.append(len(sizes) - 1)
        before = {factor for each in mine[:i] for factor in each}
        place = next((k for k, each in enumerate(theirs) if not before.issuperset(each) or not each), len(theirs) - 1)
        last = bool(theirs[place]) and before.issuperset(theirs[place])
        theirs[place].insert(len(theirs[place]) if last else 0, group[0])


def tidy(plan: Arranging) -> Arranging:
    """With as few factors as possible: those that stay side by side are one, and those of length 1 stand alone only."""
    crowded = [{i for group in groups if len(group) > 1 for i in group} for groups in (plan.taken, plan.made)]
    gone = {i for i in crowded[0] & crowded[1] if plan.sizes[i] == 1}
    taken, made = (
        tuple(tuple(i for i in group if i not in gone) or group[:1] for group in groups)
        for groups in (plan.taken, plan.made)
    )
    if {i for g in taken for i in g} != {i for g in made for i in g}:
        taken, made = plan.taken, plan.made
    follows = [{a: b for group in groups for a, b in pairwise(group)} for groups in (taken, made)]
    joined = {a: b for a, b in follows[0].items() if follows[1].get(a) == b}
    inner = set(joined.values())
    number: dict[Factor, int] = {}
    sizes: list[int] = []
    for first in (i for group in taken for i in group if i not in inner):
        number[first] = len(sizes)
        size, each = plan.sizes[first], first
        while each in joined:
            each = joined[each]
            size *= plan.sizes[each]
        sizes.append(size)
    short = [tuple(tuple(number[i] for i in group if i in number) for group in groups) for groups in (taken, made)]
    return Arranging(short[0], short[1], tuple(sizes))


# --- in words -----------------------------------------------------------------------------------------------------

POSITIONS = {1: ("n",), 2: ("h", "w"), 3: ("t", "h", "w")}
"""Words for the positions of an input."""


def pattern(plan: Arranging, x: Volume) -> tuple[str, dict[str, int]]:
    """The pattern in einops' notation, and the sizes that it needs.

    >>> pattern(reshaped((14, 64), (2, 7, 64)), Volume(64, (14,), channels_last=True))
    ('b (n1 n2) c -> b n1 n2 c', {'n2': 7})
    >>> pattern(reshaped((64,), (1, 64)), Volume(64))
    ('b c -> b 1 c', {})
    """
    alone = [{group[0] for group in groups if len(group) == 1} for groups in (plan.taken, plan.made)]
    ones = {i for i in alone[0] ^ alone[1] if plan.sizes[i] == 1}
    taken, made = ([[i for i in g if i not in ones] for g in groups] for groups in (plan.taken, plan.made))
    count = len(plan.taken)
    positions = POSITIONS.get(count - 1) or tuple("ijklmnopqrst"[: count - 1])
    axes = (*positions, "c") if x.channels_last else ("c", *positions)
    words: dict[Factor, str] = {}
    sizes: dict[str, int] = {}
    for axis, group in zip(axes, taken, strict=True):
        if len(group) == 1:
            words[group[0]] = axis
            continue
        words |= {each: f"{axis}{i}" for i, each in enumerate(group, 1)}
        stated = group[:-1] if axis == "c" else group[1:]
        sizes |= {words[each]: plan.sizes[each] for each in stated}
    sides = (" ".join(["b", *(grouped([words[i] for i in g]) for g in groups)]) for groups in (taken, made))
    return " -> ".join(sides), sizes


def grouped(words: Sequence[str]) -> str:
    return (words[0] if len(words) == 1 else f"({' '.join(words)})") if words else "1"
