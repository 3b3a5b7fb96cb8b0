"""The result of a sweep: the counts, and the designs that were asked for with all their numbers."""

import shlex
from collections.abc import Iterator, Mapping
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from archcalc.core.extra import MissingExtra
from archcalc.record import record
from archcalc.sweeping.evaluator import Points
from archcalc.sweeping.front import sortable
from archcalc.sweeping.network import VARIANT, settings_in_words
from archcalc.sweeping.question import COUNT, FRONT, ROWS, Question, symbol_of
from archcalc.sweeping.reduce import Part, least_of
from archcalc.sweeping.space import Array, Value
from archcalc.sweeping.structure import Batch, Structure, Tally

AT_ONCE = 1 << 16
"""Designs of which the numbers are worked out at a time."""

MOST_ROWS = 1_000_000
"""Rows of a table, CSV or JSON, and of Python."""


class TooManyRows(ValueError):
    """The designs that meet the conditions are too many to list; the message says how many."""


@record(slots=False)
class Sweep:
    """A sweep and its result. `done`: the designs that were evaluated, all of them unless it was stopped.

    `tally` says what became of the designs: how many were kept, how many do not fit and why, and how many each
    condition excluded.
    """

    question: Question
    part: Part
    done: int

    @property
    def is_whole(self) -> bool:
        """Whether all designs were evaluated."""
        return self.done == self.question.space.size

    @property
    def tally(self) -> Tally:
        return self.part.tally

    @cached_property
    def kept(self) -> Mapping[str, Array]:
        """The designs in the result, as arrays: their numbers, and of a front how many are alike."""
        return self.part.kept.plain()

    @property
    def designs(self) -> Array:
        """The numbers of the designs in the result, in its order."""
        return self.kept["designs"]

    @property
    def names(self) -> list[str]:
        """The names of all columns: the axes, the objectives, other quantities, and of a front `alike`."""
        return list(self.columns(self.designs[:0]))

    def columns(self, designs: Array) -> dict[str, list[Any]]:
        """The columns of some designs: the values of all axes, and all quantities."""
        found: dict[str, list[Any]] = {name: [] for name in self.question.space.names}
        for name in self.question.space.names:
            found[name] = values_of(self.question, name, designs)
        found |= quantities_of(self.question, designs)
        return found

    def tables(self) -> Iterator[dict[str, list[Any]]]:
        """The columns of the result, some rows at a time."""
        for begin in range(0, max(1, len(self.designs)), AT_ONCE):
            table = self.columns(self.designs[begin : begin + AT_ONCE])
            if self.question.wanted == FRONT:
                table["alike"] = self.kept["alike"][begin : begin + AT_ONCE].tolist()
            yield table

    def rows(self) -> list[dict[str, Any]]:
        """The designs in the result, each with its values and its quantities by name.

        Raises TooManyRows for more than a million.
        """
        self.check_rows()
        return [
            dict(zip(table, row, strict=True)) for table in self.tables() for row in zip(*table.values(), strict=True)
        ]

    def check_rows(self) -> None:
        if self.question.wanted == ROWS and self.tally.kept > MOST_ROWS:
            raise TooManyRows(
                f"{self.tally.kept:,} designs meet the conditions, too many to list: "
                "ask for the best with --pareto or --top, or write them to a Parquet file: -o designs.parquet"
            )

    @property
    def front(self) -> list[dict[str, Any]]:
        """The rows of the Pareto front, if it was asked for."""
        if self.question.wanted != FRONT:
            raise ValueError("the sweep was not asked for a front: give several objectives, or pareto=True")
        return self.rows()

    @property
    def histogram(self) -> list[tuple[int, int, int]]:
        """How many designs have a value from the first to, excluding, the second number: (first, second, count)."""
        steps = sorted(self.part.histogram.items())
        return [(least_of(step), least_of(step + 1), count) for step, count in steps]

    def command(self, design: int) -> str:
        """The command that reports a design."""
        values = self.question.space.design(design)
        variant = values.get(VARIANT)
        spec = self.question.spec + (f"@{variant}" if variant else "")
        options = settings_in_words(self.question.documents[str(variant or "")], values)
        words = [spec, *self.question.options, *options]
        return " ".join(["archcalc report", *(quoted(word) for word in words if word)])

    def to_pandas(self) -> Any:
        """The result as a pandas DataFrame. Raises MissingExtra if pandas is not installed."""
        try:
            import pandas  # lazy: an optional package
        except ImportError:
            raise MissingExtra("to_pandas() needs pandas: pip install pandas") from None
        self.check_rows()
        return pandas.concat([pandas.DataFrame(table) for table in self.tables()], ignore_index=True)

    def _repr_html_(self) -> str:
        """The first rows of the result as a table, for notebooks."""
        shown = self.columns(self.designs[:20])
        head = "".join(f"<th>{escape(name)}</th>" for name in shown)
        rows = zip(*shown.values(), strict=True) if shown else ()
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell(each))}</td>' for each in row)}</tr>" for row in rows)
        return f"<p>{escape(summary(self))}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
        return f"<Sweep: {summary(self)}>"


