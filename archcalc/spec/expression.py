"""Expressions: `4*w`, `depths[0]`, `make_divisible(w * 1.5, 8)`. Parsed here, evaluated on demand, never by Python."""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from archcalc.core.diagnostic import did_you_mean, enumerated, problem, quoted
from archcalc.core.location import Location
from archcalc.spec.token import CONDITION, END, KERNEL, NAME, NUMBER, Cursor
from archcalc.spec.value import (
    FUNCTIONS,
    MAX_ENTRIES,
    MAX_INTEGER,
    ORDER,
    Truth,
    Value,
    arithmetic,
    bounded,
    compared,
    decided,
    entries,
    kind_of,
    list_of,
    number_of,
    same,
    truth_of,
)

Names: TypeAlias = Mapping[str, Value]

CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "none": "none", "null": "none"}


SWITCHES = dict.fromkeys(("on", "yes", "true"), "write true") | {"off": "write false, or none"}
SWITCHES |= {"no": "write false, or none", "false": "write false", "none": "write none", "null": "write none"}
"""Words that YAML or Python reads as true, false or null."""


@dataclass(frozen=True, slots=True)
class Word:
    """A name and its location."""

    text: str
    where: Location = field(compare=False)


class Expression(ABC):
    """An expression with the method `evaluate`; `words` are names that evaluate to themselves (`same`, `relu`)."""

    __slots__ = ()
    where: Location

    @abstractmethod
    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        """Its value. Raises SpecError at the exact location. `truth` decides claims about free symbols."""


@dataclass(frozen=True, slots=True)
class Number(Expression):
    value: int | Fraction
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        return self.value


@dataclass(frozen=True, slots=True)
class Name(Expression):
    id: str
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        if self.id in names:
            return names[self.id]
        if self.id in words:
            return self.id
        if self.id in CONSTANTS:
            return CONSTANTS[self.id]
        help = SWITCHES.get(self.id.lower()) or did_you_mean(self.id, [*names, *words])
        help = help or (f"known names: {enumerated(names)}" if names else "")
        raise problem("AC110", f"unknown name {quoted(self.id)}", self.where, help=help)


@dataclass(frozen=True, slots=True)
class TupleOf(Expression):
    items: tuple[Expression, ...]
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        found: list[Value] = []
        room = MAX_ENTRIES
        for item in self.items:
            found.append(item.evaluate(names, words, truth))
            room -= entries(found[-1])
            if room < 0:
                message = f"a list has at most {MAX_ENTRIES:,} entries, with those of lists in it"
                raise problem("AC114", message, self.where)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    """`-n`, `+n` or `not n`."""

    op: str
    operand: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        value = self.operand.evaluate(names, words, truth)
        if self.op == "not":
            return not truth_of(value, self.operand.where)
        number = number_of(value, self.operand.where)
        return -number if self.op == "-" else number


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """Arithmetic, a comparison, or `and` and `or`, which skip their right side if the left side decides."""

    op: str
    left: Expression
    right: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        left = self.left.evaluate(names, words, truth)
        if self.op in ("and", "or"):
            decided = truth_of(left, self.left.where)
            if decided == (self.op == "or"):
                return decided
            return truth_of(self.right.evaluate(names, words, truth), self.right.where)
        right = self.right.evaluate(names, words, truth)
        if self.op in EQUALITY:
            return same(left, right, lambda claim: truth(claim, self.where)) == (self.op == "==")
        a, b = number_of(left, self.left.where), number_of(right, self.right.where)
        if self.op in ORDER:
            held = compared(self.op, a, b)
            return held if isinstance(held, bool) else truth(held, self.where)
        return arithmetic(self.op, a, b, (self.where, self.right.where), truth)


@dataclass(frozen=True, slots=True)
class Index(Expression):
    """`depths[0]`; `depths[-1]` is the last."""

    base: Expression
    index: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        base = list_of(self.base.evaluate(names, words, truth), self.base.where)
        index = self.index.evaluate(names, words, truth)
        if not isinstance(index, int) or isinstance(index, bool):
            raise problem("AC112", f"an index must be a whole number, got {kind_of(index)}", self.index.where)
        if not -len(base) <= index < len(base):
            entries = "1 entry" if len(base) == 1 else f"{len(base)} entries"
            help = f"valid indices are 0 to {len(base) - 1}" if base else ""
            raise problem("AC113", f"index {index} of a list of {entries}", self.index.where, help=help)
        return base[index]


