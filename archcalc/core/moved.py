"""Windows of what is moved, repeated or put side by side along an axis: each output element reads one element, or none.

Elements of other places of the axis are no neighbours, so these windows list all elements of the output: the period is
the whole axis.
"""

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain

from archcalc.core.dim import Dim, is_number
from archcalc.core.window import AnyWindow, WholeWindow, Window
from archcalc.record import record
from archcalc.sym.expr import NoClosedForm


class MovedWindow(AnyWindow):
    """Abstract: the axis of the output has `outputs` elements, each listed."""

    __slots__ = ()

    outputs: Dim

    @property
    def period(self) -> tuple[Dim, Dim]:
        if not is_number(self.outputs):
            raise NoClosedForm("elements are moved along an axis whose length is free")
        return self.outputs, 0

    def slide(self, n: Dim) -> Dim:
        return self.outputs

    @abstractmethod
    def reach(self, i: int) -> Sequence[int]: ...


@record
class OneElementWindow(MovedWindow):
    """Every output element reads the same element: one is taken, or the only one of an axis is repeated."""

    outputs: Dim
    element: Dim = 0

    @property
    def words(self) -> str:
        return f"every element reads element {self.element}"

    def reach(self, i: int) -> Sequence[int]:
        return [self.element]


@record
class OntoWindow(AnyWindow):
    """A window on an axis that becomes another axis of the output, `place`: positions of a sequence that are one axis
    of a map."""

    window: AnyWindow
    place: int

    @property
    def whole(self) -> bool:
        return self.window.whole

    @property
    def onto(self) -> int | None:
        return self.place

    @property
    def period(self) -> tuple[Dim, Dim]:
        return self.window.period

    @property
    def words(self) -> str:
        return "axes of the input stand at other places"

    def slide(self, n: Dim) -> Dim:
        return self.window.slide(n)

    def reach(self, i: int) -> Sequence[int]:
        return self.window.reach(i)

    def runs(self, i: int) -> Sequence[Sequence[int]]:
        return self.window.runs(i)


def onto(window: AnyWindow, place: int, axis: int, before: int, after: int) -> AnyWindow:
    """The window of an axis with the number `axis`, of `before`, that becomes the one with the number `place`, of
    `after`."""
    return window if place == (axis if before == after else 0 if after == 1 else None) else OntoWindow(window, place)


@record
class RolledWindow(MovedWindow):
    """The axis is rolled by `shift` elements; those that leave at the end come back at the beginning."""

    outputs: Dim
    shift: Dim

    @property
    def words(self) -> str:
        return f"element i reads element i - {self.shift}, counted round the axis"

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> [RolledWindow(5, 2).reach(i) for i in range(3)]
        [[3], [4], [0]]
        """
        return [(i - self.shift) % self.outputs]


@record
class FlippedWindow(MovedWindow):
    """The axis is read from its end to its beginning."""

    outputs: Dim

    @property
    def words(self) -> str:
        return "element i reads element n - 1 - i"

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> [FlippedWindow(5).reach(i) for i in range(3)]
        [[4], [3], [2]]
        """
        return [self.outputs - 1 - i]


@record
class TiledWindow(MovedWindow):
    """An axis of `length` elements, repeated one copy after the other."""

    outputs: Dim
    length: Dim

    @property
    def words(self) -> str:
        return "the axis is repeated, one copy after the other"

    def reach(self, i: int) -> Sequence[int]:
        return [i % self.length]


@record
class PieceWindow(MovedWindow):
    """One of several volumes side by side: its `length` elements begin at element `begin` of the output."""

    outputs: Dim
    begin: Dim
    length: Dim

    @property
    def words(self) -> str:
        return f"elements {self.begin} to {self.begin + self.length - 1} of the axis are this volume's"

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> [PieceWindow(5, 2, 3).reach(i) for i in (1, 2, 4)]
        [[], [0], [2]]
        """
        return [i - self.begin] if self.begin <= i < self.begin + self.length else []


@record
class GlobalWindow(MovedWindow):
    """A window slides over the tokens, but the first `count` of them read all, and all read them.

    `causal`: no token reads later ones.
    """

    outputs: Dim
    count: Dim
    window: Window
    causal: bool = False

    @property
    def words(self) -> str:
        return f"the first {self.count} read all, and are read by all; the others read {self.window.kernel} around them"

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> w = GlobalWindow(7, 1, Window(kernel=3, begin=1, end=1))
        >>> [list(w.reach(i)) for i in (0, 1, 4)]
        [[0, 1, 2, 3, 4, 5, 6], [0, 1, 2], [0, 3, 4, 5]]
        """
        first, *others = self.runs(i)
        return [*first, *chain.from_iterable(others)] if others else first

    def runs(self, i: int) -> Sequence[Sequence[int]]:
        last = i + 1 if self.causal else self.outputs
        if i < self.count:
            return (range(last),)
        near = self.window.reach(i)
        return range(self.count), near[bisect_left(near, self.count) : bisect_left(near, last)]


@record
class UnfoldedWindow(AnyWindow):
    """A window that slides over one axis of a map, with all its positions in a row, the last axis running fastest.

    `places`: those of this axis; `before`, `after`: how many the axes before and after it have.
    """

    window: Window
    places: Dim
    before: Dim = 1
    after: Dim = 1

    @property
    def period(self) -> tuple[Dim, Dim]:
        if not is_number(self.places, self.before, self.after):
            raise NoClosedForm("the positions of windows are put in a row, and their number is free")
        return (self.after, self.window.stride) if self.before == 1 else (self.slide(0), 0)

    @property
    def words(self) -> str:
        return "the positions of a window that slides over the map, in a row, the last axis running fastest"

    def slide(self, n: Dim) -> Dim:
        return self.before * self.places * self.after

    def reach(self, i: int) -> Sequence[int]:
        """
        >>> w = Window(kernel=2, stride=2)
        >>> list(UnfoldedWindow(w, 3, after=4).reach(5)), list(UnfoldedWindow(w, 4, before=3).reach(5))
        ([2, 3], [2, 3])
        """
        place = i // self.after
        return self.window.reach(place if self.before == 1 else place % self.places)


@record
class ChosenWindow(WholeWindow):
    """Values decide which elements of the axis are read: each may be."""

    outputs: Dim

    @property
    def words(self) -> str:
        return "values decide which elements of the axis are read"
