"""Expressions: `4*w`, `depths[0]`, `make_divisible(w * 1.5, 8)`. Parsed here, evaluated on demand, never by Python."""

import re
from abc import abstractmethod
from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from archcalc.core.axes import SIZES
from archcalc.core.catalogue import Late
from archcalc.core.declared import Nominal
from archcalc.core.diagnostic import SpecError, did_you_mean, enumerated, problem, quoted
from archcalc.core.location import Location
from archcalc.record import field, record
from archcalc.spec.function import FUNCTIONS
from archcalc.spec.token import CONDITION, ELSE, END, KERNEL, MEMBER, NAME, NUMBER, PATTERN, RESERVED, Cursor
from archcalc.spec.value import (
    MAX_ENTRIES,
    MAX_INTEGER,
    ORDER,
    Inexact,
    Real,
    Truth,
    Value,
    approximate,
    arithmetic,
    bounded,
    compared,
    decided,
    entries,
    kind_of,
    list_of,
    number_of,
    of_what,
    same,
    too_long,
    truth_of,
)
from archcalc.sym.ratio import is_fraction

if TYPE_CHECKING:
    import fractions
    from fractions import Fraction

    from archcalc.spec import foreign
else:
    fractions = Late("fractions")
    foreign = Late("archcalc.spec.foreign")

Names: TypeAlias = Mapping[str, Value]

CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "none": "none", "null": "none"}


ENTRIES = "ys[0] is an entry of a list of layers, and ys[0].channels, ys[0].height and so on are its sizes"

SWITCHES = dict.fromkeys(("on", "yes", "true"), "write true") | {"off": "write false, or none"}
SWITCHES |= {"no": "write false, or none", "false": "write false", "none": "write none", "null": "write none"}
"""Words that YAML or Python reads as true, false or null."""


FEW_WORDS = 12
"""As many words of an argument are listed for one that it does not know; the names of all layers are no list."""


@record
class Word:
    """A name and its location."""

    text: str
    where: Location = field(compare=False)


class Expression(metaclass=Nominal):
    """An expression with the method `evaluate`; `words` are names that evaluate to themselves (`same`, `relu`)."""

    __slots__ = ()
    where: Location

    @abstractmethod
    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        """Its value. Raises SpecError at the exact location. `truth` decides claims about free symbols."""


@record
class Number(Expression):
    value: "int | Fraction"
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        return self.value


class Pattern(str):
    """The value of a pattern of axes: what stands between its quotes."""


@record
class Quoted(Expression):
    """A pattern of axes in quotes, with an arrow: "b (h w) c -> b h w c"."""

    text: str
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        return Pattern(self.text)


@record
class Name(Expression):
    id: str
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        if (found := names.get(self.id)) is not None:
            return found
        if self.id in words:
            return self.id
        if self.id in CONSTANTS:
            return CONSTANTS[self.id]
        sizes = list(names.sizes()) if isinstance(names, Metered) and "." in self.id else []
        why = names.why_missing(self.id) if isinstance(names, Metered) else ""
        help = why or SWITCHES.get(self.id.lower()) or did_you_mean(self.id, [*names, *words, *sizes])
        if own := [size for size in sizes if size.rpartition(".")[0] == self.id.rpartition(".")[0]]:
            help = help or f"its sizes are {', '.join(own)}"
        if self.id in SIZES and self.id not in words:
            help = help or of_what(self.id)
        if 1 < len(words) <= FEW_WORDS:
            help = help or f"the words are {enumerated(words)}"
        help = help or (f"known names: {enumerated(names)}" if names else "")
        raise problem("AC110", f"unknown name {quoted(self.id)}", self.where, help=help)


@record
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
                raise too_long(self.where)
        return tuple(found)


class Meter(Protocol):
    """Counts the steps that evaluating lists takes."""

    def spend(self, steps: int, where: Location) -> None:
        """Raises what ends the evaluation once there are too many."""


@record(frozen=False, slots=False)
class Allowance(Meter):
    """A number of steps."""

    left: int = 100_000

    def spend(self, steps: int, where: Location) -> None:
        self.left -= steps
        if self.left < 0:
            help = "lists inside each other multiply: check their ranges"
            raise problem("AC114", "evaluating these lists takes too many steps", where, help=help)