def quoted(word: str) -> str:
    """An option for a shell: `--set act=silu` as it is, what needs quotes with them."""
    option, space, value = word.partition(" ")
    return f"{option} {shlex.quote(value)}" if option.startswith("-") and space else shlex.quote(word)


def cell(value: Any) -> str:
    """A value in a table."""
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


KINDS = {FRONT: "on the front", ROWS: "listed", COUNT: "counted"}


def summary(sweep: Sweep) -> str:
    """`9,180 designs: 3,384 meet the conditions, 34 on the front`."""
    tally, size = sweep.tally, sweep.question.space.size
    of_all = "" if sweep.is_whole else f" of {size:,}, stopped early"
    meet = "fit" if not sweep.question.where else "meet the conditions"
    more = f", {len(sweep.designs):,} {KINDS.get(sweep.question.wanted, 'best')}"
    return f"{tally.designs:,} designs{of_all}: {tally.kept:,} {meet}" + (
        more if sweep.question.wanted not in (ROWS, COUNT) else ""
    )


# --- the numbers of designs ------------------------------------------------------------------------------------------


def values_of(question: Question, name: str, designs: Array) -> list[Value]:
    """The values of one name in some designs."""
    space = question.space
    number = next(i for i, axis in enumerate(space.axes) if name in axis.columns)
    rows, values = space.rows(designs)[number], space.axes[number].columns[name]
    return [values[row] for row in rows.tolist()]


def quantities_of(question: Question, designs: Array) -> dict[str, list[Any]]:
    """All quantities of some designs, by their names: objectives first, with those that are expressions."""
    grid = max(1, int(np.prod(question.space.shape[question.structural :], dtype=object)))
    further = [str(each) for tree in (*question.computed, *question.where) for each in tree.quantities.values()]
    names = list(dict.fromkeys([*(each.text for each in question.shown), *further]))
    found: dict[str, list[Any]] = {name: [None] * len(designs) for name in names}
    structures = designs // grid
    for number in np.unique(structures).tolist():
        some = np.flatnonzero(structures == number)
        for name, values in listed(Structure(question, number), designs[some] - number * grid).items():
            for position, value in zip(some.tolist(), values if name in found else (), strict=False):
                found[name][position] = value
    return found


def listed(structure: Structure, designs: Array) -> dict[str, list[Any]]:
    """All quantities of some designs of one structure."""
    rows = dict(enumerate(structure.grid.rows(designs)))
    points = Points(structure.grid.axes, rows, designs.shape)
    batch, unknown = Batch(points, 0), dict[str, Array]()
    for each, evaluator in structure.quantities.items():
        made = evaluator.at(points)
        batch.known[symbol_of(each)] = made.values
        if made.why is not None:
            unknown[str(each)] = np.broadcast_to(made.why != 0, designs.shape)
    for shown in structure.question.shown:
        structure.work_out(batch, shown.text, Tally())
        if lost := [unknown[str(each)] for each in shown.quantities.values() if str(each) in unknown]:
            unknown[shown.text] = np.logical_or.reduce(lost)
    found = {str(each): batch.known[symbol_of(each)] for each in structure.question.quantities}
    found |= {each.text: batch.known[each.text] for each in structure.question.shown}
    return {name: with_gaps(np.broadcast_to(each, designs.shape), unknown.get(name)) for name, each in found.items()}


def with_gaps(values: Array, unknown: Array | None) -> list[int | None]:
    """Values as Python's integers, None where they are not known."""
    found: list[int | None] = values.tolist()
    for position in np.flatnonzero(unknown).tolist() if unknown is not None else ():
        found[position] = None
    return found


def corners(sweep: Sweep) -> list[int]:
    """The designs of a result that are best in one objective."""
    if not len(sweep.designs):
        return []
    costs = sweep.kept.get("costs")
    if costs is None:
        return [int(sweep.designs[0])]
    best = [int(np.lexsort((sweep.designs, rank))[0]) for rank in sortable(costs)]
    return list(dict.fromkeys(int(sweep.designs[position]) for position in best))


def random_designs(question: Question, count: int, seed: int = 0) -> list[int]:
    """Designs at random, each once, the same in every run."""
    import random  # lazy: 4 ms

    size = question.space.size
    found: list[int] = random.Random(seed).sample(range(size), min(count, size))
    return found
