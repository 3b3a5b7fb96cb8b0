"""Integer expressions in free symbols.

An expression is a polynomial with integer coefficients over atoms: symbols, floor divisions, maxima and minima, and
groups (unexpanded sums). Floor divisions are normalised when they are created, so that a chain of convolutions and
pools is one floor: `((n + 1) // 2 + 1) // 2` becomes `(n + 3) // 4`. All operations are exact.

Rules (each an identity of the integers; the functions that apply them cite them):

    R1  split      (s q + r) // s          = q + r // s
    R2  cancel     (g y + c) // (g s)      = (y + c // g) // s
    R3  sign       (-y) // s               = -((y + s - 1) // s)
    R4  nest       (y // t + z) // s       = (y + t z) // (s t)          exactly one floor, with coefficient 1 or -1
    R5  symbolic divisors: exact quotients are split off, then R4; nothing else

`==` compares structure. decide.py decides whether two expressions are equal as functions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce, wraps
from math import gcd
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from archcalc.record import record
from archcalc.sym.notation import Notation
from archcalc.sym.text import TEXT

if TYPE_CHECKING:
    from fractions import Fraction

Number: TypeAlias = "Expr | int"
Monomial: TypeAlias = "tuple[tuple[Atom, int], ...]"
Terms: TypeAlias = dict[Monomial, int]

MEMORY = 1 << 16
"""Floor divisions in the cache: networks repeat the same ones."""


class NoClosedForm(TypeError):
    """A quantity has no closed form in a free symbol: its formula needs a number."""


class Atom:
    """A factor of a monomial; `key` identifies and orders atoms."""

    __slots__ = ("_hash", "key")

    def __init__(self, *key: Any) -> None:
        self.key = key
        self._hash = hash(key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Atom) and self._hash == other._hash and self.key == other.key)

    def parts(self) -> "tuple[Expr, ...]":
        """The expressions in it."""
        return ()

    def symbols(self) -> frozenset[str]:
        """The names of all symbols in it, at any depth."""
        return frozenset[str]().union(*(part.symbols() for part in self.parts()))

    def value(self, parts: list[Any]) -> Any:
        """Its value, given the values of its parts."""
        raise NotImplementedError

    def written(self, notation: Notation) -> str:
        """Its text in a notation."""
        raise NotImplementedError


class Symbol(Atom):
    """A free integer, by its name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__(0, name)
        self.name = name

    def symbols(self) -> frozenset[str]:
        return frozenset({self.name})

    def written(self, notation: Notation) -> str:
        return notation.name(self.name)


class FloorDiv(Atom):
    """`numerator // divisor` in normal form; only `floor_div` creates it."""

    __slots__ = ("divisor", "numerator")

    def __init__(self, numerator: "Expr", divisor: "Expr") -> None:
        super().__init__(1, numerator.key, divisor.key)
        self.numerator, self.divisor = numerator, divisor

    def parts(self) -> "tuple[Expr, ...]":
        return self.numerator, self.divisor

    def value(self, parts: list[Any]) -> Any:
        return parts[0] // parts[1]

    def written(self, notation: Notation) -> str:
        """A floor, or a ceiling if it equals one: `(x + s - 1) // s` is `⌈x/s⌉`."""
        x, s = self.numerator, self.divisor
        up = s.is_constant and x.constant == s.constant - 1
        numerator = operand(x - x.constant if up else x, notation)
        return notation.quotient(numerator, operand(s, notation, tight=True), up)


class Extremum(Atom):
    """The largest of several expressions (`sign` 1), or the least (-1)."""

    __slots__ = ("args", "sign")

    def __init__(self, args: "tuple[Expr, ...]", sign: int) -> None:
        super().__init__(2, sign, tuple(arg.key for arg in args))
        self.args, self.sign = args, sign

    def parts(self) -> "tuple[Expr, ...]":
        return self.args

    def value(self, parts: list[Any]) -> Any:
        if all(isinstance(part, int) for part in parts):
            return max(parts) if self.sign > 0 else min(parts)
        return extremum(parts, self.sign)

    def written(self, notation: Notation) -> str:
        return notation.extremum([written(arg.terms, notation) for arg in self.args], self.sign)


