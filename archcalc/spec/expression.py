"""Expressions: `4*w`, `depths[0]`, `make_divisible(w * 1.5, 8)`, parsed here, evaluated on demand, never by Python."""

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from archcalc.core.diagnostic import did_you_mean, enumerated, problem, quoted
from archcalc.core.location import Location
from archcalc.spec.token import CONDITION, END, KERNEL, NAME, NUMBER, Cursor

Value: TypeAlias = "int | float | bool | str | tuple[Value, ...]"
"""What an expression comes to. A `str` is a word (`same`, `relu`) or a Reference to a layer, never computed with."""

Names: TypeAlias = Mapping[str, Value]

MAX_INTEGER = 10**15
MAX_EXPONENT = 8
CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "none": "none", "null": "none"}


@dataclass(frozen=True, slots=True)
class Word:
    """A name as somebody wrote it."""

    text: str
    where: Location = field(compare=False)


class Expression(ABC):
    """What `evaluate` gives the value of; `words` are the names that stand for themselves (`same`, `relu`)."""

    __slots__ = ()
    where: Location

    @abstractmethod
    def evaluate(self, names: Names, words: Collection[str] = ()) -> Value:
        """Its value; SpecError at the exact place where there is none."""


@dataclass(frozen=True, slots=True)
class Number(Expression):
    value: int | float
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = ()) -> Value:
        return self.value


@dataclass(frozen=True, slots=True)
class Name(Expression):
    id: str
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = ()) -> Value:
        if self.id in names:
            return names[self.id]
        if self.id in words:
            return self.id
        if self.id in CONSTANTS:
            return CONSTANTS[self.id]
        help = did_you_mean(self.id, [*names, *words]) or (f"names here: {enumerated(names)}" if names else "")
        raise problem("AC110", f"unknown name {quoted(self.id)}", self.where, help=help)


@dataclass(frozen=True, slots=True)
class TupleOf(Expression):
    items: tuple[Expression, ...]
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = ()) -> Value:
        return tuple([item.evaluate(names, words) for item in self.items])


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    """`-n`, `+n` or `not n`."""

    op: str
    operand: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = ()) -> Value:
        value = self.operand.evaluate(names, words)
        if self.op == "not":
            return not truth_of(value, self.operand.where)
        number = number_of(value, self.operand.where)
        return -number if self.op == "-" else number


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """Arithmetic, a comparison, or `and` and `or`, which leave their right side alone where the left one decides."""

    op: str
    left: Expression
    right: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = ()) -> Value:
        left = self.left.evaluate(names, words)
        if self.op in ("and", "or"):
            decided = truth_of(left, self.left.where)
            if decided == (self.op == "or"):
                return decided
            return truth_of(self.right.evaluate(names, words), self.right.where)
        right = self.right.evaluate(names, words)
        if self.op in EQUALITY:
            return same(left, right) == (self.op == "==")
        a, b = number_of(left, self.left.where), number_of(right, self.right.where)
        if self.op in ORDER:
            return ORDER[self.op](a, b)
        return self._arithmetic(a, b)

    def _arithmetic(self, a: int | float, b: int | float) -> int | float:
        if self.op == "**" and not (isinstance(b, int) and 0 <= b <= MAX_EXPONENT):
            message = f"an exponent must be a whole number from 0 to {MAX_EXPONENT}, got {b}"
            raise problem("AC114", message, self.right.where)
        if self.op in ("/", "//", "%") and b == 0:
            raise problem("AC113", "division by zero", self.where)
        try:
            return bounded(ARITHMETIC[self.op](a, b), self.where)
        except OverflowError:
            raise problem("AC114", "this number is too large", self.where) from None


@dataclass(frozen=True, slots=True)
class Index(Expression):
    """`depths[0]`; `depths[-1]` is the last."""

    base: Expression
    index: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = ()) -> Value:
        base = list_of(self.base.evaluate(names, words), self.base.where)
        index = self.index.evaluate(names, words)
        if not isinstance(index, int) or isinstance(index, bool):
            raise problem("AC112", f"an index must be a whole number, got {kind_of(index)}", self.index.where)
        if not -len(base) <= index < len(base):
            entries = "1 entry" if len(base) == 1 else f"{len(base)} entries"
            help = f"the first entry is 0, the last {len(base) - 1}" if base else ""
            raise problem("AC113", f"index {index} of a list of {entries}", self.index.where, help=help)
        return base[index]


@dataclass(frozen=True, slots=True)
class Function(Expression):
    """`ceil(w / 8)`; as an argument also a layer with its own: `act=leaky_relu(0.1)`, which has no value."""

    name: Word
    arguments: tuple[Expression, ...]
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = ()) -> Value:
        if self.name.text not in FUNCTIONS:
            help = did_you_mean(self.name.text, FUNCTIONS) or f"there are {', '.join(FUNCTIONS)}"
            raise problem("AC111", f"there is no function {quoted(self.name.text)}", self.name.where, help=help)
        least, most, function = FUNCTIONS[self.name.text]
        if not least <= len(self.arguments) <= most:
            takes = f"{least} to {most} values" if least < most else f"{least} value{'s' * (least > 1)}"
            message = f"{self.name.text} takes {takes}, got {len(self.arguments)}"
            raise problem("AC112", message, self.where)
        values = [(argument.evaluate(names, words), argument.where) for argument in self.arguments]
        return bounded(function(*values), self.where)


