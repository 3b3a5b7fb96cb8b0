"""Functions of expressions, exact: rounding, extremes, lists, roots and logarithms."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import problem
from archcalc.core.dim import Dim, maximum, minimum
from archcalc.core.location import Location
from archcalc.spec.value import (
    MAX_ENTRIES,
    Inexact,
    Real,
    Value,
    combined,
    exact_root,
    known,
    list_of,
    number_of,
    written,
)
from archcalc.sym.expr import Expr
from archcalc.sym.ratio import Ratio, ceil, floor, is_fraction

if TYPE_CHECKING:
    import fractions
    from fractions import Fraction
else:
    fractions = Late("fractions")

Located: TypeAlias = tuple[Value, Location]

MAX_POWER = 64
"""The highest exponent that a logarithm is searched among: whole bases reach 1e15 long before."""


def make_divisible(value: Real, divisor: int = 8, least: int | None = None) -> int | Expr:
    """The multiple of `divisor` nearest to `value`, but not below 90 % of it.

    Source: `_make_divisible` of MobileNetV1 to V3, as in torchvision.models._utils.

    >>> from fractions import Fraction
    >>> make_divisible(Fraction(56, 5)), make_divisible(11), make_divisible(17, 4)
    (16, 16, 16)
    """
    half = fractions.Fraction(divisor, 2)
    rounded = maximum(divisor if least is None else least, floored(combined("+", value, half), divisor))
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
            if isinstance(number, Ratio) or is_fraction(number):
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


# --- lists --------------------------------------------------------------------------------------------------------


def counted(*given: Located) -> Value:
    """The whole numbers of `range(n)`, `range(a, b)` or `range(a, b, step)`."""
    bounds = [whole_number(*each) for each in given]
    if len(bounds) == 3 and bounds[2] == 0:
        raise problem("AC113", "the step of a range is 0", given[2][1])
    found = range(*bounds)
    if len(found) > MAX_ENTRIES:
        raise problem("AC114", f"a range has at most {MAX_ENTRIES:,} numbers, got {len(found):,}", given[0][1])
    return tuple(found)


def whole_number(value: Value, where: Location) -> int:
    number = known(number_of(value, where), where)
    if not isinstance(number, int):
        raise problem("AC112", f"a whole number is needed here, got {written(number)}", where)
    return number


def zipped(*given: Located) -> Value:
    """The entries of several lists side by side. Raises SpecError if their lengths differ, where Python would cut."""
    lists = [list_of(*each) for each in given]
    for each, (_, where) in zip(lists[1:], given[1:], strict=True):
        if len(each) != len(lists[0]):
            message = f"the lists of zip have {len(lists[0])} and {len(each)} entries"
            raise problem("AC113", message, where, help="zip takes lists of the same length")
    return tuple(zip(*lists, strict=True))


def enumerated(given: Located) -> Value:
    return tuple(enumerate(list_of(*given)))


def backwards(given: Located) -> Value:
    return list_of(*given)[::-1]


# --- roots and logarithms -----------------------------------------------------------------------------------------


def square_root(given: Located) -> "Real | Inexact":
    """The root of a number, exact if that is a square of whole numbers or fractions."""
    value = fractions.Fraction(known(number_of(*given), given[1]))
    root = exact_root(value)
    if root is None and value < 0:
        help = "only 0 and positive numbers have a root"
        raise problem("AC113", f"sqrt({shown_number(value)}) has no value", given[1], help=help)
    return Inexact(math.sqrt(value)) if root is None else root


def logarithm(given: Located, base: Located) -> Real:
    """The exponent of a power. Raises SpecError for any other number."""
    value, root = (fractions.Fraction(known(number_of(*each), each[1])) for each in (given, base))
    if root <= 1:
        raise problem("AC113", f"the base of a logarithm must be greater than 1, got {shown_number(root)}", base[1])
    above = value if value >= 1 or value <= 0 else 1 / value
    exponent, power = 0, fractions.Fraction(1)
    while power < above and exponent < MAX_POWER:
        exponent, power = exponent + 1, power * root
    if power != above:
        name = f"log({shown_number(value)}, {shown_number(root)})"
        raise inexact(name, given[1], f"only powers of {shown_number(root)} have an exact logarithm")
    return exponent if above == value else -exponent


def binary_logarithm(given: Located) -> Real:
    return logarithm(given, (2, given[1]))


def inexact(what: str, where: Location, help: str) -> Exception:
    return problem("AC113", f"{what} is not exact", where, help=help)


def shown_number(value: "Fraction") -> str:
    return written(value.numerator if value.denominator == 1 else value)


FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Value]]] = {
    "min": (1, 64, extreme(min, minimum)),
    "max": (1, 64, extreme(max, maximum)),
    "ceil": (1, 1, rounded_by(math.ceil, ceil)),
    "floor": (1, 1, rounded_by(math.floor, floor)),
    "round": (1, 1, rounded),
    "len": (1, 1, length),
    "sum": (1, 1, summed),
    "make_divisible": (1, 3, divisible),
    "range": (1, 3, counted),
    "zip": (1, 16, zipped),
    "enumerate": (1, 1, enumerated),
    "reversed": (1, 1, backwards),
    "sqrt": (1, 1, square_root),
    "log": (2, 2, logarithm),
    "log2": (1, 1, binary_logarithm),
}
"""The minimum and maximum number of arguments, and the function of (value, location) pairs."""