class Group(Atom):
    """An unexpanded sum as one factor: costs stay products of dimensions, and equal products add up."""

    __slots__ = ("sum",)

    def __init__(self, total: "Expr") -> None:
        super().__init__(3, total.key)
        self.sum = total

    def parts(self) -> "tuple[Expr, ...]":
        return (self.sum,)

    def value(self, parts: list[Any]) -> Any:
        return parts[0]

    def written(self, notation: Notation) -> str:
        return notation.group(written(self.sum.terms, notation))


class Decider(Protocol):
    """What guided.py gives to expressions for which every condition is decided."""

    def lifted(self, whole: "Expr") -> "Expr":
        """The expression, with this decider."""

    def decides(self, left: "Expr", relation: "Relation") -> bool:
        """Whether `left relation 0` holds."""

    def beyond(self, args: "Sequence[Expr]", sign: int) -> "Sequence[Expr]":
        """Those that may be the largest (`sign` 1) or the least (-1)."""


class Expr:
    """A polynomial: `terms` maps monomials to coefficients, none of them zero. Immutable."""

    __slots__ = ("_hash", "_key", "_symbols", "terms")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._key: tuple[Any, ...] | None = None
        self._hash: int | None = None
        self._symbols: frozenset[str] | None = None

    # --- identity ----------------------------------------------------------------------------------------------------

    @property
    def key(self) -> tuple[Any, ...]:
        """Identifies and orders expressions."""
        if self._key is None:
            self._key = tuple(sorted((tuple((a.key, e) for a, e in m), c) for m, c in self.terms.items()))
        return self._key

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items())) if not self.is_constant else hash(self.constant)
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Whether both have the same structure; never raises and never decides equality as functions."""
        if isinstance(other, Expr):
            return self is other or self.terms == other.terms
        return isinstance(other, int) and self.is_constant and self.constant == other

    def __bool__(self) -> bool:
        if self.is_constant:
            return bool(self.constant)
        raise NoClosedForm(f"whether {self} is zero depends on its symbols")

    def __index__(self) -> int:
        """What counting needs: `range(n)`, `[x] * n`."""
        if self.is_constant:
            return self.constant
        raise NoClosedForm(f"{self} must be a number")

    # --- structure ---------------------------------------------------------------------------------------------------

    @property
    def constant(self) -> int:
        """The term without symbols."""
        return self.terms.get((), 0)

    @property
    def varying(self) -> frozenset[tuple[Monomial, int]]:
        """All other terms: what expressions have in common that differ by a number."""
        return frozenset((monomial, c) for monomial, c in self.terms.items() if monomial)

    @property
    def is_constant(self) -> bool:
        return not self.terms or (len(self.terms) == 1 and () in self.terms)

    @property
    def decider(self) -> Decider | None:
        """What decides conditions on it, where anything does (guided.py)."""
        return None

    @property
    def undecided(self) -> "Expr":
        """The expression without what decides conditions on it."""
        return Expr(self.terms) if self.decider else self

    def atoms(self) -> Iterator[Atom]:
        """Every atom of its monomials, each once."""
        return iter(dict.fromkeys(atom for monomial in self.terms for atom, _ in monomial))

    def symbols(self) -> frozenset[str]:
        """The names of all symbols in it, at any depth."""
        if self._symbols is None:
            found: set[str] = set()
            waiting, seen = [self], set()
            while waiting:
                each = waiting.pop()
                if each._symbols is not None:
                    found |= each._symbols
                    continue
                for atom in each.atoms():
                    if isinstance(atom, Symbol):
                        found.add(atom.name)
                    elif atom not in seen:
                        seen.add(atom)
                        waiting += atom.parts()
            self._symbols = frozenset(found)
        return self._symbols

    # --- arithmetic --------------------------------------------------------------------------------------------------

    def __add__(self, other: Number) -> "Expr":
        if isinstance(other, Expr):
            return Expr(summed(self.terms, other.terms))
        return self.shifted(other) if other else self

    def shifted(self, by: int) -> "Expr":
        """The sum with a number, the most frequent operation on lengths."""
        terms = dict(self.terms)
        constant = terms.pop((), 0) + by
        if constant:
            terms[()] = constant
        return Expr(terms)

    __radd__ = __add__

    def __neg__(self) -> "Expr":
        return Expr({monomial: -c for monomial, c in self.terms.items()})

    def __sub__(self, other: Number) -> "Expr":
        return self + -other

    def __rsub__(self, other: Number) -> "Expr":
        return -self + other

    def __mul__(self, other: Number) -> "Expr":
        if isinstance(other, int):
            return Expr({monomial: c * other for monomial, c in self.terms.items()}) if other else ZERO
        terms: Terms = {}
        for mine, c in self.terms.items():
            for theirs, d in other.terms.items():
                monomial = product(mine, theirs)
                terms[monomial] = terms.get(monomial, 0) + c * d
        return Expr({monomial: c for monomial, c in terms.items() if c})

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> "Expr":
        if exponent < 0:
            raise ValueError("an exponent must be 0 or more")
        return reduce(lambda made, _: made * self, range(exponent), ONE)

    def __floordiv__(self, divisor: Number) -> "Expr":
        return floor_div(self, divisor)

    def __rfloordiv__(self, numerator: int) -> "Expr":
        return floor_div(numerator, self)

    def __mod__(self, divisor: Number) -> "Expr":
        return self - floor_div(self, divisor) * divisor

    def __rmod__(self, numerator: int) -> "Expr":
        return numerator - floor_div(numerator, self) * self

    # --- comparison --------------------------------------------------------------------------------------------------

    def __ge__(self, other: Number) -> "bool | Claim":
        return claim(self - other, ">=")

    def __le__(self, other: Number) -> "bool | Claim":
        return claim(-self + other, ">=")

    def __gt__(self, other: Number) -> "bool | Claim":
        return claim(self - other - 1, ">=")

    def __lt__(self, other: Number) -> "bool | Claim":
        return claim(-self + other - 1, ">=")

    # --- values ------------------------------------------------------------------------------------------------------

    def at(self, **values: int) -> int:
        """Its value, given a value for every symbol.

        >>> ((symbol("n") + 1) // 2).at(n=7)
        4
        """
        found = folded(self, lambda name: values[name], {})
        return int(found)

    def subs(self, **values: Number) -> "Expr":
        """The expression with some symbols replaced.

        >>> print((symbol("n") // 2).subs(n=4 * symbol("k") + 1))
        2·k
        """
        return expression(folded(self, lambda name: values.get(name, symbol(name)), {}))

    def __str__(self) -> str:
        return written(self.terms, TEXT)

    __repr__ = __str__


ZERO, ONE = Expr({}), Expr({(): 1})


def symbol(name: str) -> Expr:
    """A free integer.

    >>> H = symbol("H")
    >>> print((H + 2 * 3 - 7) // 2 + 1)
    ⌈H/2⌉
    """
    return of_atom(Symbol(name))


def expression(value: Number) -> Expr:
    """A whole number, or an expression, as an expression."""
    return value if isinstance(value, Expr) else Expr({(): value} if value else {})


def of_atom(atom: Atom) -> Expr:
    return Expr({((atom, 1),): 1})


def summed(mine: Terms, theirs: Terms) -> Terms:
    if len(mine) < len(theirs):
        mine, theirs = theirs, mine
    terms = dict(mine)
    for monomial, c in theirs.items():
        total = terms.get(monomial, 0) + c
        if total:
            terms[monomial] = total
        else:
            terms.pop(monomial, None)
    return terms


def product(mine: Monomial, theirs: Monomial) -> Monomial:
    if not mine or not theirs:
        return mine or theirs
    exponents = dict(mine)
    for atom, exponent in theirs:
        exponents[atom] = exponents.get(atom, 0) + exponent
    return ordered(exponents)


def ordered(exponents: Mapping[Atom, int]) -> Monomial:
    return tuple(sorted(exponents.items(), key=lambda pair: pair[0].key))


def folded(whole: Expr, of_symbol: Callable[[str], Any], memory: dict[Atom, Any]) -> Any:
    """Evaluates the expression with a value for each symbol; evaluates each atom once."""

    def of(atom: Atom) -> Any:
        if atom not in memory:
            inner = [folded(part, of_symbol, memory) for part in atom.parts()]
            memory[atom] = of_symbol(atom.name) if isinstance(atom, Symbol) else atom.value(inner)
        return memory[atom]

    total: Any = 0
    for monomial, coefficient in whole.terms.items():
        value: Any = coefficient
        for atom, exponent in monomial:
            value = value * of(atom) ** exponent
        total = total + value
    return total


# --- claims ----------------------------------------------------------------------------------------------------------

Relation: TypeAlias = Literal["==", "!=", ">="]


@record
class Claim:
    """That `left relation 0`: true for some values of the symbols, perhaps for all."""

    left: Expr
    relation: Relation

    def __bool__(self) -> bool:
        raise NoClosedForm(f"whether {self} depends on its symbols")

    def at(self, **values: int) -> bool:
        """Whether it holds, given a value for every symbol."""
        return holds(self.left.at(**values), self.relation)

    def __invert__(self) -> "Claim":
        """What holds where this does not.

        >>> print(~Claim(symbol("n") - 3, ">="))
        -n + 2 ≥ 0
        """
        if self.relation == ">=":
            return Claim(-self.left - 1, ">=")
        return Claim(self.left, "!=" if self.relation == "==" else "==")

    def __str__(self) -> str:
        return f"{self.left} {SIGNS[self.relation]} 0"


SIGNS: Mapping[Relation, str] = {"==": "=", "!=": "≠", ">=": "≥"}


def holds(value: int, relation: Relation) -> bool:
    return {"==": value == 0, "!=": value != 0, ">=": value >= 0}[relation]


def claim(left: Number, relation: Relation) -> bool | Claim:
    """A claim, or its truth value if it does not depend on symbols.

    >>> H = symbol("H")
    >>> print(claim(H % 16, "=="), claim(H - H, "=="))
    H - 16·⌊H/16⌋ = 0 True
    """
    left = expression(left)
    if left.is_constant:
        return holds(left.constant, relation)
    return left.decider.decides(left, relation) if left.decider else Claim(left, relation)


def decider_of(args: Iterable[Any]) -> Decider | None:
    return next((each.decider for each in args if isinstance(each, Expr) and each.decider), None)


def keeping_the_decider(function: Callable[..., Expr]) -> Callable[..., Expr]:
    """The function; what it makes of an expression with a decider has that decider too."""

    @wraps(function)
    def made(*args: Any) -> Expr:
        decider = decider_of(args)
        if decider is None:
            return function(*args)
        return decider.lifted(function(*(each.undecided if isinstance(each, Expr) else each for each in args)))

    return made


# --- floor division ---------------------------------------------------------------------------------------------------


@keeping_the_decider
@lru_cache(MEMORY)
def floor_div(numerator: Number, divisor: Number) -> Expr:
    """`numerator // divisor` in normal form. A symbolic divisor is assumed to be positive."""
    x, s = expression(numerator), expression(divisor)
    if not s.is_constant:
        return by_symbols(x, s)
    if s.constant == 0:
        raise ZeroDivisionError("division by zero")
    return by_number(x, s.constant) if s.constant > 0 else by_number(-x, -s.constant)


def ceil_div(numerator: Number, divisor: Number) -> Expr:
    """`numerator / divisor`, rounded up.

    >>> print(ceil_div(symbol("n"), 32))
    ⌈n/32⌉
    """
    return -floor_div(-expression(numerator), divisor)


def by_number(x: Expr, s: int) -> Expr:
    """Applies R1 to R4 until none applies. Each reduces s, removes a floor or normalises a sign."""
    whole, sign = ZERO, 1
    while True:
        taken, x = split(x, s)
        whole += taken * sign
        varying = [c for monomial, c in x.terms.items() if monomial]
        if not varying:
            return whole  # the remainder is a constant from 0 to s - 1
        common = gcd(s, *varying)
        if common > 1:
            x, s = cancelled(x, common), s // common
            if s == 1:
                return whole + x * sign
        elif leading(x) < 0:
            x, sign = -x + (s - 1), -sign
        elif merged := nested(x, s):
            x, divisor = merged
            if not divisor.is_constant:
                return whole + floor_div(x, divisor) * sign
            s = divisor.constant
        else:
            return whole + of_atom(FloorDiv(x, expression(s))) * sign


def split(x: Expr, s: int) -> tuple[Expr, Expr]:
    """R1: whole multiples of s, and the rest. Coefficients of symbols are rounded towards 0, the constant down."""
    whole: Terms = {}
    rest: Terms = {}
    for monomial, c in x.terms.items():
        q = c // s if c > 0 or not monomial else -(-c // s)
        if q:
            whole[monomial] = q
        if c - q * s:
            rest[monomial] = c - q * s
    return Expr(whole), Expr(rest)


def cancelled(x: Expr, common: int) -> Expr:
    """R2: the numerator divided by a factor common with the divisor; the constant is rounded down."""
    return Expr({monomial: q for monomial, c in x.terms.items() if (q := c // common)})


def leading(x: Expr) -> int:
    """The coefficient of the first non-constant monomial, in the order of keys."""
    return min(((tuple((a.key, e) for a, e in m), c) for m, c in x.terms.items() if m), key=lambda pair: pair[0])[1]


def nested(x: Expr, s: int) -> tuple[Expr, Expr] | None:
    """R4: the numerator and divisor without the single floor in it; None if there is not exactly one."""
    floors = [(m, c) for m, c in x.terms.items() if len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], FloorDiv)]
    if len(floors) != 1 or abs(floors[0][1]) != 1:
        return None
    [(monomial, coefficient)] = floors
    floor = monomial[0][0]
    assert isinstance(floor, FloorDiv)
    t, others = floor.divisor, x - Expr({monomial: coefficient})
    inner = floor.numerator if coefficient == 1 else -floor.numerator + (t - 1)
    return inner + others * t, s * t


def by_symbols(x: Expr, s: Expr) -> Expr:
    """R5: division by a symbolic divisor."""
    whole: Terms = {}
    rest: Terms = {}
    for monomial, c in x.terms.items():
        quotient = exact_quotient(monomial, c, s)
        if quotient:
            whole[quotient[0]] = quotient[1]
        else:
            rest[monomial] = c
    taken, left = Expr(whole), Expr(rest)
    if not rest:
        return taken
    if left == s:
        return taken + 1
    floors = [m for m, c in rest.items() if c == 1 and len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], FloorDiv)]
    if len(floors) == 1:
        floor = floors[0][0][0]
        assert isinstance(floor, FloorDiv)
        others = left - Expr({floors[0]: 1})
        return taken + floor_div(floor.numerator + others * floor.divisor, floor.divisor * s)
    return taken + of_atom(FloorDiv(left, s))


def exact_quotient(monomial: Monomial, coefficient: int, divisor: Expr) -> tuple[Monomial, int] | None:
    """A term divided by a divisor with one term; None if the quotient is not a term."""
    if len(divisor.terms) != 1:
        return None
    [(by, d)] = divisor.terms.items()
    exponents = dict(monomial)
    for atom, exponent in by:
        exponents[atom] = exponents.get(atom, 0) - exponent
    if coefficient % d or any(exponent < 0 for exponent in exponents.values()):
        return None
    return ordered({atom: exponent for atom, exponent in exponents.items() if exponent}), coefficient // d


# --- maxima, and products left unexpanded ----------------------------------------------------------------------------


def extremum(args: Iterable[Number], sign: int) -> Expr:
    """The largest (`sign` 1) or the least (-1). Of arguments that differ by a constant, only one is kept.

    >>> n = symbol("n")
    >>> print(extremum([n, n + 3, 2 * n], 1))
    max(n + 3, 2·n)
    """
    return (largest if sign > 0 else least)(*args)


def extreme(args: Iterable[Number], sign: int) -> Expr:
    kept: dict[frozenset[tuple[Monomial, int]], Expr] = {}
    for arg in (each for given in args for each in flattened(expression(given), sign)):
        varying = arg.varying
        if varying not in kept or (arg.constant - kept[varying].constant) * sign > 0:
            kept[varying] = arg
    if len(kept) == 1:
        return next(iter(kept.values()))
    return of_atom(Extremum(tuple(sorted(kept.values(), key=lambda each: each.key)), sign))


def flattened(arg: Expr, sign: int) -> tuple[Expr, ...]:
    """The arguments of an extremum of the same kind; for any other expression, the expression itself."""
    if len(arg.terms) == 1:
        [(monomial, c)] = arg.terms.items()
        if c == 1 and len(monomial) == 1 and monomial[0][1] == 1:
            atom = monomial[0][0]
            if isinstance(atom, Extremum) and atom.sign == sign:
                return atom.args
    return (arg,)


def largest(*args: Number) -> Expr:
    return extreme_of(args, 1)


def least(*args: Number) -> Expr:
    return extreme_of(args, -1)


def extreme_of(args: Sequence[Number], sign: int) -> Expr:
    """An extremum; of arguments with a decider only those that it says may be it."""
    decider = decider_of(args)
    if decider is None:
        return extreme(args, sign)
    return decider.lifted(extreme(decider.beyond([expression(each).undecided for each in args], sign), sign))


def grouped(total: Number) -> Expr:
    """A sum as one factor: its content times the unexpanded rest. A single floor absorbs its constant.

    >>> n = symbol("n")
    >>> print(grouped(n - 4) * grouped(2 * n - 8), "and", grouped(n // 2 + 3))
    2·(n - 4)² and ⌊(n + 6)/2⌋
    """
    total = expression(total)
    if len(total.terms) <= 1:
        return total
    absorbed = with_constant(total)
    if absorbed is not None:
        return absorbed
    content = gcd(*total.terms.values())
    primitive = Expr({monomial: c // content for monomial, c in total.terms.items()})
    return of_atom(Group(primitive)) * content


def with_constant(total: Expr) -> Expr | None:
    """`y // s + b` as one floor, `(y + b s) // s`; None for any other sum."""
    if len(total.terms) != 2 or not total.constant:
        return None
    [(monomial, c)] = [(m, c) for m, c in total.terms.items() if m]
    atom = monomial[0][0]
    if c != 1 or len(monomial) > 1 or monomial[0][1] > 1 or not isinstance(atom, FloorDiv):
        return None
    return of_atom(FloorDiv(atom.numerator + atom.divisor * total.constant, atom.divisor))


@keeping_the_decider
@lru_cache(MEMORY)
def volume(*dims: Number) -> Expr:
    """The product of dimensions, unexpanded, so that equal volumes add up.

    >>> H, W = symbol("H"), symbol("W")
    >>> print(volume(64, H // 2, W // 2) + volume(3, H // 2, W // 2))
    67·⌊H/2⌋·⌊W/2⌋
    """
    return reduce(lambda made, dim: made * grouped(dim), dims, ONE)


def total(terms: Iterable[Number]) -> Expr:
    """The sum of many: one dictionary, filled once."""
    return sum_of(*terms)


@keeping_the_decider
def sum_of(*terms: Number) -> Expr:
    made: Terms = {}
    for each in terms:
        for monomial, c in expression(each).terms.items():
            made[monomial] = made.get(monomial, 0) + c
    return Expr({monomial: c for monomial, c in made.items() if c})


# --- notation ---------------------------------------------------------------------------------------------------------


def written(terms: "Mapping[Monomial, int | Fraction]", notation: Notation) -> str:
    """The text of a polynomial, possibly with fractional coefficients: highest degree first, the constant last."""
    if not terms:
        return notation.number(0)
    order = sorted(terms.items(), key=lambda term: rank(term[0]))
    return notation.total([signed(monomial, c, notation) for monomial, c in order])


def rank(monomial: Monomial) -> tuple[object, ...]:
    degree = sum(exponent for _, exponent in monomial)
    return not monomial, -degree, tuple((atom.key, exponent) for atom, exponent in monomial)


def signed(monomial: Monomial, coefficient: "int | Fraction", notation: Notation) -> tuple[str, str]:
    """The sign of a term and its text without it."""
    sign, size = ("-", -coefficient) if coefficient < 0 else ("+", coefficient)
    factors = notation.factors(monomial)
    number = [] if size == 1 and factors else [notation.number(size)]
    return sign, notation.product([*number, *factors])


def operand(whole: Expr, notation: Notation, tight: bool = False) -> str:
    """An operand of a division, in brackets if necessary."""
    text = written(whole.terms, notation)
    loose = len(whole.terms) > 1 or (tight and is_product(whole))
    return notation.group(text) if loose and not notation.barred else text


def is_product(whole: Expr) -> bool:
    """Whether its text is a product, not a single number, symbol or power."""
    return any(c != 1 or len(monomial) > 1 for monomial, c in whole.terms.items() if monomial)