def names_in(expression: Expression) -> Iterator[Name]:
    """Every name that an expression holds."""
    if isinstance(expression, Name):
        yield expression
        return
    parts: tuple[Expression, ...] = ()
    match expression:
        case TupleOf(items, _) | Function(_, items, _):
            parts = items
        case Unary(_, operand, _):
            parts = (operand,)
        case Binary(_, left, right, _) | Index(left, right, _):
            parts = (left, right)
    for part in parts:
        yield from names_in(part)


# --- kinds of values ----------------------------------------------------------------------------------------------


def kind_of(value: Value) -> str:
    """What a value is, in words."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the word {quoted(value)}" if type(value) is str else f"the layer {quoted(value)}"
    return "a list" if isinstance(value, tuple) else str(value)


def number_of(value: Value, where: Location) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    help = f"'{value}' names a layer or a rule, not a number" if isinstance(value, str) else ""
    if isinstance(value, tuple):
        help = "take one entry, name[0], or sum(name)"
    raise problem("AC112", f"a number is needed here, got {kind_of(value)}", where, help=help)


def truth_of(value: Value, where: Location) -> bool:
    if isinstance(value, bool):
        return value
    help = "compare it: n > 0" if isinstance(value, int | float) else ""
    raise problem("AC112", f"true or false is needed here, got {kind_of(value)}", where, help=help)


def list_of(value: Value, where: Location) -> tuple[Value, ...]:
    if isinstance(value, tuple):
        return value
    raise problem("AC112", f"a list is needed here, got {kind_of(value)}", where)


def bounded(value: int | float, where: Location) -> int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise problem("AC114", "this number is too large", where)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise problem("AC114", "whole numbers go up to 1e15", where)
    return value


def same(a: Value, b: Value) -> bool:
    """Equality that keeps true apart from 1."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and a == b


# --- operators and functions --------------------------------------------------------------------------------------


def divide(a: int | float, b: int | float) -> int | float:
    """a / b, a whole number where it is one.

    >>> divide(12, 4), divide(7, 2)
    (3, 3.5)
    """
    return a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b


def make_divisible(value: int | float, divisor: int | float = 8, least: int | float | None = None) -> int:
    """The multiple of `divisor` nearest to `value`, but not below 90 % of it.

    Source: `_make_divisible` of MobileNetV1 to V3, as in torchvision.models._utils.

    >>> make_divisible(32 * 0.35), make_divisible(11), make_divisible(17, 4)
    (16, 16, 16)
    """
    step = int(divisor)
    rounded = max(int(step if least is None else least), int(value + step / 2) // step * step)
    return rounded + step if rounded < 0.9 * value else rounded


Located: TypeAlias = tuple[Value, Location]


def _numbers(given: tuple[Located, ...]) -> list[int | float]:
    """The numbers that min, max and sum are of: several, or a list of them."""
    if len(given) == 1 and isinstance(given[0][0], tuple):
        return [number_of(value, given[0][1]) for value in given[0][0]]
    return [number_of(value, where) for value, where in given]


def _extreme(choose: Callable[[list[int | float]], int | float]) -> Callable[..., int | float]:
    def function(*given: Located) -> int | float:
        numbers = _numbers(given)
        if not numbers:
            raise problem("AC113", "an empty list has no least and no greatest entry", given[0][1])
        return choose(numbers)

    return function


def _rounded(how: Callable[[int | float], int]) -> Callable[..., int]:
    return lambda given: how(number_of(*given))


def _sum(given: Located) -> int | float:
    return sum(number_of(value, given[1]) for value in list_of(*given))


def _length(given: Located) -> int:
    return len(list_of(*given))


def _make_divisible(*given: Located) -> int:
    numbers = [number_of(*each) for each in given]
    for number, (_, where) in zip(numbers[1:2], given[1:2], strict=True):
        if number < 1:
            raise problem("AC113", f"a divisor must be at least 1, got {number}", where)
    return make_divisible(*numbers)


FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., int | float]]] = {
    "min": (1, 64, _extreme(min)),
    "max": (1, 64, _extreme(max)),
    "ceil": (1, 1, _rounded(math.ceil)),
    "floor": (1, 1, _rounded(math.floor)),
    "round": (1, 1, _rounded(round)),
    "len": (1, 1, _length),
    "sum": (1, 1, _sum),
    "make_divisible": (1, 3, _make_divisible),
}
"""Least and most arguments, and the function of (value, place) pairs."""

