"""Values of expressions, exact. Decimal numbers are fractions; free symbols give symbolic expressions.

All sizes are bounded before computing: whole numbers, fractions, and the expansion of expressions.
"""

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias, cast

from archcalc.core.diagnostic import problem, quoted
from archcalc.core.dim import Dim, maximum, minimum
from archcalc.core.location import Location
from archcalc.sym.decide import Status, always
from archcalc.sym.expr import Atom, Claim, Expr, expression
from archcalc.sym.ratio import Ratio, at_least, ceil, floor, is_equal, quotient, ratio

Real: TypeAlias = int | Fraction | Expr | Ratio
"""A number: whole, fractional, or dependent on free symbols."""

Value: TypeAlias = "Real | bool | str | tuple[Value, ...]"
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
    return "a list" if isinstance(value, tuple) else written(value)


def written(value: int | Fraction) -> str:
    """A number as it is written in a spec.

    >>> written(7), written(Fraction(5, 2)), written(Fraction(2, 3))
    ('7', '2.5', '2/3')
    """
    short = repr(float(value)) if isinstance(value, Fraction) else str(value)
    return short if Fraction(short) == value else f"{value}"


def is_real(value: object) -> bool:
    return isinstance(value, int | Fraction | Expr | Ratio) and not isinstance(value, bool)


def number_of(value: Value, where: Location) -> Real:
    if isinstance(value, int | Fraction | Expr | Ratio) and not isinstance(value, bool):
        return value
    help = f"'{value}' is the name of a layer or a rule, not a number" if isinstance(value, str) else ""
    if isinstance(value, tuple):
        help = "use one entry, name[0], or sum(name)"
    raise problem("AC112", f"a number is needed here, got {kind_of(value)}", where, help=help)


def truth_of(value: Value, where: Location) -> bool:
    if isinstance(value, bool):
        return value
    help = "write a comparison: n > 0" if is_real(value) else ""
    raise problem("AC112", f"true or false is needed here, got {kind_of(value)}", where, help=help)


def list_of(value: Value, where: Location) -> tuple[Value, ...]:
    if isinstance(value, tuple):
        return value
    raise problem("AC112", f"a list is needed here, got {kind_of(value)}", where)


def known(value: Real, where: Location) -> int | Fraction:
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


def bounded(value: Real, where: Location) -> Real:
    """A number within the limits, as an int if it is whole. Raises AC114 otherwise."""
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise problem("AC114", "whole numbers are limited to 1e15", where)
        return value
    if isinstance(value, Fraction):
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
    verdict = always(claim, domains)
    if verdict.holds:
        return True
    if never := always(~claim, domains).holds:
        return not never
    names = " and ".join(sorted(claim.left.symbols()))
    example = ""
    if verdict.status is Status.REFUTED and verdict.counterexample:
        example = f"it does not hold for {', '.join(f'{name} = {n}' for name, n in verdict.counterexample.items())}"
    help = f"the set of layers cannot depend on a free symbol; set it: --set {names}=64"
    message = f"whether {claim} depends on {names}"
    raise problem("AC136", message, where, help=help, notes=[example] if example else [])


# --- arithmetic ---------------------------------------------------------------------------------------------------


def arithmetic(op: str, a: Real, b: Real, places: tuple[Location, Location], truth: Truth) -> Real:
    """`a op b`; `places` are the locations of the whole and of its right side. Raises SpecError if it has no value."""
    whole, right = places
    if op == "**" and not (isinstance(b, int) and 0 <= b <= MAX_EXPONENT):
        shown = written(b) if isinstance(b, int | Fraction) else str(b)
        message = f"an exponent must be a whole number from 0 to {MAX_EXPONENT}, got {shown}"
        raise problem("AC114", message, right)
    if op in ("/", "//", "%"):
        check_divisor(b, whole, truth)
    if isinstance(a, Expr | Ratio) or isinstance(b, Expr | Ratio):
        check_growth(op, a, b, whole)
    return bounded(combined(op, a, b), whole)


def combined(op: str, a: Real, b: Real) -> Any:
    """`a op b`. Fractions and symbolic expressions combine as ratios, which support both."""
    if any(isinstance(each, Expr | Ratio) for each in (a, b)) and any(isinstance(x, Fraction | Ratio) for x in (a, b)):
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
        return a // b if a % b == 0 else Fraction(a, b)
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
        equal = is_equal(a, b)  # type: ignore[arg-type]  # both are numbers
        return equal if isinstance(equal, bool) else truth(equal)
    return isinstance(a, bool) == isinstance(b, bool) and a == b