class Metered(Mapping[str, Value]):
    """Names whose lists count their steps on one meter, however many expressions they stand in."""

    meter: Meter

    @abstractmethod
    def sizes(self) -> Iterable[str]:
        """The sizes of layers that can be asked for besides the names: `e1.channels`."""

    @abstractmethod
    def part(self, value: Value, member: str) -> "Value | None":
        """A size of the layer that a value is, or one of the layers of a block: `channels`, `skip`; None without it."""

    @abstractmethod
    def why_missing(self, name: str) -> str:
        """Why a name is not there, as far as that is known."""


class Inner(Metered):
    """The names in a loop: those outside, and the index, which comes first."""

    def __init__(self, outer: Names, own: Names, meter: Meter) -> None:
        self.chain = ChainMap(cast(Any, own), cast(Any, outer))
        self.outer, self.own, self.meter = outer, own, meter

    def sizes(self) -> Iterable[str]:
        return self.outer.sizes() if isinstance(self.outer, Metered) else ()

    def part(self, value: Value, member: str) -> "Value | None":
        return self.outer.part(value, member) if isinstance(self.outer, Metered) else None

    def why_missing(self, name: str) -> str:
        return self.outer.why_missing(name) if isinstance(self.outer, Metered) else ""

    def __getitem__(self, name: str) -> Value:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return cast(Value, found)

    def get(self, name: str, default: Any = None) -> Any:
        """The index comes first, and so do the sizes of a layer that it is: `y.channels`."""
        if (found := self.own.get(name)) is not None:
            return found
        if "." in name:
            base, _, member = name.partition(".")
            if base in self.own:
                found = self.part(self.own[base], member)
                return default if found is None else found
        return self.outer.get(name, default)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.chain)

    def __len__(self) -> int:
        return len(self.chain)


@record
class Loop:
    """`for i in range(n)`, `for c, s in zip(widths, strides) if s > 1`: the names that take each entry of a list."""

    targets: tuple[Word, ...]
    over: Expression
    condition: Expression | None
    where: Location = field(compare=False)

    def turns(self, names: Names, words: Collection[str], truth: Truth) -> Iterator[Names]:
        """The values of the index, one turn after the other."""
        meter = names.meter if isinstance(names, Metered) else Allowance()
        for entry in list_of(self.over.evaluate(names, words, truth), self.over.where):
            turn = self.index(entry)
            inner = Inner(names, turn, meter)
            meter.spend(1 if self.condition is None else size_of(self.condition), self.where)
            if self.condition is None or truth_of(self.condition.evaluate(inner, words, truth), self.condition.where):
                yield turn

    def index(self, entry: Value) -> Names:
        if len(self.targets) == 1:
            return {self.targets[0].text: entry}
        if not isinstance(entry, tuple) or len(entry) != len(self.targets):
            takes = f"the loop has {len(self.targets)} names"
            got = f"an entry with {len(entry)} values" if isinstance(entry, tuple) else kind_of(entry)
            help = "write one name for each value: for c, s in zip(widths, strides)"
            raise problem("AC112", f"{takes}, got {got}", self.over.where, help=help)
        return {word.text: value for word, value in zip(self.targets, entry, strict=True)}


@record
class ListOf(Expression):
    """`[w * 2**i for i in range(4)]`."""

    item: Expression
    loop: Loop
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        meter = names.meter if isinstance(names, Metered) else Allowance()
        names = Inner(names, {}, meter)
        steps, room = size_of(self.item), MAX_ENTRIES
        found: list[Value] = []
        for turn in self.loop.turns(names, words, truth):
            meter.spend(steps, self.where)
            found.append(self.item.evaluate(Inner(names, turn, meter), words, truth))
            room -= entries(found[-1])
            if room < 0:
                raise too_long(self.where)
        return tuple(found)


@record
class Unary(Expression):
    """`-n`, `+n` or `not n`."""

    op: str
    operand: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        value = self.operand.evaluate(names, words, truth)
        if self.op == "not":
            return not truth_of(value, self.operand.where)
        if isinstance(value, Inexact):
            return Inexact(-value.value) if self.op == "-" else value
        number = number_of(value, self.operand.where)
        return -number if self.op == "-" else number


