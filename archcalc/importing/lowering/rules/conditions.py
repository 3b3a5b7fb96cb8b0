"""Conditions on whole numbers, as numbers that are 0 or 1, and what is made of them."""

from collections.abc import Sequence

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import settle, then
from archcalc.importing.lowering.numbers import as_numbers, is_whole
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.arithmetic import is_number, met, number_of
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import Operation, Value
from archcalc.layer import Layer

BOUNDED = ("gt", "ge", "lt", "le")
"""Comparisons in which one whole number less another is at least 1, or at least 0."""


@lowers("eq", "__eq__", "ne", "__ne__", "not_equal", takes="input other")
def equal(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    word = operation.function.strip("_")
    return of_any(lowering, operation, given, "ne" if word == "not_equal" else word)


@lowers("ge", "__ge__", "le", "__le__", "greater_equal", "less_equal", takes="input other")
def at_least(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    word = {"greater_equal": "ge", "less_equal": "le"}.get(operation.function, operation.function.strip("_"))
    return of_any(lowering, operation, given, word)


def of_any(lowering: Lowering, operation: Operation, given: Arguments, word: str) -> bool:
    """Whether two values are so, as 0 or 1."""
    return of_whole(lowering, operation, given, word) or of_numbers(lowering, operation, given, word)


MIRRORED = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge", "eq": "eq", "ne": "ne"}
"""What a comparison is with its values exchanged."""


def of_numbers(lowering: Lowering, operation: Operation, given: Arguments, word: str) -> bool:
    """Whether two numbers are so: where their difference is above zero, or zero."""
    x, other = (number_of(lowering, given[each]) for each in ("input", "other"))
    if is_number(x):
        x, other, word = other, x, MIRRORED[word]
    if not isinstance(x, Value) or not lowering.is_placed(x) or not lowering.volume(x).is_floating:
        return False
    if is_number(other):
        row = [layer("add_constant", value=-float(other))] if other else []
        return settle(lowering, operation, in_a_row(lowering, operation, lowering.at[x], [*row, *jumps(word)]))
    if not lowering.is_placed(other) or not lowering.volume(other).is_floating:
        return False
    if not met(lowering, operation, "sub", x, other):
        return False
    step = lowering.at[operation.makes[0]]
    return settle(lowering, operation, in_a_row(lowering, operation, step, jumps(word)))


def jumps(word: str) -> list[Layer]:
    """The layers that make 0 or 1 of a difference."""
    before = {"lt": ["neg"], "le": ["neg"], "ne": ["abs"], "eq": ["abs", "neg"]}.get(word, [])
    return [*map(layer, before), layer("heaviside", at_zero=True if word in ("ge", "le", "eq") else None)]


def of_whole(lowering: Lowering, operation: Operation, given: Arguments, word: str) -> bool:
    """Whether two whole numbers are so, as 0 or 1; the second one may be a number in the code."""
    x, other = given["input"], number_of(lowering, given["other"])
    if not is_whole(x) or not (is_whole(other) or type(other) is int):
        return False
    x, other = (as_numbers(lowering, operation, each) for each in (x, other))
    if not isinstance(x, Value) or not lowering.is_placed(x):
        return False
    if isinstance(other, Value):
        if not lowering.is_placed(other) or not met(lowering, operation, "sub", x, other):
            return False
        step = lowering.at[operation.makes[0]]
        return settle(lowering, operation, in_a_row(lowering, operation, step, conditions(word, 0)))
    return settle(lowering, operation, in_a_row(lowering, operation, lowering.at[x], conditions(word, int(other))))


def conditions(word: str, number: int) -> list[Layer]:
    """The layers that make 0 or 1 of a whole number less another one, which is `number` here."""
    shift = -number if word in ("gt", "ge", "eq", "ne") else number
    shift += word in ("ge", "le")
    layers = [layer("neg")] if word in ("lt", "le") else []
    layers += [layer("add_constant", value=float(shift))] if shift else []
    if word in BOUNDED:
        return [*layers, layer("clamp", min=0.0, max=1.0)]
    layers += [layer("abs"), layer("clamp", max=1.0)]
    return layers if word == "ne" else [*layers, layer("neg"), layer("add_constant", value=1.0)]


def in_a_row(lowering: Lowering, operation: Operation, step: Step | None, layers: Sequence[Layer]) -> Step | None:
    for each in layers:
        step = None if step is None else then(lowering, operation, each, step)
    return step


@lowers("logical_not", "__invert__", "bitwise_not", takes="input")
def opposite(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x = given["input"]
    if not is_condition(lowering, x):
        return False
    row = [layer("neg"), layer("add_constant", value=1.0)]
    return settle(lowering, operation, in_a_row(lowering, operation, lowering.at[x], row))


def both(*functions: str, name: str) -> None:
    """Registers an operation of two conditions: the layer `name` of their numbers."""

    @lowers(*functions, takes="input other")
    def rule(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
        pair = given["input"], given["other"]
        return all(is_condition(lowering, each) for each in pair) and met(lowering, operation, name, *pair)


both("logical_and", "__and__", "bitwise_and", "__rand__", name="mul")
both("logical_or", "__or__", "bitwise_or", "__ror__", name="maximum")


def is_condition(lowering: Lowering, value: object) -> bool:
    """Whether a value is 0 or 1 for each element."""
    if not isinstance(value, Value) or value.dtype != "bool" or not lowering.is_placed(value):
        return False
    return lowering.volume(value).is_floating


@lowers("isnan", takes="input")
def isnan(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return lowering.place(operation, layer("isnan"), [given["input"]])
