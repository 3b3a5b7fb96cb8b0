"""The arguments of a layer that are tried for a segment: what its module says, and the numbers of its calls."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any, TypeAlias

from archcalc.graph.binding import Kind, signature_of
from archcalc.importing.lowering.segments import Segment, lists_in, numbers_in
from archcalc.importing.program import BATCH, Plain
from archcalc.layer import Layer, Reference
from archcalc.record import MISSING, record

Arguments: TypeAlias = dict[str, Any]


@record(slots=False)
class Choices:
    """`said`: what the module of the segment calls its settings."""

    segment: Segment
    said: Mapping[str, Plain]

    def settings(self, kind: type[Layer]) -> Arguments:
        """What the module says about itself, as arguments of a layer."""
        found: Arguments = {}
        for name, each in signature_of(kind).kinds.items():
            if name in self.said and name not in (*kind.reads, *kind.ties):
                with suppress(ValueError, TypeError):
                    found[name] = converted(each, self.said[name])
        return found

    def of(self, kind: type[Layer]) -> dict[str, list[Any]]:
        """The values of each argument that are tried."""
        signature = signature_of(kind)
        return {
            name: list(self.values(each, kind.known[name]))
            for name, each in signature.kinds.items()
            if name not in kind.reads and name not in kind.ties
        }

    def values(self, kind: Kind, default: Any) -> Iterator[Any]:
        seen: list[Any] = []
        defaults = () if default is MISSING else (default,)
        for value in (*defaults, *kind.words, True, False, *self.numbers, *self.shapes, *self.tuples):
            try:
                made = default if value is default else kind.convert(value)
            except (ValueError, TypeError):
                continue
            if not any(made == each and type(made) is type(each) for each in seen):
                seen.append(made)
                yield made

    @cached_property
    def numbers(self) -> list[int | Fraction]:
        """The numbers of the calls, and those that they are made from; shapes without the batch."""
        found: dict[tuple[type, int | float], None] = {}
        for n in numbers_in(self.segment.calls):
            found |= dict.fromkeys((type(each), each) for each in (n, *related(n)))  # 16 and 16.0 are two numbers
        return [n if isinstance(n, int) else Fraction(repr(n)) for _, n in found if is_plain(n)]

    @cached_property
    def tuples(self) -> list[tuple[tuple[int, int], ...]]:
        """Amounts for the beginning and the end of each axis, of which torch names the last axis first."""
        found = []
        for each in dict.fromkeys(lists_in(self.segment.calls)):
            if len(each) % 2 == 0:
                pairs = tuple((abs(each[i]), abs(each[i + 1])) for i in range(0, len(each), 2))
                found.append(pairs[::-1])
        return found

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        return list(dict.fromkeys(each.shape for each in self.segment.stored))


def is_plain(n: float) -> bool:
    return abs(n) < 1e15 and not (isinstance(n, int) and n and n % BATCH == 0)


def related(n: float) -> Iterator[int | float]:
    """What a number of a call may have been computed from: a window of n tokens begins 1 - n before each of them."""
    if isinstance(n, int) and n < 0:
        yield 1 - n
        yield 1 - 2 * n
    if isinstance(n, float) and n.is_integer():
        yield int(n)
    elif isinstance(n, int):
        yield float(n)


def converted(kind: Kind, value: Plain) -> Any:
    """A setting as an argument: a number for a list of equal ones."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        with suppress(ValueError, TypeError):
            return kind.convert(value[0])
    if value is None:
        return kind.convert("none")
    return kind.convert(Fraction(repr(value)) if isinstance(value, float) else value)


def referring(kind: type[Layer], count: int) -> Iterator[Arguments]:
    """The arguments that name further inputs, so that the layer takes so many in all."""
    least, most = kind.inputs
    for named in range(len(kind.reads) + 1):
        joined = count - named
        if count and joined >= least and (most is None or joined <= most):
            for names in combinations(kind.reads, named):
                yield dict.fromkeys(names, Reference(""))


def changes(layer: Layer, choices: Mapping[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    """Every other value of every argument, truths and words before numbers."""
    pairs = [(name, value) for name, values in choices.items() for value in values]
    for name, value in sorted(pairs, key=lambda pair: type(pair[1]) in (int, float)):
        if getattr(layer, name) != value:
            yield name, value