@record
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
        if self.op == "+" and isinstance(left, tuple) and isinstance(right, tuple):
            if entries(left) + entries(right) > MAX_ENTRIES:
                raise too_long(self.where)
            return left + right
        if isinstance(left, Inexact) or isinstance(right, Inexact):
            return approximate(self.op, left, right, (self.where, self.left.where, self.right.where))
        a, b = number_of(left, self.left.where), number_of(right, self.right.where)
        if self.op in ORDER:
            held = compared(self.op, a, b)
            return held if isinstance(held, bool) else truth(held, self.where)
        return arithmetic(self.op, a, b, (self.where, self.right.where), truth)


@record
class Conditional(Expression):
    """`64 if wide else 32`. Only the value that is chosen is evaluated."""

    condition: Expression
    then: Expression
    otherwise: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        held = truth_of(self.condition.evaluate(names, words, truth), self.condition.where)
        return (self.then if held else self.otherwise).evaluate(names, words, truth)


@record
class Index(Expression):
    """`depths[0]`; `depths[-1]` is the last. Of a repeat, it is a member: `layers[i]`."""

    base: Expression
    index: Expression
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        base = list_of(self.listed(names, words, truth), self.base.where)
        index = self.index.evaluate(names, words, truth)
        if not isinstance(index, int) or isinstance(index, bool):
            raise problem("AC112", f"an index must be a whole number, got {kind_of(index)}", self.index.where)
        if not -len(base) <= index < len(base):
            entries = "1 entry" if len(base) == 1 else f"{len(base)} entries"
            help = f"valid indices are 0 to {len(base) - 1}" if base else ""
            raise problem("AC113", f"index {index} of a list of {entries}", self.index.where, help=help)
        return base[index]

    def listed(self, names: Names, words: Collection[str], truth: Truth) -> Value:
        """The list: its members, of a repeat, also while its later turns are being made."""
        if isinstance(self.base, Name) and not isinstance(names.get(self.base.id), tuple):
            members = names.get(f"{self.base.id}.*")
            if members is not None:
                return members
        return self.base.evaluate(names, words, truth)


@record
class Part(Expression):
    """`ys[0].channels`, `layers[i].skip`: a size of an entry of a list of layers, or a layer of such a block."""

    base: Expression
    member: str
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        base = self.base.evaluate(names, words, truth)
        found = names.part(base, self.member) if isinstance(names, Metered) else None
        if found is not None:
            return found
        what = f"{self.base.where.text} is {kind_of(base)}"
        raise problem("AC110", f"unknown name {quoted(self.where.text)}: {what}", self.where, help=ENTRIES)


@record
class Function(Expression):
    """`ceil(w / 8)`. As an argument also a layer with arguments, `act=leaky_relu(0.1)`, which has no value."""

    name: Word
    arguments: tuple[Expression, ...]
    where: Location = field(compare=False)

    def evaluate(self, names: Names, words: Collection[str] = (), truth: Truth = decided) -> Value:
        if self.name.text not in FUNCTIONS:
            named = (
                f"a layer or block has no value here: name its output before, y = {self.name.text}(...), and write y"
            )
            there = foreign.function_help(self.name.text, FUNCTIONS)
            help = there or f"the functions are {', '.join(FUNCTIONS)}; {named}"
            raise problem("AC111", f"unknown function {quoted(self.name.text)}", self.name.where, help=help)
        least, most, function = FUNCTIONS[self.name.text]
        if not least <= len(self.arguments) <= most:
            takes = f"{least} to {most} values" if least < most else f"{least} value{'s' * (least > 1)}"
            message = f"{self.name.text} takes {takes}, got {len(self.arguments)}"
            raise problem("AC112", message, self.where)
        values = [(argument.evaluate(names, words, truth), argument.where) for argument in self.arguments]
        found = function(*values)
        if not isinstance(found, tuple):
            return bounded(cast(Real, found), self.where)
        if entries(found) > MAX_ENTRIES:
            raise too_long(self.where)
        return found


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """The expressions that it is composed of."""
    match expression:
        case TupleOf(items, _) | Function(_, items, _):
            return items
        case Unary(_, operand, _) | Part(operand, _, _):
            return (operand,)
        case Binary(_, left, right, _) | Index(left, right, _):
            return left, right
        case Conditional(condition, then, otherwise, _):
            return condition, then, otherwise
        case ListOf(item, loop, _):
            return (item, *parts_of_loop(loop))
    return ()


