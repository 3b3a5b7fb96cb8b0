"""Patterns of axes in einops' notation, `b (h p) (w q) c -> b h w (p q c)`: axes are split, reordered and merged.

A pattern has two sides. Each side has one word for an axis, words in parentheses for an axis that is a product of
several, the last one running fastest, or 1 for an axis of length 1. Source: Rogozhnikov 2022, "Einops: clear and
reliable tensor manipulations with Einstein-like notation", ICLR.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from archcalc.core.condition import Requirement
from archcalc.core.dim import Dim, divides, exact, is_number, prod, same
from archcalc.core.moved import onto
from archcalc.core.volume import apart
from archcalc.core.window import IDENTITY, AnyWindow, WholeWindow
from archcalc.record import record
from archcalc.sym.expr import NoClosedForm

Group: TypeAlias = tuple[str, ...]
"""The words whose product an axis is; none for an axis of length 1."""

WORD = r"[A-Za-z_][A-Za-z0-9_]*"

AXIS = rf"\s*(?:1(?!\w)|({WORD})|\(\s*({WORD}(?:\s+{WORD})*)\s*\))"
"""1, a word, or words in parentheses."""


def groups_of(side: str) -> tuple[Group, ...] | None:
    """The axes of one side of a pattern; None if it cannot be read.

    >>> groups_of("b (h p) c"), groups_of("b 1 c"), groups_of("b (h"), groups_of("b 2 c")
    ((('b',), ('h', 'p'), ('c',)), (('b',), (), ('c',)), None, None)
    """
    found: list[Group] = []
    pattern = re.compile(AXIS)
    side, at = side.strip(), 0
    while at < len(side):
        axis = pattern.match(side, at)
        if axis is None:
            return None
        found.append((axis[1],) if axis[1] else tuple((axis[2] or "").split()))
        at = axis.end()
    return tuple(found)


@record
class Arrangement:
    """A pattern, and the sizes that are given for some of its words."""

    left: tuple[Group, ...]
    right: tuple[Group, ...]
    given: Mapping[str, Dim]

    @property
    def taken(self) -> Group:
        """The words of the left side, in order."""
        return tuple(word for group in self.left for word in group)

    @property
    def made(self) -> Group:
        return tuple(word for group in self.right for word in group)

    def unknown(self, group: Group) -> Group:
        return tuple(word for word in group if word not in self.given)

    def sizes(self, shape: Sequence[Dim]) -> dict[str, Dim]:
        """The size of every word, where the axes of the input have these lengths; what is left of an axis is exact."""
        found = dict(self.given)
        for group, n in zip(self.left, shape, strict=True):
            for word in self.unknown(group):
                found[word] = exact(n, prod(self.given[each] for each in group if each != word))
        return found

    def shape(self, shape: Sequence[Dim]) -> tuple[Dim, ...]:
        """The lengths of the axes of the output."""
        sizes = self.sizes(shape)
        return tuple(prod(sizes[word] for word in group) for group in self.right)

    def well_formed(self) -> Iterator[Requirement]:
        """What must hold whatever comes in."""
        for words in (self.taken, self.made):
            twice = next((word for word in words if words.count(word) > 1), "")
            yield not twice, f"'{twice}' stands twice on one side of the pattern"
        lost = sorted(set(self.taken) ^ set(self.made))
        yield not lost, f"{', '.join(lost)} must stand on both sides: rearrange neither drops nor repeats values"
        batch = self.left[:1] == self.right[:1] and len(self.left[0]) == 1
        yield batch, "the first axis on both sides is the batch, and stays: b ... -> b ..."
        yield self.left[0][0] not in self.given, f"the batch, {self.left[0][0]}, takes no size"
        unused = sorted(set(self.given) - set(self.taken))
        yield not unused, f"{', '.join(unused)} is no axis of the pattern"
        for group in self.left:
            open_ = self.unknown(group)
            first = "".join(open_[:1])
            yield len(open_) < 2, f"({' '.join(group)}) needs a size for all but one of its words: {first}=..."
        yield len(self.right) > 1, "the right side has only the batch: add at least one axis"

    def fits(self, shape: Sequence[Dim]) -> Iterator[Requirement]:
        """What must hold of the lengths of the input's axes."""
        for word, size in self.given.items():
            yield size >= 1, f"{word} must be at least 1, got {size}"
        for group, n in zip(self.left, shape, strict=True):
            whole = prod(self.given[word] for word in group if word in self.given)
            message = f"({' '.join(group) or 1}) does not divide into {whole}: the axis has {n} elements"
            yield divides(whole, n) if self.unknown(group) else same(whole, n), message

    def windows(self, sizes: Mapping[str, Dim], before_last: bool, after_last: bool) -> tuple[AnyWindow, ...]:
        """The windows of the input's positions in those of the output, whose features are the last or the first axis
        of a sample; `sizes`: of all words."""
        _, taken = apart(self.left[1:], before_last)
        _, made = apart(self.right[1:], after_last)
        return windows_between(taken, made, sizes)

    def features_at(self, last: bool) -> int | None:
        """Which axis of the output, 1 or -1, has the features, which the last or the first axis of a sample has before:
        where some of their words stay, else where they go; None if they are in neither place.

        >>> plan = Arrangement((("b",), ("c",), ("h",), ("w",)), (("b",), ("h", "w"), ("c",)), {})
        >>> plan.features_at(last=False), plan.features_at(last=True)
        (-1, 1)
        """
        words = set(self.left[-1 if last else 1])
        places = (-1, 1) if last else (1, -1)
        return next((at for at in places if words & set(self.right[at])), None)

    def moves(self, shape: Sequence[Dim]) -> bool:
        """Whether elements change their order in memory; axes of length 1 do not count."""
        sizes = self.sizes(shape)
        taken, made = ([word for word in words if sizes[word] != 1] for words in (self.taken, self.made))
        return taken != made

    def parted(self, shape: Sequence[Dim]) -> int | None:
        """The first axis of the input whose words do not follow each other in the output; those of length 1 do not
        count."""
        sizes = self.sizes(shape)
        made = [word for word in self.made if sizes[word] != 1]
        for axis, group in enumerate(self.left):
            own = [word for word in group if sizes[word] != 1]
            first = made.index(own[0]) if own else 0
            if own != made[first : first + len(own)]:
                return axis
        return None


