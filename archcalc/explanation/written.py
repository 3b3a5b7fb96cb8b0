"""Numbers that record the formula they were computed with, as its author wrote it.

A layer's formulas run on plain numbers and on symbols. Run on these numbers, they are recorded and can be written in
letters or in numbers. Expressions in free symbols (archcalc/sym) are brought to a normal form; here only the order of
factors changes, so that the text shows what is computed.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from math import prod
from typing import cast

from archcalc.core.dim import Dim
from archcalc.record import field, record
from archcalc.sym.expr import Expr, Extremum, FloorDiv, Group, Number, Symbol, expression

RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@record
class Style:
    """How a formula is written: in letters or in numbers; `even`: the divisions without remainder."""

    numbers: bool = False
    even: frozenset[tuple["Tree", "Tree"]] = frozenset()


class Tree(ABC):
    """A formula as it was written."""

    __slots__ = ()

    @property
    @abstractmethod
    def value(self) -> int: ...

    @abstractmethod
    def write(self, style: Style) -> str: ...

    def parts(self) -> tuple["Tree", ...]:
        return ()

    def letters(self) -> Iterator["Letter"]:
        """Every letter in it, in order, with repetitions."""
        for part in self.parts():
            yield from part.letters()

    def rank(self) -> int:
        """Its rank among the factors of a product."""
        return min((letter.order for letter in self.letters()), default=-1)


@record
class Plain(Tree):
    """A constant of the formula."""

    n: int

    @property
    def value(self) -> int:
        return self.n

    def write(self, style: Style) -> str:
        return f"{self.n:,}" if self.n >= 0 else f"({self.n:,})"


@record
class Letter(Tree):
    """A named quantity and its value; `order`: its rank in products."""

    name: str
    n: int
    order: int = field(default=0, compare=False)

    @property
    def value(self) -> int:
        return self.n

    def letters(self) -> Iterator["Letter"]:
        yield self

    def write(self, style: Style) -> str:
        return Plain(self.n).write(style) if style.numbers else self.name


@record
class Sum(Tree):
    terms: tuple[tuple[int, Tree], ...]

    @property
    def value(self) -> int:
        return sum(c * term.value for c, term in self.terms)

    def parts(self) -> tuple[Tree, ...]:
        return tuple(term for _, term in self.terms)

    def write(self, style: Style) -> str:
        text = ""
        for c, term in self.ordered():
            if term.value < 0 and (isinstance(term, Plain) or (style.numbers and isinstance(term, Letter))):
                c, term = -c, Plain(-term.value)
            body = within(term, style, Sum)
            body = f"{abs(c)}·{within(term, style, Sum, Division)}" if abs(c) != 1 else body
            text += (" - " if c < 0 else " + ") + body if text else ("-" if c < 0 else "") + body
        return text

    def ordered(self) -> tuple[tuple[int, Tree], ...]:
        """The terms in their original order, except that the first positive, non-constant term comes first."""
        front = next((i for i, (c, term) in enumerate(self.terms) if c > 0 and not isinstance(term, Plain)), 0)
        return (self.terms[front], *self.terms[:front], *self.terms[front + 1 :])


@record
class Product(Tree):
    coefficient: int
    factors: tuple[Tree, ...]

    @property
    def value(self) -> int:
        return self.coefficient * prod(factor.value for factor in self.factors)

    def parts(self) -> tuple[Tree, ...]:
        return self.factors

    def write(self, style: Style) -> str:
        ordered = sorted(self.factors, key=lambda factor: factor.rank())
        if style.numbers:
            written = [within(factor, style, Sum, Division) for factor in ordered]
        else:
            powers = Counter(ordered).items()
            written = [within(factor, style, Sum, Division) + power(times) for factor, times in powers]
        shown = [Plain(self.coefficient).write(style)] if self.coefficient != 1 or not written else []
        return "·".join([*shown, *written])


@record
class Division(Tree):
    """A quotient, rounded down, or `up`."""

    numerator: Tree
    divisor: Tree
    up: bool = False

    @property
    def value(self) -> int:
        n, by = self.numerator.value, self.divisor.value
        return -(-n // by) if self.up else n // by

    def parts(self) -> tuple[Tree, ...]:
        return self.numerator, self.divisor

    def write(self, style: Style) -> str:
        top, bottom = within(self.numerator, style, Sum), within(self.divisor, style, Sum, Product, Division)
        opening, closing = ("", "") if self.exact(style) else ("⌈", "⌉") if self.up else ("⌊", "⌋")
        return f"{opening}{top}/{bottom}{closing}"

    def exact(self, style: Style) -> bool:
        return (self.numerator, self.divisor) in style.even


@record
class Remainder(Tree):
    numerator: Tree
    divisor: Tree

    @property
    def value(self) -> int:
        return self.numerator.value % self.divisor.value

    def parts(self) -> tuple[Tree, ...]:
        return self.numerator, self.divisor

    def write(self, style: Style) -> str:
        return f"{within(self.numerator, style, Sum, Product)} mod {within(self.divisor, style, Sum, Product)}"


@record
class Outermost(Tree):
    """The maximum or minimum of several numbers."""

    word: str
    args: tuple[Tree, ...]

    @property
    def value(self) -> int:
        return (max if self.word == "max" else min)(arg.value for arg in self.args)

    def parts(self) -> tuple[Tree, ...]:
        return self.args

    def write(self, style: Style) -> str:
        return f"{self.word}({', '.join(arg.write(style) for arg in self.args)})"


def within(tree: Tree, style: Style, *kinds: type[Tree]) -> str:
    """A part of a larger formula, in brackets if it is of one of these kinds."""
    written = tree.write(style)
    closed = isinstance(tree, Division) and not tree.exact(style)
    return f"({written})" if isinstance(tree, kinds) and not closed else written


def power(times: int) -> str:
    return str(times).translate(RAISED) if times > 1 else ""


# --- arithmetic ------------------------------------------------------------------------------------------------------


def added(a: Tree, b: Tree, sign: int = 1) -> Tree:
    """The sum; with `sign` -1 the difference, in which the subtrahend keeps its brackets."""
    loose = sign > 0 or (isinstance(b, Sum) and len(b.terms) == 1)
    more = b.terms if isinstance(b, Sum) and loose else ((1, b),)
    terms: dict[Tree | None, int] = {}  # None: the constant
    for c, term in (*(a.terms if isinstance(a, Sum) else ((1, a),)), *((sign * c, term) for c, term in more)):
        key, size = (None, c * term.n) if isinstance(term, Plain) else (term, c)
        terms[key] = terms.get(key, 0) + size
    kept = tuple((1, Plain(c)) if term is None else (c, term) for term, c in terms.items() if c)
    if not kept:
        return Plain(0)
    return kept[0][1] if len(kept) == 1 and kept[0][0] == 1 else Sum(kept)


def multiplied(a: Tree, b: Tree) -> Tree:
    coefficient, factors = 1, list[Tree]()
    for each in (a, b):
        if isinstance(each, Plain):
            coefficient *= each.n
        elif isinstance(each, Product):
            coefficient *= each.coefficient
            factors += each.factors
        else:
            factors.append(each)
    if not coefficient or not factors:
        return Plain(coefficient)
    return factors[0] if coefficient == 1 and len(factors) == 1 else Product(coefficient, tuple(factors))


def divided(a: Tree, b: Tree) -> Tree:
    if isinstance(b, Plain) and (b.n == 1 or isinstance(a, Plain)):
        return a if b.n == 1 else Plain(a.value // b.n)
    return a if a == Plain(0) else Division(a, b)


def negated(a: Tree) -> Tree:
    """The negative; the negative of a negative rounded down is a positive rounded up."""
    if isinstance(a, Plain):
        return Plain(-a.n)
    if isinstance(a, Division) and isinstance(a.numerator, Sum) and len(a.numerator.terms) == 1:
        [(c, term)] = a.numerator.terms
        if c == -1:
            return Division(term, a.divisor, up=True)
    return a.terms[0][1] if isinstance(a, Sum) and a.terms == ((-1, a.terms[0][1]),) else Sum(((-1, a),))


# --- numbers with formulas -------------------------------------------------------------------------------------------


class Remembered(Symbol):
    """The symbol for a formula within expressions in free symbols."""

    __slots__ = ("tree",)

    def __init__(self, tree: Tree) -> None:
        super().__init__(name_of(tree))  # expressions are remembered
        self.tree = tree


@lru_cache(maxsize=4096)
def name_of(tree: Tree) -> str:
    """What no other formula is written like. A layer is asked the same many times, and writes the same formulas."""
    return f"{tree.write(Style())} = {tree.write(Style(numbers=True))}"


class Written(Expr):
    """A number that records formulas. For the rules of expressions it is a single symbol."""

    __slots__ = ("tree",)

    def __init__(self, tree: Tree) -> None:
        super().__init__({((Remembered(tree), 1),): 1})
        self.tree = tree

    def __add__(self, other: Number) -> Expr:
        return number(added(self.tree, tree_of(other)))

    def __radd__(self, other: Number) -> Expr:
        return number(added(tree_of(other), self.tree))

    def __sub__(self, other: Number) -> Expr:
        return number(added(self.tree, tree_of(other), -1))

    def __rsub__(self, other: Number) -> Expr:
        return number(added(tree_of(other), self.tree, -1))

    def __mul__(self, other: Number) -> Expr:
        return number(multiplied(self.tree, tree_of(other)))

    def __rmul__(self, other: Number) -> Expr:
        return number(multiplied(tree_of(other), self.tree))

    def __floordiv__(self, divisor: Number) -> Expr:
        return number(divided(self.tree, tree_of(divisor)))

    def __rfloordiv__(self, numerator: Number) -> Expr:
        return number(divided(tree_of(numerator), self.tree))

    def __mod__(self, divisor: Number) -> Expr:
        return Written(Remainder(self.tree, tree_of(divisor)))

    def __neg__(self) -> Expr:
        return number(negated(self.tree))


def letter(name: str, n: int, order: int = 0) -> Dim:
    """A named number.

    >>> n, s = letter("n", 7), letter("s", 2)
    >>> [tree_of((n - 1) // s + 1).write(style) for style in (Style(), Style(numbers=True))]
    ['⌊(n - 1)/s⌋ + 1', '⌊(7 - 1)/2⌋ + 1']
    """
    return cast(Dim, Written(Letter(name, n, order)))


def number(tree: Tree) -> Expr:
    return expression(tree.value) if isinstance(tree, Plain) else Written(tree)


def tree_of(value: Number) -> Tree:
    """The formula of a number; a number without one is its own formula."""
    if isinstance(value, Written):
        return value.tree
    if isinstance(value, Expr):
        made: Tree = Plain(0)
        for monomial, c in sorted(value.terms.items(), key=lambda term: term[1] < 0):
            made = added(made, of_term(monomial, abs(c)), 1 if c > 0 else -1)
        return made
    return Plain(value)


def of_term(monomial: Sequence[tuple[object, int]], coefficient: int) -> Tree:
    factors = (of_atom(atom) for atom, exponent in monomial for _ in range(exponent))
    return reduce(multiplied, factors, cast(Tree, Plain(coefficient)))


def of_atom(atom: object) -> Tree:
    """The formula of a maximum, floor or group within an expression."""
    match atom:
        case Remembered():
            return atom.tree
        case Extremum():
            return Outermost("max" if atom.sign > 0 else "min", tuple(map(tree_of, atom.args)))
        case FloorDiv():
            return divided(tree_of(atom.numerator), tree_of(atom.divisor))
        case Group():
            return tree_of(atom.sum)
    raise TypeError(f"{atom} has no formula")


def replaced(tree: Tree, part: Tree, by: Tree) -> Tree:
    """A formula with one of its parts replaced."""
    if tree == part:
        return by
    match tree:
        case Sum():
            return Sum(tuple((c, replaced(term, part, by)) for c, term in tree.terms))
        case Division():
            return Division(replaced(tree.numerator, part, by), replaced(tree.divisor, part, by), tree.up)
        case Product():
            return Product(tree.coefficient, tuple(replaced(factor, part, by) for factor in tree.factors))
    return tree


def symbols_of(tree: Tree) -> Mapping[str, int]:
    """The value of every letter of a formula."""
    return {each.name: each.n for each in tree.letters()}