def parts_of_loop(loop: Loop) -> tuple[Expression, ...]:
    return (loop.over,) if loop.condition is None else (loop.over, loop.condition)


def names_in(expression: Expression) -> Iterator[Name]:
    """Every name in an expression that it does not make itself."""
    if isinstance(expression, Name):
        yield expression
    own = {word.text for word in expression.loop.targets} if isinstance(expression, ListOf) else ()
    over = expression.loop.over if isinstance(expression, ListOf) else None
    for part in parts_of(expression):
        yield from (name for name in names_in(part) if part is over or name.id.partition(".")[0] not in own)


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
    found = conditional_value(cursor)
    cursor.finish(help={"=": "write == to compare"})
    return found


def conditional_value(cursor: Cursor) -> Expression:
    """The next value: an expression, or two of which a condition chooses one."""
    first = cursor.at
    found = expression(cursor)
    if not cursor.skip("if"):
        return found
    cursor.enter()
    cursor.count_operation()
    condition = expression(cursor)
    if not cursor.skip("else"):
        raise cursor.expected("'else'", ELSE)
    otherwise = conditional_value(cursor)
    cursor.depth -= 1
    return Conditional(condition, found, otherwise, cursor.since(first))


def expression(cursor: Cursor, binding: int = 0) -> Expression:
    """The longest next expression whose operators have a higher precedence than `binding`."""
    cursor.enter()
    first = cursor.at
    left = _prefixed(cursor)
    while True:
        op = cursor.texts[cursor.at]
        if op == "[":
            left = indexed(cursor, left, first)
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
            left = _compared(cursor, left, first)


def _compared(cursor: Cursor, found: Binary, first: int) -> Binary:
    """`a < b < c`, of which `found` has been read from token `first` on: `a < b and b < c`."""
    middle = found.right
    while (op := cursor.texts[cursor.at]) in COMPARISONS:
        start = cursor.at
        cursor.at += 1
        cursor.count_operation()
        right = expression(cursor, BINDING[op])
        found = Binary("and", found, Binary(op, middle, right, cursor.since(start)), cursor.since(first))
        middle = right
    return found


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
    if kind == PATTERN:
        cursor.at += 1
        return Quoted(text[1:-1], cursor.place(cursor.starts[first], cursor.ends[first]))
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
    if cursor.texts[first] == "[" and cursor.texts[cursor.at] not in ("]", ""):
        return _list(cursor, first)
    items, comma = values(cursor, first, "this list" if cursor.texts[first] == "[" else "this parenthesis")
    if cursor.texts[first] == "(" and len(items) == 1 and not comma:
        return items[0]
    return TupleOf(items, cursor.since(first))


def _list(cursor: Cursor, opening: int) -> Expression:
    """`[3, 4, 6]` or `[2 * i for i in range(n)]`, from its first entry on."""
    item = conditional_value(cursor)
    if cursor.texts[cursor.at] != "for":
        items = [item]
        if cursor.skip(","):
            items += values(cursor, opening, "this list")[0]
        elif not cursor.skip("]"):
            raise cursor.unclosed(opening, "this list")
        return TupleOf(tuple(items), cursor.since(opening))
    made = loop(cursor)
    if not cursor.skip("]"):
        raise cursor.unclosed(opening, "this list")
    return ListOf(item, made, cursor.since(opening))


def loop(cursor: Cursor) -> Loop:
    """`for i in range(n)`, `for c, s in zip(a, b) if s > 1`, with its first word or without."""
    first = cursor.at
    cursor.skip("for")
    cursor.count_operation()
    targets: list[Word] = []
    while not targets or cursor.skip(","):
        targets.append(index_name(cursor, targets))
    if not cursor.skip("in"):
        raise cursor.expected("'in'", "write for i in range(n)")
    over = expression(cursor)
    condition = expression(cursor) if cursor.skip("if") else None
    return Loop(tuple(targets), over, condition, cursor.since(first))


