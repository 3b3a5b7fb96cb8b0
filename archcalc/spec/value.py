"""Values of expressions, exact. Decimal numbers are fractions; free symbols give symbolic expressions.

All sizes are bounded before computing: whole numbers, fractions, and the expansion of expressions.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

from archcalc.core.axes import SIZES
from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import SpecError, problem, quoted
from archcalc.core.location import Location
from archcalc.record import record
from archcalc.sym.expr import Atom, Claim, Expr, expression
from archcalc.sym.ratio import Ratio, at_least, is_equal, is_fraction, quotient, ratio

if TYPE_CHECKING:
    import fractions
    from fractions import Fraction

    from archcalc.sym import decide
else:
    fractions = Late("fractions")
    decide = Late("archcalc.sym.decide")

Real: TypeAlias = "int | Fraction | Expr | Ratio"
"""A number: whole, fractional, or dependent on free symbols."""


@record
class Inexact:
    """A root, or what is computed from one: an argument that is no size takes it, as the factor of `scale` does."""

    value: float

    def __str__(self) -> str:
        return f"{self.value:.10g}"


Value: TypeAlias = "Real | Inexact | bool | str | tuple[Value, ...]"
"""The value of an expression. A `str` is a word (`same`, `relu`) or a Reference to a layer, never a number."""

Truth: TypeAlias = Callable[[Claim, Location], bool]
"""Decides a claim about free symbols, or raises SpecError at its location."""

MAX_INTEGER = 10**15
MAX_FRACTION = 10**60
MAX_EXPONENT = 8
MAX_TERMS = 512
MAX_COEFFICIENT = 10**18
MAX_DEGREE = 16
MAX_ENTRIES = 4096


# --- kinds of values ----------------------------------------------------------------------------------------------


def kind_of(value: Value) -> str:
    """A description of a value for messages."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the word {quoted(value)}" if type(value) is str else f"the layer {quoted(value)}"
    if isinstance(value, Expr | Ratio):
        return f"{value}, which depends on a free symbol"
    if isinstance(value, Inexact):
        return f"{value}, which is not exact"
    return "a list" if isinstance(value, tuple) else written(value)


def written(value: "int | Fraction") -> str:
    """A number as it is written in a spec.

    >>> from fractions import Fraction
    >>> written(7), written(Fraction(5, 2)), written(Fraction(2, 3))
    ('7', '2.5', '2/3')
    """
    short = repr(float(value)) if is_fraction(value) else str(value)
    return short if fractions.Fraction(short) == value else f"{value}"


def is_real(value: object) -> "TypeGuard[Real]":
    return (isinstance(value, int | Expr | Ratio) or is_fraction(value)) and not isinstance(value, bool)


def of_what(size: str) -> str:
    """What to write for a size without the layer that it is one of."""
    return f"the {size} of what? write input.{size}, conv1.{size}, or x.{size} in a block"


def number_of(value: Value, where: Location) -> Real:
    if is_real(value):
        return value
    if isinstance(value, Inexact):
        help = f"sizes, comparisons and whole numbers are exact; write the number: {value}"
        raise problem("AC113", f"an exact number is needed here, got {kind_of(value)}", where, help=help)
    help = f"'{value}' is the name of a layer or a rule, not a number" if isinstance(value, str) else ""
    if value in SIZES:
        help = of_what(str(value))
    if isinstance(value, tuple):
        help = "use one entry, name[0], or sum(name); a list of copies is [n for i in range(3)]"
    raise problem("AC112", f"a number is needed here, got {kind_of(value)}", where, help=help)


def truth_of(value: Value, where: Location) -> bool:
    if isinstance(value, bool):
        return value
    help = "write a comparison: n > 0" if is_real(value) else ""
    raise problem("AC112", f"true or false is needed here, got {kind_of(value)}", where, help=help)


def list_of(value: Value, where: Location) -> tuple[Value, ...]:
    if isinstance(value, tuple):
        return value
    named = isinstance(value, str) and type(value) is not str
    if named and not value:
        raise SpecError([])  # a layer that is unknown because of a problem that has been reported
    help = f"write {where.text}.* for all members of a repeat or a loop" if named else ""
    raise problem("AC112", f"a list is needed here, got {kind_of(value)}", where, help=help)


def known(value: Real, where: Location) -> "int | Fraction":
    """A number without symbols. Raises SpecError for others."""
    if isinstance(value, Expr | Ratio):
        raise problem(
            "AC136",
            f"a number is needed here, got {value}, which depends on a free symbol",
            where,
            help="set the symbol with --set",
        )
    return value


# --- bounds -------------------------------------------------------------------------------------------------------


def entries(value: Value) -> int:
    """The entries of a list, with those of lists in it; 1 for other values.

    >>> entries((1, (2, 3))), entries(7)
    (3, 1)
    """
    return sum(map(entries, value)) if isinstance(value, tuple) else 1


