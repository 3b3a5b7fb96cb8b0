"""The space of a sweep: axes of values, all combinations of which are designs. A design is a number, never stored.

An axis is written `w=16..128:8` (steps), `w=16..1024*2` (factors), `w=16,24,64` or `act=relu|silu` (a list). Names that
share an axis have the same value: `H=W=128..384:32`. A table is an axis whose names have values of their own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archcalc.core.diagnostic import SpecError, problem, quoted
from archcalc.core.location import Location, Source
from archcalc.record import field, record
from archcalc.spec.expression import parse_expression
from archcalc.spec.value import written

Array: TypeAlias = NDArray[Any]
"""Whole numbers: int64, or Python's own where these would overflow."""

Value: TypeAlias = int | str
"""A whole number, or the text of any other setting: `1.5`, `silu`, `[3, 4, 6, 3]`."""

MOST_VALUES = 10_000_000
"""Values of one axis that are not the steps of a range."""

MOST_DESIGNS = 2**62
"""Designs are numbered in int64."""

HELP = "write w=16..128:8 (steps), w=16..1024*2 (factors), w=16,24,64 or act=relu|silu"


@record
class Axis:
    """One axis: a name and its values, or several names whose values change together.

    `chosen`: its values are settings that change the structure, even where they are numbers.
    """

    columns: Mapping[str, Sequence[Value]]
    chosen: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def is_structural(self) -> bool:
        """Whether each of its values makes a network of its own: not all of them are whole numbers from 1 on."""
        return self.chosen or not all(map(is_countable, self.columns.values()))

    def at(self, name: str, rows: Array) -> Array:
        """The values of a name in some rows, if they are whole numbers."""
        values = self.columns[name]
        if isinstance(values, range):
            return values.start + values.step * rows
        return array_of(values)[rows]

    def bounds(self, name: str) -> tuple[int, int]:
        """The least and the greatest value of a name, if they are whole numbers."""
        values: Sequence[Any] = self.columns[name]
        return (values[0], values[-1]) if isinstance(values, range) else (min(values), max(values))


def is_countable(values: Sequence[Value]) -> bool:
    if isinstance(values, range):
        return values.start >= 1
    return all(isinstance(value, int) and value >= 1 for value in values)


def array_of(values: Sequence[Value]) -> Array:
    """Whole numbers as an array, exact whatever their size."""
    whole = all(isinstance(value, int) and abs(value) < 2**62 for value in values)
    return np.array(values, dtype=np.int64 if whole else object)


@record(slots=False)
class Space:
    """All combinations of the values of its axes. The last axis changes fastest."""

    axes: tuple[Axis, ...] = field(default=())

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis) for axis in self.axes)

    @cached_property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def names(self) -> list[str]:
        return [name for axis in self.axes for name in axis.columns]

    def rows(self, designs: Array) -> list[Array]:
        """For each axis, the rows of the designs with these numbers."""
        return list(np.unravel_index(designs, self.shape)) if self.axes else []

    def design(self, number: int) -> dict[str, Value]:
        """The values of one design by name."""
        rows = [int(each) for each in self.rows(np.asarray(number))]
        return {
            name: axis.columns[name][row] for axis, row in zip(self.axes, rows, strict=True) for name in axis.columns
        }


def checked(axes: Sequence[Axis]) -> Space:
    """The space of these axes. Raises SpecError if a name occurs twice, or if the designs cannot be numbered."""
    names = [name for axis in axes for name in axis.columns]
    for name in names:
        if names.count(name) > 1:
            raise wrong(f"{quoted(name)} has two axes", name, help="join their values: w=16..64:8,128,256")
    space = Space(tuple(axes))
    if space.size > MOST_DESIGNS:
        raise wrong(f"the space has {space.size:,} designs, more than can be numbered", ", ".join(names))
    return space


# --- axes as text ----------------------------------------------------------------------------------------------------


def wrong(
    message: str, text: str, option: str = "--over", start: int = 0, length: int = 0, help: str = ""
) -> SpecError:
    where = Location(Source(option, text), 0, start, max(1, length or len(text) - start))
    return problem("AC141", message, where, help=help)


def axis_of(text: str, option: str = "--over") -> Axis:
    """The axis that a text describes: `w=16..128:8`, `H=W=128..384:32`. Raises SpecError."""
    *names, values = (part.strip() for part in split(text, "="))
    if not names or not all(re.fullmatch(r"[A-Za-z_][\w.]*(\[\d+\])?", name) for name in names):
        raise wrong("an axis is a name and its values", text, option, help=HELP)
    for name in names:
        if names.count(name) > 1:
            raise wrong(f"{quoted(name)} occurs twice", text, option)
    place = text.rindex(values) if values else len(text)
    found = values_of(values, text, option, place)
    return Axis(dict.fromkeys(names, found), chosen=option == "--choose")