def resized(taken: Sequence[Dim], made: Sequence[Dim]) -> Arrangement | None:
    """The axes of an item, of lengths `taken`, as axes of lengths `made`, with its elements in the same order.

    None where they have no common parts: no parts of axes of 6 and 4 make axes of 4 and 6.

    >>> found = resized((2, 6, 5), (4, 3, 5))
    >>> found.left, found.right
    ((('b',), ('s0',), ('s1', 's2'), ('s3',)), (('b',), ('s0', 's1'), ('s2',), ('s3',)))
    >>> resized((6, 4), (4, 6)) is None
    True
    """
    parts = common_parts(taken, made)
    if parts is None:
        return None
    left: list[list[str]] = [[] for _ in taken]
    right: list[list[str]] = [[] for _ in made]
    given: dict[str, Dim] = {}
    for i, (from_axis, to_axis, size) in enumerate(parts):
        word = f"s{i}"
        given[word] = size
        left[from_axis].append(word)
        right[to_axis].append(word)
    batch = ("b",)
    return Arrangement((batch, *map(tuple, left)), (batch, *map(tuple, right)), given)


def common_parts(taken: Sequence[Dim], made: Sequence[Dim]) -> list[tuple[int, int, Dim]] | None:
    """The parts of which axes of lengths `taken` and of lengths `made` both consist, each with its axis in both.

    >>> common_parts((12,), (3, 4)), common_parts((2, 1, 6), (4, 3))
    ([(0, 0, 3), (0, 1, 4)], [(0, 0, 2), (2, 0, 2), (2, 1, 3)])
    """
    found: list[tuple[int, int, Dim]] = []
    mine, theirs = ([[i, n] for i, n in enumerate(sizes) if n != 1] for sizes in (taken, made))
    while mine and theirs:
        (i, n), (j, m) = mine[0], theirs[0]
        size = m if is_multiple(n, m) else n
        if not is_multiple(m, size):
            return None
        found.append((i, j, size))
        mine[0][1], theirs[0][1] = exact(n, size), exact(m, size)
        mine, theirs = ([each for each in axes if each[1] != 1] for axes in (mine, theirs))
    return None if mine or theirs else found