def too_long(where: Location) -> SpecError:
    message = f"a list has at most {MAX_ENTRIES:,} entries, with those of lists in it"
    return problem("AC114", message, where)


def bounded(value: Real, where: Location) -> Real:
    """A number within the limits, as an int if it is whole. Raises AC114 otherwise."""
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise problem("AC114", "whole numbers are limited to 1e15", where)
        return value
    if is_fraction(value):
        if max(abs(value.numerator), value.denominator) > MAX_FRACTION:
            raise problem("AC114", "this number is too large", where)
        return bounded(value.numerator, where) if value.denominator == 1 else value
    for part in parts_of(value):
        check_size(part, where)
    return value.constant if isinstance(value, Expr) and value.is_constant else value


def parts_of(value: Real) -> tuple[Expr, ...]:
    if isinstance(value, Ratio):
        return value.numerator, value.divisor
    return (value,) if isinstance(value, Expr) else ()


def check_size(whole: Expr, where: Location) -> None:
    terms = whole.terms
    if len(terms) > MAX_TERMS:
        raise expands(where)
    if power(whole, {}) > MAX_DEGREE:
        raise problem("AC114", f"an exponent is greater than {MAX_DEGREE}", where)
    if any(abs(c) > MAX_COEFFICIENT for c in terms.values()):
        raise problem("AC114", "this number is too large", where)


def power(whole: Expr, seen: dict[Atom, int]) -> int:
    """The highest degree, counting symbols within floors and divisors."""
    for atom in whole.atoms():
        if atom not in seen:
            seen[atom] = max((power(part, seen) for part in atom.parts()), default=1)
    return max((sum(k * seen[atom] for atom, k in monomial) for monomial in whole.terms), default=0)


def expands(where: Location) -> Exception:
    return problem("AC114", f"this expression expands to more than {MAX_TERMS} terms", where)


def check_growth(op: str, a: Real, b: Real, where: Location) -> None:
    """Raises SpecError before an operation that would create too many terms."""
    mine, theirs = (math.prod(max(1, len(part.terms)) for part in parts_of(each)) for each in (a, b))
    made = math.comb(mine + int(str(known(b, where))) - 1, mine - 1) if op == "**" else mine * theirs
    if made > MAX_TERMS:
        raise expands(where)


# --- decisions about free symbols ---------------------------------------------------------------------------------


def decided(claim: Claim, where: Location) -> bool:
    """The truth of a claim that holds for all sizes from 1 on, or for none. Raises SpecError for others."""
    return decided_within({}, claim, where)


def decided_within(domains: Mapping[str, Any], claim: Claim, where: Location) -> bool:
    verdict = decide.always(claim, domains)
    if verdict.holds:
        return True
    if never := decide.always(~claim, domains).holds:
        return not never
    names = " and ".join(sorted(claim.left.symbols()))
    example = ""
    if verdict.status is decide.Status.REFUTED and verdict.counterexample:
        example = f"it does not hold for {', '.join(f'{name} = {n}' for name, n in verdict.counterexample.items())}"
    help = f"the set of layers cannot depend on a free symbol; set it: --set {names}=64"
    message = f"whether {claim} depends on {names}"
    raise problem("AC136", message, where, help=help, notes=[example] if example else [])


# --- arithmetic ---------------------------------------------------------------------------------------------------


def arithmetic(op: str, a: Real, b: Real, places: tuple[Location, Location], truth: Truth) -> "Real | Inexact":
    """`a op b`; `places` are the locations of the whole and of its right side. Raises SpecError if it has no value."""
    whole, right = places
    if op == "**" and not (isinstance(b, int) and 0 <= b <= MAX_EXPONENT):
        power = unusual_power(a, b, whole, right)
        return power if isinstance(power, Inexact) else bounded(power, whole)
    if op in ("/", "//", "%"):
        check_divisor(b, whole, truth)
    if isinstance(a, Expr | Ratio) or isinstance(b, Expr | Ratio):
        check_growth(op, a, b, whole)
    return bounded(combined(op, a, b), whole)


def approximate(op: str, a: Value, b: Value, places: tuple[Location, Location, Location]) -> Inexact:
    """`a op b` of numbers of which at least one is not exact; `places` are those of the whole, and of each side.

    >>> from archcalc.core.location import Location, Source
    >>> here = Location(Source("it", "1"), 0, 0)
    >>> str(approximate("/", 1, Inexact(2.0), (here,) * 3))
    '0.5'
    """
    whole, *sides = places
    if op not in APPROXIMATE:
        number_of(a, sides[0])
        number_of(b, sides[1])
    left, right = (
        each.value if isinstance(each, Inexact) else float(known(number_of(each, where), where))
        for each, where in zip((a, b), sides, strict=True)
    )
    if op == "/" and right == 0:
        raise problem("AC113", "division by zero", whole)
    if op == "**" and not (left > 0 and abs(right) <= MAX_EXPONENT):
        raise problem(
            "AC114", f"only a positive number has such a power, and its exponent is at most {MAX_EXPONENT}", whole
        )
    found = APPROXIMATE[op](left, right)
    if not abs(found) <= MAX_INTEGER:
        raise problem("AC114", "numbers are limited to 1e15", whole)
    return Inexact(found)