def axis_given(name: str, values: object, option: str = "--over") -> Axis:
    """The axis of a name with values given in Python: a text, a range, or any iterable."""
    if isinstance(values, str):
        return axis_of(f"{name}={values}", option)
    found = values if isinstance(values, range) else tuple(map(value_given, values))  # type: ignore[call-overload]
    if not found:
        raise wrong("the axis has no values", name, option)
    names = [part.strip() for part in name.split("=")]
    return Axis(dict.fromkeys(names, found), chosen=option == "--choose")


def value_given(value: object) -> Value:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float | Fraction):
        return plain(Fraction(str(value)) if isinstance(value, float) else value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(str(value_given(each)) for each in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def table_given(rows: Iterable[Mapping[str, object]]) -> Axis:
    """The axis of designs that are listed one by one, each with the same names."""
    listed = [{name: value_given(value) for name, value in row.items()} for row in rows]
    if not listed or not listed[0]:
        raise wrong("the table has no designs", "designs")
    names = list(listed[0])
    for i, row in enumerate(listed):
        if row.keys() != set(names):
            raise wrong(f"design {i + 1} of the table names {', '.join(row)}, the first {', '.join(names)}", "designs")
    return Axis({name: tuple(row[name] for row in listed) for name in names})


def split(text: str, by: str) -> list[str]:
    """The parts of a text between separators, which do not count within brackets.

    >>> split("[3, 4], 5", ",")
    ['[3, 4]', ' 5']
    """
    parts, depth, begin = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter in by and depth == 0:
            parts.append(text[begin:i])
            begin = i + 1
    return [*parts, text[begin:]]


def values_of(values: str, text: str, option: str, place: int) -> Sequence[Value]:
    """The values that a list of numbers, words and ranges has, in their order, each once."""
    parts = split(values, "|" if "|" in values else ",")
    if len(parts) == 1 and (steps := RANGE.fullmatch(parts[0].strip())):
        return stepped(steps, text, option, place)
    found: list[Value] = []
    for part in parts:
        if not part.strip():
            raise wrong("a value is missing", text, option, place, help=HELP)
        steps = RANGE.fullmatch(part.strip())
        found += stepped(steps, text, option, place) if steps else [one(part.strip(), text, option, place)]
        if len(found) > MOST_VALUES:
            raise wrong(f"an axis has at most {MOST_VALUES:,} values, unless it is one range", text, option, place)
    return tuple(dict.fromkeys(found))


RANGE = re.compile(r"(?P<first>[^:*\[]+?)\.\.(?P<last>[^:*]+?)(?:(?P<by>[:*])(?P<step>.+))?")


def one(part: str, text: str, option: str, place: int) -> Value:
    """One value: a whole number, or a text that `--set` takes."""
    try:
        found = number_in(part, text, option, place)
    except SpecError:
        return part
    return plain(found)


def plain(number: int | Fraction) -> Value:
    return int(number) if number == int(number) else written(number)


def number_in(part: str, text: str, option: str, place: int) -> int | Fraction:
    where = Location(Source(option, text), 0, text.index(part, place) if part in text[place:] else place)
    value = parse_expression(part, where).evaluate({})
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        raise wrong(f"{quoted(part)} is not a number", text, option, place, help=HELP)
    return value


def stepped(found: re.Match[str], text: str, option: str, place: int) -> Sequence[Value]:
    """The values of a range, by steps or by factors; those by factors are rounded to whole numbers."""
    first, last = (number_in(found[key].strip(), text, option, place) for key in ("first", "last"))
    by = number_in(found["step"].strip(), text, option, place) if found["step"] else 1
    if last < first:
        raise wrong(f"the range from {found['first']} to {found['last']} is empty", text, option, place, help=HELP)
    if found["by"] == "*":
        if by <= 1 or first <= 0:
            raise wrong("a range by factors begins above 0, with a factor above 1", text, option, place, help=HELP)
        return tuple(dict.fromkeys(multiplied(Fraction(first), Fraction(last), Fraction(by))))
    if by <= 0:
        raise wrong("the step of a range must be above 0", text, option, place, help=HELP)
    if isinstance(first, int) and isinstance(by, int):
        return range(first, int(last // 1) + 1, by)
    count = int((last - first) // by) + 1
    if count > MOST_VALUES:
        raise wrong(f"an axis has at most {MOST_VALUES:,} values, unless it is one range", text, option, place)
    return tuple(plain(first + by * i) for i in range(count))


def multiplied(first: Fraction, last: Fraction, by: Fraction) -> Iterator[int]:
    """Whole numbers near `first * by**i`; the power is kept to 1 in 10^12, so that its fraction does not grow."""
    while first <= last:
        yield round(first)
        first = (first * by).limit_denominator(10**12)