def index_name(cursor: Cursor, before: Collection[Word]) -> Word:
    if cursor.kinds[cursor.at] != NAME:
        raise cursor.expected("the name of an index", "write for i in range(n)")
    word = own_name(Word(cursor.texts[cursor.at], cursor.here()))
    if word in before:
        raise problem("AC122", f"the index {quoted(word.text)} is given twice", word.where)
    cursor.at += 1
    return word


def own_name(word: Word) -> Word:
    """A name given to something. Raises SpecError if it is reserved."""
    if "." in word.text:
        help = "remove the dots; only blocks create dotted names"
        raise problem("AC115", f"{quoted(word.text)} cannot be a name", word.where, help=help)
    if word.text in RESERVED:
        raise problem("AC115", f"{quoted(word.text)} is a reserved word and cannot be a name", word.where)
    return word


def values(cursor: Cursor, opening: int, what: str) -> tuple[tuple[Expression, ...], bool]:
    """The values from the bracket at token `opening` to its end, and whether there is a comma."""
    closing = "]" if cursor.texts[opening] == "[" else ")"
    items: list[Expression] = []
    comma = False
    while not cursor.skip(closing):
        if cursor.kinds[cursor.at] == END:
            raise cursor.unclosed(opening, what)
        items.append(conditional_value(cursor))
        if cursor.texts[cursor.at] == "=":
            raise problem(
                "AC012", "a call inside an argument takes no named arguments", cursor.here(), help="write f(0.1)"
            )
        if cursor.skip(","):
            comma = True
        elif cursor.texts[cursor.at] != closing:
            raise cursor.unclosed(opening, what)
    return tuple(items), comma


def indexed(cursor: Cursor, base: Expression, first: int) -> Expression:
    """`base[index]`, and a part of it: `base[index].channels`."""
    opening = cursor.at
    cursor.at += 1
    cursor.count_operation()
    index = conditional_value(cursor)
    if not cursor.skip("]"):
        raise cursor.unclosed(opening, "this index")
    found: Expression = Index(base, index, cursor.since(first))
    if cursor.kinds[cursor.at] == MEMBER:
        cursor.at += 1
        found = Part(found, cursor.texts[cursor.at - 1][1:], cursor.since(first))
    return found


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


def number(text: str, where: Location) -> "int | Fraction":
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
    found = bounded(fractions.Fraction(digits), where)
    assert isinstance(found, int) or is_fraction(found)
    return found


def scaled(text: str, where: Location) -> "int | Fraction":
    """A number with a suffix: `5M`, `24 GiB`."""
    digits, unit = re.fullmatch(r"(.*?) ?([A-Za-z]+)", text, re.DOTALL).groups()  # type: ignore[union-attr]  # a token
    if unit == BILLION and " " in text:
        raise two_readings(text, where)
    found = bounded(number(digits, where) * UNITS[unit], where)
    assert isinstance(found, int) or is_fraction(found)
    return found


def two_readings(text: str, where: Location) -> SpecError:
    """The problem of a number that may be meant in billions or in bytes."""
    digits = text.rstrip(" B")
    help = f"write {digits}GB or {digits}e9 for billions, and {digits} for bytes"
    return problem("AC013", f"{quoted(text)} can be read as {digits} billion or as {digits} bytes", where, help=help)


def check_bytes(quantity: Expression) -> None:
    """Raises SpecError if a number of bytes is written with a `B` alone, which counts in billions elsewhere."""
    for part in (quantity, *parts_of(quantity)):
        text = part.where.text
        if isinstance(part, Number) and re.fullmatch(r"[\d_.eE+-]+B", text):
            raise two_readings(text, part.where)
        if part is not quantity:
            check_bytes(part)


BILLION = "B"
"""The suffix of a count in billions, as in `7B`; alone it is also that of bytes."""

UNITS: Mapping[str, int] = {
    **{prefix: 1000**i for i, prefix in enumerate("kMGT", 1)},
    **{f"{prefix}B": 1000**i for i, prefix in enumerate("kMGT", 1)},
    **{f"{prefix}iB": 1024**i for i, prefix in enumerate("KMGT", 1)},
    BILLION: 1000**3,
}
"""Suffixes of numbers: powers of 1,000, also for bytes, and powers of 1,024 for bytes; `7B` is seven billion."""

LEAST, MOST = 1e-30, 1e16
"""Limits of decimal numbers: as fractions, others could be arbitrarily long."""