def is_multiple(n: Dim, part: Dim) -> bool:
    """Whether `part` divides `n` whatever the symbols are, as it stands.

    >>> from archcalc.core.dim import free
    >>> is_multiple(12, 4), is_multiple(12, 5), is_multiple(6 * free("H"), free("H")), is_multiple(free("H"), 2)
    (True, False, True, False)
    """
    return exact(n, part) * part == n


@record
class ArrangedWindow(AnyWindow):
    """One axis that becomes another, of other words: an element reads those with the same values of common words.

    `taken`, `made`: the words of the input's axis and of the output's axis, each with its size.
    """

    taken: tuple[tuple[str, Dim], ...]
    made: tuple[tuple[str, Dim], ...]

    @property
    def leads(self) -> bool:
        """Whether both axes run slowest along the same word, so that the pattern repeats with it."""
        return self.taken[0][0] == self.made[0][0]

    @property
    def period(self) -> tuple[Dim, Dim]:
        if self.leads:
            return prod(n for _, n in self.made[1:]), prod(n for _, n in self.taken[1:])
        return prod(n for _, n in self.made), 0

    @property
    def words(self) -> str:
        return "the axis is split or merged; an element reads those with the same index of the parts that stay"

    def slide(self, n: Dim) -> Dim:
        """The length of the output's axis: the parts that go are divided out, those that come are multiplied.

        >>> ArrangedWindow((("h", 3), ("p", 2)), (("h", 3),)).slide(6)
        3
        """
        stay = {word for word, _ in self.taken} & {word for word, _ in self.made}
        gone, new = (prod(n for word, n in each if word not in stay) for each in (self.taken, self.made))
        return exact(n, gone) * new

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> w = ArrangedWindow((("h", 3), ("p", 2)), (("h", 3),))
        >>> [w.reach(i) for i in (0, 1)]
        [[0, 1], [2, 3]]
        """
        if not is_number(*(n for _, n in (*self.taken[self.leads :], *self.made[self.leads :]))):
            raise NoClosedForm("the lengths of the parts of an axis must be numbers")
        known: dict[str, int] = {}
        for at, (word, n) in reversed(list(enumerate(self.made))):
            known[word] = i if at == 0 else i % n
            i = i // n
        found = [0]
        for word, n in self.taken:
            found = [n * each + own for each in found for own in ([known[word]] if word in known else range(n))]
        return found


@record
class MixedWindow(AnyWindow):
    """An axis whose parts go to other axes of the output than one: its receptive field is not followed."""

    outputs: Dim

    @property
    def period(self) -> tuple[Dim, Dim]:
        raise NoClosedForm("an axis became part of other axes, along which the field is not followed")

    @property
    def words(self) -> str:
        return "the parts of the axis go to other axes"

    def slide(self, n: Dim) -> Dim:
        return self.outputs

    def reach(self, i: int) -> Sequence[int]:
        raise NoClosedForm("an axis became part of other axes, along which the field is not followed")


def windows_between(taken: Sequence[Group], made: Sequence[Group], sizes: Mapping[str, Dim]) -> tuple[AnyWindow, ...]:
    """The window on each spatial axis of the input, given the words of the spatial axes of both sides."""
    if not made:
        return (WholeWindow(1),) * len(taken)
    return tuple(window_of_axis(i, taken, made, sizes) for i in range(len(taken)))


def window_of_axis(i: int, taken: Sequence[Group], made: Sequence[Group], sizes: Mapping[str, Dim]) -> AnyWindow:
    """The window on one axis of the input. If its parts go to several axes of the output, and there are as many as
    before, elements of the one with its own number count."""
    long = {word for word in taken[i] if sizes[word] != 1}
    places = [place for place, own in enumerate(made) if long & {*own}]
    if len(taken) == len(made) and (i in places or taken[i] == made[i]):
        return window_between(taken[i], made[i], sizes)
    if len(places) > 1:
        return MixedWindow(prod(sizes[word] for word in made[0]))
    place = places[0] if places else 0
    return onto(window_between(taken[i], made[place], sizes), place, i, len(taken), len(made))


def window_between(taken: Group, made: Group, sizes: Mapping[str, Dim]) -> AnyWindow:
    if taken == made:
        return IDENTITY
    if not set(taken) & set(made):
        return WholeWindow(prod(sizes[word] for word in made))
    return ArrangedWindow(tuple((w, sizes[w]) for w in taken), tuple((w, sizes[w]) for w in made))