@dataclass(frozen=True, slots=True)
class Function(Expression):
    """`ceil(w / 8)`. As an argument also a layer with arguments, `act=leaky_relu(0.1)`, which has no value."""

    name: Word
    arguments: tuple[Expression, ...]
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        if self.name.text not in FUNCTIONS:
            help = did_you_mean(self.name.text, FUNCTIONS) or f"the functions are {', '.join(FUNCTIONS)}"
            raise problem("AC111", f"unknown function {quoted(self.name.text)}", self.name.where, help=help)
        least, most, function = FUNCTIONS[self.name.text]
        if not least <= len(self.arguments) <= most:
            takes = f"{least} to {most} values" if least < most else f"{least} value{'s' * (least > 1)}"
            message = f"{self.name.text} takes {takes}, got {len(self.arguments)}"
            raise problem("AC112", message, self.where)
        values = [(argument.evaluate(names, words, truth), argument.where) for argument in self.arguments]
        return bounded(function(*values), self.where)


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """The expressions that it is composed of."""
    match expression:
        case TupleOf(items, _) | Function(_, items, _):
            return items
        case Unary(_, operand, _):
            return (operand,)
        case Binary(_, left, right, _) | Index(left, right, _):
            return left, right
    return ()


def names_in(expression: Expression) -> Iterator[Name]:
    """Every name in an expression."""
    if isinstance(expression, Name):
        yield expression
    for part in parts_of(expression):
        yield from names_in(part)


def size_of(expression: Expression) -> int:
    """The number of names, numbers and operations in an expression."""
    return 1 + sum(map(size_of, parts_of(expression)))


# --- precedence of operators ------------------------------------------------------------------------------------------

EQUALITY = ("==", "!=")
COMPARISONS = (*ORDER, *EQUALITY)

BINDING = {"or": 5, "and": 6, **dict.fromkeys(COMPARISONS, 10), "+": 20, "-": 20}
BINDING |= {"*": 30, "/": 30, "//": 30, "%": 30, "**": 50}
"""The precedence of operators."""

PREFIX = {"-": 40, "+": 40, "not": 8}


# --- parsing ------------------------------------------------------------------------------------------------------


def parse_expression(text: str, where: Location) -> Expression:
    """Parses `text`; `where` is the location of its first character."""
    cursor = Cursor(text, where)
    found = expression(cursor)
    cursor.finish()
    return found


def expression(cursor: Cursor, binding: int = 0) -> Expression:
    """The longest next expression whose operators have a higher precedence than `binding`."""
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
    """The values from the bracket at token `opening` to its end, and whether there is a comma."""
    closing = "]" if cursor.texts[opening] == "[" else ")"
    items: list[Expression] = []
    comma = False
    while not cursor.skip(closing):
        if cursor.kinds[cursor.at] == END:
            raise cursor.unclosed(opening, what)
        items.append(expression(cursor))
        if cursor.texts[cursor.at] == "=":
            raise problem(
                "AC012", "a call inside an argument takes no named arguments", cursor.here(), help="write f(0.1)"
            )
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
    """The numbers of `3x5`."""
    start, where = cursor.starts[cursor.at], cursor.here()
    items = []
    for side in cursor.texts[cursor.at].split("x"):
        place = cursor.place(start, start + len(side))
        items.append(Number(number(side, place), place))
        start += len(side) + 1
    cursor.at += 1
    return TupleOf(tuple(items), where)


def number(text: str, where: Location) -> int | Fraction:
    """The exact value of a number token: an int if it is whole (`1e3`), else a fraction (`0.1`)."""
    digits = text.replace("_", "")
    if digits[-1].isalpha():
        return scaled(digits, where)
    if digits.isdecimal():
        if len(digits) > 1 and digits.startswith("0"):
            help = f"write {digits.lstrip('0') or '0'}; numbers are decimal, and YAML would read this one as octal"
            raise problem("AC013", f"a whole number cannot begin with 0, got {quoted(text)}", where, help=help)
        plain = digits.lstrip("0") or "0"
        whole = int(plain) if len(plain) <= 16 else MAX_INTEGER + 1
        bounded(whole, where)
        return whole
    if len(digits) > 64 or not LEAST < float(digits) < MOST:
        if float(digits) != 0 or len(digits) > 64:
            raise problem("AC114", "this number is too large", where)
        return 0
    found = bounded(Fraction(digits), where)
    assert isinstance(found, int | Fraction)
    return found


def scaled(text: str, where: Location) -> int | Fraction:
    """A number with a suffix: `5M`, `24 GiB`."""
    digits, unit = re.fullmatch(r"(.*?) ?([A-Za-z]+)", text, re.DOTALL).groups()  # type: ignore[union-attr]  # a token
    found = bounded(number(digits, where) * UNITS[unit], where)
    assert isinstance(found, int | Fraction)
    return found


UNITS: Mapping[str, int] = {
    **{prefix: 1000**i for i, prefix in enumerate("kMGT", 1)},
    **{f"{prefix}B": 1000**i for i, prefix in enumerate("kMGT", 1)},
    **{f"{prefix}iB": 1024**i for i, prefix in enumerate("KMGT", 1)},
}
"""Suffixes of numbers: powers of 1,000, also for bytes, and powers of 1,024 for bytes."""

LEAST, MOST = 1e-30, 1e16
"""Limits of decimal numbers: as fractions, others could be arbitrarily long."""