# --- functions ----------------------------------------------------------------------------------------------------

Located: TypeAlias = tuple[Value, Location]


def make_divisible(value: Real, divisor: int = 8, least: int | None = None) -> int | Expr:
    """The multiple of `divisor` nearest to `value`, but not below 90 % of it.

    Source: `_make_divisible` of MobileNetV1 to V3, as in torchvision.models._utils.

    >>> make_divisible(Fraction(56, 5)), make_divisible(11), make_divisible(17, 4)
    (16, 16, 16)
    """
    rounded = maximum(divisor if least is None else least, floored(combined("+", value, Fraction(divisor, 2)), divisor))
    lacks = combined("-", 9 * value, 10 * rounded)  # positive if more than a tenth was rounded off
    if isinstance(lacks, Expr | Ratio):
        numerator = lacks if isinstance(lacks, Expr) else lacks.numerator
        return rounded + divisor * minimum(1, maximum(0, cast(Dim, numerator)))
    return rounded + divisor if lacks > 0 else rounded


def floored(value: Real, divisor: int) -> Any:
    """The largest multiple of the divisor that does not exceed the value."""
    return floor(value / divisor) * divisor if isinstance(value, Ratio) else value // divisor * divisor


def numbers_of(given: tuple[Located, ...]) -> list[Real]:
    """The arguments of min, max and sum: several numbers, or a list of numbers."""
    if len(given) == 1 and isinstance(given[0][0], tuple):
        return [number_of(value, given[0][1]) for value in given[0][0]]
    return [number_of(value, where) for value, where in given]


def extreme(of_numbers: Callable[..., Any], of_symbols: Callable[..., Any]) -> Callable[..., Real]:
    def function(*given: Located) -> Real:
        numbers = numbers_of(given)
        if not numbers:
            raise problem("AC113", "an empty list has no minimum or maximum", given[0][1])
        if not any(isinstance(number, Expr | Ratio) for number in numbers):
            return of_numbers(numbers)  # type: ignore[no-any-return]
        for number in numbers:
            if isinstance(number, Fraction | Ratio):
                raise problem(
                    "AC112",
                    f"whole numbers are needed here, got {number}",
                    given[0][1],
                    help="round it with floor(...) or ceil(...)",
                )
        return of_symbols(*numbers)  # type: ignore[no-any-return]

    return function


def rounded_by(of_number: Callable[[Any], int], of_symbol: Callable[[Any], Expr]) -> Callable[..., Real]:
    def function(given: Located) -> Real:
        number = number_of(*given)
        return of_symbol(number) if isinstance(number, Expr | Ratio) else of_number(number)

    return function


def rounded(given: Located) -> Real:
    number = number_of(*given)
    if isinstance(number, Ratio):
        raise problem(
            "AC112",
            f"{number} depends on a free symbol, so round() cannot round it",
            given[1],
            help="write floor(x + 1/2)",
        )
    return number if isinstance(number, Expr) else round(number)


def summed(given: Located) -> Real:
    total: Any = 0
    for value in list_of(*given):
        total = total + number_of(value, given[1])
    return total  # type: ignore[no-any-return]


def length(given: Located) -> int:
    return len(list_of(*given))


def divisible(*given: Located) -> Real:
    value = number_of(*given[0])
    steps = [known(number_of(*each), each[1]) for each in given[1:]]
    for step, (_, where) in zip(steps[:1], given[1:2], strict=True):
        if step < 1:
            raise problem("AC113", f"a divisor must be at least 1, got {written(step)}", where)
    return make_divisible(value, *map(int, steps))


FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Real]]] = {
    "min": (1, 64, extreme(min, minimum)),
    "max": (1, 64, extreme(max, maximum)),
    "ceil": (1, 1, rounded_by(math.ceil, ceil)),
    "floor": (1, 1, rounded_by(math.floor, floor)),
    "round": (1, 1, rounded),
    "len": (1, 1, length),
    "sum": (1, 1, summed),
    "make_divisible": (1, 3, divisible),
}
"""The minimum and maximum number of arguments, and the function of (value, location) pairs."""