ARITHMETIC: Mapping[str, Callable[[Any, Any], int | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
EQUALITY = ("==", "!=")
COMPARISONS = (*ORDER, *EQUALITY)

BINDING = {"or": 5, "and": 6, **dict.fromkeys(COMPARISONS, 10), "+": 20, "-": 20}
BINDING |= {"*": 30, "/": 30, "//": 30, "%": 30, "**": 50}
"""How tightly an operator holds its sides."""

PREFIX = {"-": 40, "+": 40, "not": 8}


# --- parsing ------------------------------------------------------------------------------------------------------


def parse_expression(text: str, where: Location) -> Expression:
    """The expression that `text` is; `where` is the place of its first character."""
    cursor = Cursor(text, where)
    found = expression(cursor)
    cursor.finish()
    return found


def expression(cursor: Cursor, binding: int = 0) -> Expression:
    """The longest expression that comes next and holds tighter than `binding`."""
    cursor.enter()
    first = cursor.at
    left = _prefixed(cursor)
    while True:
        op = cursor.texts[cursor.at]
        if op == "[":
            left = _indexed(cursor, left, first)
            continue
        strength = BINDING.get(op, 0)
        if strength <= binding:
            cursor.depth -= 1
            return left
        cursor.at += 1
        cursor.count_operation()
        right = expression(cursor, strength - 1 if op == "**" else strength)
        left = Binary(op, left, right, cursor.since(first))
        if op in COMPARISONS and cursor.texts[cursor.at] in COMPARISONS:
            raise problem("AC012", "comparisons cannot be chained", cursor.here(), help="write a < b and b < c")


def _prefixed(cursor: Cursor) -> Expression:
    first = cursor.at
    kind, text = cursor.kinds[first], cursor.texts[first]
    if kind == NUMBER:
        cursor.at += 1
        where = cursor.place(cursor.starts[first], cursor.ends[first])
        return Number(number(text, where), where)
    if text in PREFIX:
        cursor.at += 1
        cursor.count_operation()
        operand = expression(cursor, PREFIX[text])
        return Unary(text, operand, cursor.since(first))
    if kind == NAME:
        return _named(cursor)
    if kind == KERNEL:
        return _kernel(cursor)
    if text in ("(", "["):
        return _bracketed(cursor)
    raise cursor.expected("a value", "a value is missing" if kind == END and first == 0 else "")


def _named(cursor: Cursor) -> Expression:
    first = cursor.at
    text = cursor.texts[first]
    if text in ("if", "else", "and", "or"):
        raise cursor.expected("a value", CONDITION)
    where = cursor.here()
    cursor.at += 1
    if cursor.texts[cursor.at] != "(":
        return Name(text, where)
    cursor.at += 1
    items, _ = values(cursor, first + 1, quoted(f"{text}("))
    return Function(Word(text, where), items, cursor.since(first))


def _bracketed(cursor: Cursor) -> Expression:
    first = cursor.at
    cursor.at += 1
    items, comma = values(cursor, first, "this list" if cursor.texts[first] == "[" else "this parenthesis")
    if cursor.texts[first] == "(" and len(items) == 1 and not comma:
        return items[0]
    return TupleOf(items, cursor.since(first))


def values(cursor: Cursor, opening: int, what: str) -> tuple[tuple[Expression, ...], bool]:
    """What stands between the bracket at token `opening` and its end, and whether a comma does."""
    closing = "]" if cursor.texts[opening] == "[" else ")"
    items: list[Expression] = []
    comma = False
    while not cursor.skip(closing):
        if cursor.kinds[cursor.at] == END:
            raise cursor.unclosed(opening, what)
        items.append(expression(cursor))
        if cursor.texts[cursor.at] == "=":
            raise problem("AC012", "a call within an argument takes no names", cursor.here(), help="write f(0.1)")
        if cursor.skip(","):
            comma = True
        elif cursor.texts[cursor.at] != closing:
            raise cursor.unclosed(opening, what)
    return tuple(items), comma


def _indexed(cursor: Cursor, base: Expression, first: int) -> Expression:
    opening = cursor.at
    cursor.at += 1
    cursor.count_operation()
    index = expression(cursor)
    if not cursor.skip("]"):
        raise cursor.unclosed(opening, "this index")
    return Index(base, index, cursor.since(first))


def _kernel(cursor: Cursor) -> Expression:
    """`3x5`: the numbers between the crosses."""
    start, where = cursor.starts[cursor.at], cursor.here()
    items = []
    for side in cursor.texts[cursor.at].split("x"):
        place = cursor.place(start, start + len(side))
        items.append(Number(number(side, place), place))
        start += len(side) + 1
    cursor.at += 1
    return TupleOf(tuple(items), where)


def number(text: str, where: Location) -> int | float:
    """The number that a token is: whole unless it has a point, `1e3` too."""
    digits = text.replace("_", "")
    if digits.isdecimal():
        plain = digits.lstrip("0") or "0"
        return int(bounded(int(plain) if len(plain) <= 16 else MAX_INTEGER + 1, where))
    value = float(digits)
    bounded(value, where)
    return int(value) if "." not in digits and value.is_integer() and value <= MAX_INTEGER else value
