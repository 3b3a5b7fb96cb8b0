"""Parts of a program that a module ran, described so that two of them can be compared call by call."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from archcalc.importing.lengths import Length
from archcalc.importing.lowering.rule import RULES
from archcalc.importing.program import BUFFER, DERIVED, WEIGHT, Operation, Value
from archcalc.record import record

Described: TypeAlias = tuple[Hashable, ...]
"""What each call of a segment is: its function, its arguments and the shapes that it makes. Tensors are described by
where they come from, weights by the order in which they are first read."""


@record
class Segment:
    """`inputs`: what it reads of other calls, in this order. `stored`: the weights that it reads. `output`: the one
    value that others read, None if there are several."""

    operations: tuple[Operation, ...]
    inputs: tuple[Value, ...]
    stored: tuple[Value, ...]
    output: Value | None
    calls: Described


def segment_of(
    operations: Sequence[Operation], is_read: Callable[[Value, set[Operation]], bool], given: Sequence[Value] = ()
) -> Segment | None:
    """Calls that follow one another; None if they read constants that are made elsewhere and not given. `is_read`:
    whether others than these operations read a value. `given`: inputs, read or not, that come before others; one that
    is given twice is read as the later one."""
    own = set(operations)
    made = {value for operation in operations for value in operation.makes}
    inputs = {value: i for i, value in enumerate(given)}
    rest: list[Value] = []
    stored: dict[Value, int] = {}
    for value in (each for operation in operations for each in operation.values):
        if value in made:
            continue
        if value.kind in (WEIGHT, BUFFER):
            stored.setdefault(value, len(stored))
        elif value.varies or value.kind == DERIVED or value in inputs:
            if value not in inputs:
                inputs[value] = len(given) + len(rest)
                rest.append(value)
        else:
            return None
    read = [each for operation in operations for each in operation.makes if is_read(each, own)]
    output = read[0] if len(read) == 1 else None
    return Segment(tuple(operations), (*given, *rest), tuple(stored), output, described(operations, inputs, stored))


def described(operations: Sequence[Operation], inputs: Mapping[Value, int], stored: Mapping[Value, int]) -> Described:
    places = {value: (i, k) for i, operation in enumerate(operations) for k, value in enumerate(operation.makes)}

    def plain(each: Any) -> Hashable:
        if isinstance(each, Value):
            if each in stored:
                return "stored", stored[each], each.shape, each.dtype, each.kind
            return ("input", inputs[each]) if each in inputs else ("made", *places[each])
        if isinstance(each, tuple | list):
            return tuple(map(plain, each))
        if isinstance(each, Mapping):
            return tuple((key, plain(value)) for key, value in each.items())
        if isinstance(each, slice):
            return "slice", plain(each.start), plain(each.stop), plain(each.step)
        return (type(each).__name__, each) if not isinstance(each, Length) else ("int", int(each))

    return tuple(
        (
            operation.function,
            plain(arguments_of(operation)),
            tuple((each.shape, each.dtype) for each in operation.makes),
        )
        for operation in operations
    )


def arguments_of(operation: Operation) -> Mapping[str, Any]:
    """Arguments by name, however they are passed; what is None might as well be left out. Where a tensor lies is left
    out, too: of constants, it says whether their values are kept."""
    rule = RULES.get(operation.function)
    if rule is not None:
        found = dict(rule.arguments(operation))
    else:
        found = {str(i): each for i, each in enumerate(operation.arguments)} | dict(operation.keywords)
    return {name: found[name] for name in sorted(found) if found[name] is not None and name != "device"}


def numbers_in(described: Sequence[Any]) -> Iterator[int | float]:
    """The numbers among arguments and shapes, in order."""
    for each in described:
        if isinstance(each, tuple):
            yield from numbers_in(each)
        elif isinstance(each, int | float) and not isinstance(each, bool):
            yield each


def lists_in(described: Sequence[Any]) -> Iterator[tuple[int, ...]]:
    """The lists of whole numbers among arguments."""
    for each in described:
        if isinstance(each, tuple):
            if each and all(isinstance(one, tuple) and one[:1] == ("int",) for one in each):
                yield tuple(n for _, n in each)
            yield from lists_in(each)
