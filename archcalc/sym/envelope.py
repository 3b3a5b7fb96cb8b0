"""The upper envelope of expressions: those that are the largest somewhere, as far as this is quick to decide.

An expression is dropped only if another one is certain to be at least as large everywhere. Some that are kept may be
unnecessary.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from itertools import combinations, product
from math import inf, lcm, prod

from archcalc.sym.bounds import DIMENSION, Ranges, of_atom
from archcalc.sym.expr import ZERO, Atom, Expr, FloorDiv, Group, Monomial, Symbol, Terms, expression, folded, total

SAMPLES = (0, 1, 3, 8, 20, 60, 150, 400, 1_000, 3_000, 10_000, 10**5, 10**6)
"""Offsets from the least value of a symbol at which expressions are compared."""

FEW, NEAR = 4, 64
"""With more than FEW expressions in one symbol, the largest at each of the first NEAR values is found: beyond them, the
effect of floors is bounded. Where there are no further values, these are all that is needed."""

MOST_PAIRS = 40
"""The maximum number of remaining expressions that are compared pairwise."""


def envelope(wholes: Iterable[Expr], ranges: Ranges) -> list[Expr]:
    """Those of several expressions that are the greatest somewhere, where every symbol lies within its range.

    >>> from archcalc.sym.expr import symbol
    >>> n = symbol("n")
    >>> envelope([3 * n, 2 * n + 5, 2 * n + 4, n + 6, n // 100], {"n": (1, inf)})
    [3·n, 2·n + 5]
    """
    alike = highest_of_alike(wholes)
    names = symbols_of(alike)
    least, most = ranges.get(names[0], DIMENSION) if len(names) == 1 else DIMENSION
    if most - least < NEAR:
        return greatest_from(int(least), int(most), names[0], alike)
    kept = on_a_hull(undominated(alike, ranges))
    if len(kept) <= FEW or len(names) != 1:
        return kept
    near = greatest_from(int(least), int(least) + NEAR, names[0], kept)
    further = undominated(kept, {names[0]: (least + NEAR, most)})
    needed = {id(each) for each in (*near, *further)}
    return [each for each in kept if id(each) in needed]


def greatest_from(least: int, most: int, name: str, wholes: Sequence[Expr]) -> list[Expr]:
    """Those that are the greatest at one of the values of their one symbol from `least` to `most`."""
    found = {id(best): best for n in range(least, most + 1) for best in [greatest_at({name: n}, wholes)]}
    return [each for each in wholes if id(each) in found]


def undominated(wholes: Sequence[Expr], ranges: Ranges) -> list[Expr]:
    """Without those that are certain to be below another one everywhere."""
    kept = above_least(wholes, ranges)
    for best in greatest_somewhere(kept, ranges):
        kept = [each for each in kept if each is best or not is_never_less(best, each, ranges)]
    if len(kept) <= MOST_PAIRS:
        for each in list(kept):
            if any(other is not each and is_never_less(other, each, ranges) for other in kept):
                kept.remove(each)
    return kept if len(kept) <= FEW else unmixed(kept, ranges)


def above_least(wholes: Sequence[Expr], ranges: Ranges) -> list[Expr]:
    """Without those of which no coefficient is above that of one that is the greatest at one of some values.

    This is quick: each product is written in what its atoms are above their least values, once.
    """
    kept, shifted = list(wholes), Shifted(ranges)
    terms = {id(each): shifted.terms(each) for each in kept}
    for point in points(symbols_of(kept), ranges):
        best = greatest_at(point, kept)
        most = terms[id(best)]
        kept = [each for each in kept if each is best or not shifted.is_covered(terms[id(each)], most)]
    return kept


class Shifted:
    """Expressions in what each of their atoms is above its least value. `unbounded`: products that have no least."""

    def __init__(self, ranges: Ranges) -> None:
        self.ranges = ranges
        self.known: dict[Monomial, Terms] = {}
        self.unbounded: set[Monomial] = set()

    def terms(self, whole: Expr) -> Terms:
        made: Terms = {}
        for monomial, c in whole.terms.items():
            for of_atoms, d in self.of_product(monomial).items():
                made[of_atoms] = made.get(of_atoms, 0) + c * d
        return made

    def of_product(self, monomial: Monomial) -> Terms:
        if monomial not in self.known:
            whole = ungrouped(Expr({monomial: 1}))
            if all(of_atom(atom, self.ranges)[0] > -inf for atom in whole.atoms()):
                self.known[monomial] = from_least(whole, self.ranges).terms
            else:
                self.known[monomial] = whole.terms
                self.unbounded.update(whole.terms)
        return self.known[monomial]

    def is_covered(self, low: Terms, high: Terms) -> bool:
        """Whether no coefficient of the first is above that of the second, and none of what is unbounded differs."""
        return (
            all(c <= high.get(product, 0) for product, c in low.items())
            and all(c >= 0 or product in low for product, c in high.items())
            and all(low.get(product, 0) == high.get(product, 0) for product in self.unbounded)
        )


def unmixed(wholes: list[Expr], ranges: Ranges) -> list[Expr]:
    """Without those that are certain to be below a mean of two that are the greatest somewhere."""
    corners = greatest_somewhere(wholes, ranges)
    terms = {id(each): from_least(ungrouped(each), ranges).terms for each in wholes}
    pairs = [(terms[id(a)], terms[id(b)]) for a, b in combinations(corners, 2)]
    return [
        each
        for each in wholes
        if any(each is corner for corner in corners) or not any(is_below(terms[id(each)], a, b) for a, b in pairs)
    ]


def is_below(low: Terms, a: Terms, b: Terms) -> bool:
    """Whether for some share t from 0 to 1, no coefficient of `t a + (1 - t) b` is below that of `low`."""
    least, most = Fraction(0), Fraction(1)
    for monomial in {**low, **a, **b}:
        x, y, z = (terms.get(monomial, 0) for terms in (a, b, low))
        if x > y:
            least = max(least, Fraction(z - y, x - y))
        elif x < y:
            most = min(most, Fraction(y - z, y - x))
        elif z > x:
            return False
    return least <= most


def symbols_of(wholes: Iterable[Expr]) -> list[str]:
    return sorted(frozenset[str]().union(*(each.symbols() for each in wholes)))


def highest_of_alike(wholes: Iterable[Expr]) -> list[Expr]:
    """Of those that differ by a number the highest."""
    found: dict[frozenset[tuple[Monomial, int]], Expr] = {}
    for each in wholes:
        varying = each.varying
        if varying not in found or found[varying].constant < each.constant:
            found[varying] = each
    return list(found.values())


def greatest_somewhere(wholes: Sequence[Expr], ranges: Ranges) -> list[Expr]:
    """Those that are the greatest at one of some values."""
    found = {id(best): best for point in points(symbols_of(wholes), ranges) for best in [greatest_at(point, wholes)]}
    return list(found.values())


def points(names: Sequence[str], ranges: Ranges) -> Iterator[Mapping[str, int]]:
    """Some values of symbols within their ranges; where there are many symbols, along a line."""
    values = [samples(*ranges.get(name, DIMENSION)) for name in names]
    every = product(*values) if len(names) < 3 else zip(*values, strict=False)
    return (dict(zip(names, point, strict=True)) for point in every)


def greatest_at(values: Mapping[str, int], wholes: Sequence[Expr]) -> Expr:
    """The first of those that are the greatest where symbols have these values."""
    products = values_of({monomial for each in wholes for monomial in each.terms}, values)
    return max(wholes, key=lambda each: sum([c * products[monomial] for monomial, c in each.terms.items()]))


def values_of(products: Iterable[Monomial], values: Mapping[str, int]) -> dict[Monomial, int]:
    """The values of products where symbols have these; each atom is worked out once."""
    memory: dict[Atom, int] = {}
    return {monomial: folded(Expr({monomial: 1}), values.__getitem__, memory) for monomial in products}


def samples(least: float, most: float) -> list[int]:
    start = int(max(least, -(10**9)))
    return sorted({int(min(start + further, most)) for further in SAMPLES})


# --- which of two is greater -----------------------------------------------------------------------------------------


def is_never_less(a: Expr, b: Expr, ranges: Ranges) -> bool:
    """Whether `a` is certain to be at least `b` for all values of the symbols in their ranges."""
    difference = ungrouped(a - b)
    return has_no_minus(from_least(difference, ranges)) or has_no_minus(from_least(without_floors(difference), ranges))


def has_no_minus(whole: Expr) -> bool:
    return all(c >= 0 for c in whole.terms.values())


def from_least(whole: Expr, ranges: Ranges) -> Expr:
    """The expression with what each atom is above its least value in the atom's place."""

    def of(atom: Atom) -> Expr:
        least = of_atom(atom, ranges)[0]
        return alone(atom) + int(least) if least > -inf else alone(atom)

    bounded = all(of_atom(atom, ranges)[0] > -inf for atom in whole.atoms())
    return replaced(whole, lambda atom, _: of(atom)) if bounded else expression(-1)


def without_floors(whole: Expr) -> Expr:
    """A multiple of something that is certain not to be above the expression, and has no floors of symbols.

    `(x - s + 1) / s <= x // s <= x / s`; where the former may be below 0, 0 is what is certain.
    """
    scale = lcm(*(divisor_of(monomial) for monomial in whole.terms))

    def bound(atom: Atom, coefficient: int) -> Expr:
        if not is_floor_of_symbols(atom):
            return alone(atom)
        assert isinstance(atom, FloorDiv)
        low = atom.numerator - atom.divisor + 1
        if coefficient > 0:
            return low if has_no_minus(low) else ZERO
        return atom.numerator

    scaled = Expr({monomial: c * (scale // divisor_of(monomial)) for monomial, c in whole.terms.items()})
    return replaced(scaled, bound)


def divisor_of(monomial: Monomial) -> int:
    """The product of the divisors of its floors."""
    return prod(
        atom.divisor.constant**exponent
        for atom, exponent in monomial
        if isinstance(atom, FloorDiv) and is_floor_of_symbols(atom)
    )


def is_floor_of_symbols(atom: Atom) -> bool:
    """Whether it is the floor of something that cannot be below 0: a sum of symbols over a number."""
    if not isinstance(atom, FloorDiv) or not atom.divisor.is_constant or not has_no_minus(atom.numerator):
        return False
    return all(isinstance(part, Symbol) for part in atom.numerator.atoms())


def ungrouped(whole: Expr) -> Expr:
    """The expression with its groups multiplied out."""
    if not any(isinstance(atom, Group) for atom in whole.atoms()):
        return whole
    return ungrouped(replaced(whole, lambda atom, _: atom.sum if isinstance(atom, Group) else alone(atom)))


def replaced(whole: Expr, of: Callable[[Atom, int], Expr]) -> Expr:
    """The expression with something else for each atom, given the coefficient of the product that it stands in."""
    return total(
        reduce(lambda made, factor: made * of(factor[0], c) ** factor[1], monomial, expression(c))
        for monomial, c in whole.terms.items()
    )


def alone(atom: Atom) -> Expr:
    return Expr({((atom, 1),): 1})


# --- lines -----------------------------------------------------------------------------------------------------------


def on_a_hull(wholes: list[Expr]) -> list[Expr]:
    """Of lines `a x + b`, x one product of symbols, those that are above all others somewhere; all of what are none."""
    if len({monomial for each in wholes for monomial in each.terms if monomial}) != 1:
        return wholes
    hull = {(slope, rest) for rest, slope in hull_of((rest, slope) for slope, rest in map(line_of, wholes))}
    return [each for each in wholes if line_of(each) in hull]


def hull_of(lines: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of lines, each its value at 0 and its slope, those that are above all others somewhere, by their slopes.

    >>> hull_of([(5, 0), (0, 2), (1, 1), (4, 0)])
    [(5, 0), (0, 2)]
    """
    hull: list[tuple[int, int]] = []
    for line in sorted(lines, key=lambda each: each[::-1]):
        while hull and (hull[-1][1] == line[1] or lies_below(hull, *line)):
            hull.pop()
        hull.append(line)
    return hull


def lies_below(hull: Sequence[tuple[int, int]], rest: int, slope: int) -> bool:
    """Whether the last line is never above both the one before it and the new one."""
    if len(hull) < 2:
        return False
    (b, a), (d, c) = hull[-2:]
    return (d - rest) * (c - a) <= (b - d) * (slope - c)


def line_of(whole: Expr) -> tuple[int, int]:
    """`a` and `b` of `a x + b`."""
    return sum(c for monomial, c in whole.terms.items() if monomial), whole.constant
