"""One quantity of a network at many designs: by a closed form, or number by number in what has no form."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod

import numpy as np

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.record import field, record
from archcalc.sweeping.arrays import Inner, Ranges
from archcalc.sweeping.forms import Form, Found, Maker, NeedsNumbers, Reasons, Unknown, as_whole, in_short
from archcalc.sweeping.network import KEPT, Network
from archcalc.sweeping.space import Array, Axis, Value

NEEDS_A_NUMBER = "AC136"
"""The code of networks that are not the same for all values of a free symbol."""


@record
class Points:
    """Designs by the rows of each axis, whose arrays have a common shape when broadcast."""

    axes: Sequence[Axis]
    rows: Mapping[int, Array]
    shape: tuple[int, ...]
    known: dict[tuple[int, str], Array] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return prod(self.shape)

    def values(self, axis: int, name: str) -> Array:
        """The values of a name, worked out once."""
        if (axis, name) not in self.known:
            self.known[axis, name] = self.axes[axis].at(name, self.rows[axis])
        return self.known[axis, name]

    def flat(self) -> "Points":
        """The same designs in one dimension."""
        if len(self.shape) == 1:
            return self
        rows = {axis: np.broadcast_to(each, self.shape).ravel() for axis, each in self.rows.items()}
        return Points(self.axes, rows, (self.count,))

    def where(self, chosen: Array) -> "Points":
        """Some of the designs, which have one dimension; `chosen`: a mask or positions."""
        flat = self.flat()
        rows = {axis: np.broadcast_to(each, flat.shape)[chosen] for axis, each in flat.rows.items()}
        kept = int(chosen.sum()) if chosen.dtype == bool else len(chosen)
        return Points(self.axes, rows, (kept,))


@record(slots=False)
class Evaluator:
    """A quantity of a network in which the names of these axes are free."""

    network: Network
    axes: Mapping[int, Axis]
    make: Maker
    inner: Inner
    reasons: Reasons

    @cached_property
    def ranges(self) -> Ranges:
        free = self.network.symbols
        pairs = [(name, axis) for axis in self.axes.values() for name in axis.columns if name in free]
        return {symbol: axis.bounds(name) for name, axis in pairs for symbol in free[name]}

    @cached_property
    def form(self) -> Form | NeedsNumbers | Unknown:
        """The form, or why there is none."""
        try:
            return self.make(self.network.graph, self.ranges, self.inner, self.reasons)
        except SpecError as error:
            if self.network.symbols and any(each.code == NEEDS_A_NUMBER for each in error.diagnostics):
                return NeedsNumbers(mentioned(error.diagnostics, self.ranges))
            return Unknown(in_short(error.diagnostics[0].message))
        except (NeedsNumbers, Unknown) as why:
            return why

    @property
    def is_quick(self) -> bool:
        """Whether it has a form for all designs at once, so that a block needs not be thinned out first."""
        return isinstance(self.form, Form) and self.form.is_quick

    def at(self, points: Points) -> Found:
        form = self.form
        if isinstance(form, Form):
            return form.at(self.values(points), points.shape)
        if isinstance(form, Unknown):
            return Found(np.zeros((), dtype=np.int64), np.asarray(self.reasons[str(form)]))
        return self.one_by_one(self.to_set(form), points)

    def values(self, points: Points) -> dict[str, Array]:
        """The values of the free symbols."""
        free = self.network.symbols
        found: dict[str, Array] = {}
        for number, axis in self.axes.items():
            for name in axis.columns:
                if name in free:
                    found |= dict.fromkeys(free[name], points.values(number, name))
        return found

    def to_set(self, need: NeedsNumbers) -> list[int]:
        """The axes to set: those of the symbols that must be numbers; if that is not known, the first one."""
        free = self.network.symbols
        found = [
            number
            for number, axis in self.axes.items()
            if any(set(free.get(name, ())) & need.names for name in axis.columns)
        ]
        return found or list(self.axes)[:1]

    def one_by_one(self, axes: list[int], points: Points) -> Found:
        """The quantity with these axes set to each of their values that occur."""
        flat = points.flat()
        found, why = np.zeros(flat.count, dtype=object), np.zeros(flat.count, dtype=np.int64)
        for some in groups([np.broadcast_to(flat.rows[axis], flat.shape) for axis in axes]):
            given = self.given(axes, [int(flat.rows[axis][some[0]]) for axis in axes])
            made = self.child(given, axes).at(flat.where(some))
            found[some] = made.values
            why[some] = 0 if made.why is None else made.why
        return Found(as_whole(found).reshape(points.shape), why.reshape(points.shape) if why.any() else None)

    def given(self, axes: Sequence[int], rows: Sequence[int]) -> dict[str, Value]:
        """The values of the names of these axes that are free, in these rows."""
        free = self.network.symbols
        pairs = (
            (name, values[row])
            for axis, row in zip(axes, rows, strict=True)
            for name, values in self.axes[axis].columns.items()
        )
        return {name: value for name, value in pairs if name in free}

    def child(self, given: Mapping[str, Value], axes: Sequence[int]) -> "Evaluator":
        key = tuple(given.items())
        if key not in self.children:
            rest = {number: axis for number, axis in self.axes.items() if number not in axes}
            self.children[key] = Evaluator(self.network.at(given), rest, self.make, self.inner, self.reasons)
            if len(self.children) > KEPT:
                self.children.popitem(last=False)
        return self.children[key]

    @cached_property
    def children(self) -> "OrderedDict[tuple[tuple[str, Value], ...], Evaluator]":
        return OrderedDict()


def groups(rows: Sequence[Array]) -> list[Array]:
    """The points of each combination of rows that occurs."""
    order = np.lexsort(rows)
    changes = np.zeros(max(0, len(order) - 1), dtype=bool)
    for each in rows:
        changes |= np.diff(each[order]) != 0
    return np.split(order, np.flatnonzero(changes) + 1) if len(order) else []


def mentioned(diagnostics: Sequence[Diagnostic], ranges: Ranges) -> list[str]:
    """The symbols in the messages of networks that need a number."""
    text = " ".join(each.message for each in diagnostics if each.code == NEEDS_A_NUMBER)
    words = set("".join(letter if letter.isalnum() or letter == "_" else " " for letter in text).split())
    return [name for name in ranges if name in words]