APPROXIMATE: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": math.pow,
}


def unusual_power(a: Real, b: Real, whole: Location, right: Location) -> "Real | Inexact":
    """A number to a negative power, or to a fraction: `key ** -0.5`. Raises SpecError if there is none."""
    if isinstance(a, Expr | Ratio) or isinstance(b, Expr | Ratio):
        raise problem("AC114", f"an exponent must be a whole number from 0 to {MAX_EXPONENT} here, got {b}", right)
    number, exponent = fractions.Fraction(a), fractions.Fraction(b)
    if not -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
        raise problem("AC114", f"an exponent is at most {MAX_EXPONENT}, got {written(b)}", right)
    if exponent < 0 and number == 0:
        raise problem("AC113", "division by zero", whole)
    root, parts = number, exponent.denominator
    while parts % 2 == 0 and (half := exact_root(root)) is not None:
        root, parts = half, parts // 2
    if parts != 1:
        if number > 0:
            return Inexact(math.pow(a, b))
        help = "only 0 and positive numbers have a root"
        raise problem("AC113", f"{written(a)} ** {written(b)} has no value", whole, help=help)
    return fractions.Fraction(root**exponent.numerator)


def exact_root(value: "Fraction") -> "Fraction | None":
    """The root of a square, of whole numbers or fractions; None for any other number.

    >>> from fractions import Fraction
    >>> exact_root(Fraction(9, 4)), exact_root(Fraction(2))
    (Fraction(3, 2), None)
    """
    top, bottom = (math.isqrt(abs(n)) for n in (value.numerator, value.denominator))
    root = fractions.Fraction(top, bottom)
    return root if value >= 0 and root * root == value else None


def combined(op: str, a: Real, b: Real) -> Any:
    """`a op b`. Fractions and symbolic expressions combine as ratios, which support both."""
    symbolic = any(isinstance(each, Expr | Ratio) for each in (a, b))
    if symbolic and any(isinstance(each, Ratio) or is_fraction(each) for each in (a, b)):
        return ARITHMETIC[op](ratio(a), b)
    if isinstance(b, Expr) and op != "**":
        return ARITHMETIC[op](expression(cast(int | Expr, a)), b)
    return ARITHMETIC[op](a, b)


def check_divisor(b: Real, where: Location, truth: Truth) -> None:
    """Raises SpecError if a divisor is zero, or a symbolic one could be: divisors in formulas are at least 1."""
    if not isinstance(b, Expr | Ratio):
        if b == 0:
            raise problem("AC113", "division by zero", where)
        return
    positive = compared(">", b, 0)
    if not (positive if isinstance(positive, bool) else truth(positive, where)):
        raise problem("AC113", f"the divisor {b} is zero or less", where)


def divide(a: Any, b: Any) -> Any:
    """a / b, exact; an int if it is whole.

    >>> divide(12, 4), divide(7, 2)
    (3, Fraction(7, 2))
    """
    if isinstance(a, int) and isinstance(b, int):
        return a // b if a % b == 0 else fractions.Fraction(a, b)
    if isinstance(a, Expr | int) and isinstance(b, Expr | int):
        return quotient(a, b)
    return a / b


ARITHMETIC: Mapping[str, Callable[[Any, Any], Real]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


def compared(op: str, a: Real, b: Real) -> bool | Claim:
    """`a op b`; a claim if it depends on free symbols."""
    if not isinstance(a, Expr | Ratio) and not isinstance(b, Expr | Ratio):
        return ORDER[op](a, b)
    if op in ("<", ">"):
        held = at_least(a, b) if op == "<" else at_least(b, a)
        return ~held if isinstance(held, Claim) else not held
    return at_least(b, a) if op == "<=" else at_least(a, b)


ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def same(a: Value, b: Value, truth: Callable[[Claim], bool]) -> bool:
    """Equality that distinguishes true from 1."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y, truth) for x, y in zip(a, b, strict=True))
    if is_real(a) and is_real(b) and (isinstance(a, Expr | Ratio) or isinstance(b, Expr | Ratio)):
        equal = is_equal(a, b)
        return equal if isinstance(equal, bool) else truth(equal)
    return isinstance(a, bool) == isinstance(b, bool) and a == b
