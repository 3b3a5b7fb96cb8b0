"""Expressions that decide: every condition on them is decided as it is at one value of the symbols, and written down.

Code that computes with expressions stops at the first condition that depends on a symbol. With a guide it goes on as it
does with numbers. What it makes is exact at the guide's values, and at all others at which the same decisions are made:
those that fulfil `Guide.conditions`. (Sen, Marinov, Agha 2005, "CUTE: a concolic unit testing engine for C".)
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import gcd
from types import MappingProxyType
from typing import Any, TypeVar, cast

from archcalc.sym.bounds import interval
from archcalc.sym.expr import Claim, Expr, Number, Relation

T = TypeVar("T")

NOTHING: Mapping[Expr, int] = MappingProxyType({})


class Guide:
    """Values of symbols, and what has been decided by them.

    `rounds`: what is counted is so many, where it is not fewer; None: as many as it is. `more`: of what is counted, so
    many more. `counted`: what is not fewer, so far.
    """

    def __init__(self, rounds: int | None = None, more: Mapping[Expr, int] = NOTHING, /, **values: int) -> None:
        self.rounds, self.more = rounds, more
        self.made: dict[Hashable, list[tuple[Mapping[Claim, bool], Any]]] = {}
        self.move(values)

    def move(self, values: Mapping[str, int]) -> None:
        """Other values, at which nothing has been decided yet."""
        self.values = values
        self.decisions: dict[Claim, bool] = {}
        self.counted: dict[Expr, None] = {}
        self.asked: dict[Claim, bool] = {}

    def __call__(self, whole: Number) -> Number:
        """What computes like an expression, and decides by this guide; a number as it is.

        >>> from archcalc.sym.expr import symbol
        >>> guide = Guide(n=5)
        >>> n = guide(symbol("n"))
        >>> "odd" if n % 2 == 1 else "even", max(n // 2, 1), [str(each) for each in guide.conditions]
        ('odd', ⌊n/2⌋, ['n - 2·⌊n/2⌋ - 1 = 0', '⌊n/2⌋ - 1 ≥ 0'])
        """
        return self.lifted(whole) if isinstance(whole, Expr) else whole

    def lifted(self, whole: Expr) -> Expr:
        return whole if whole.is_constant else Guided(whole, self)

    def decides(self, left: Expr, relation: Relation) -> bool:
        """Whether `left relation 0` holds at the guide's values."""
        return self.holds(Claim(left.undecided, relation))

    def holds(self, claim: Claim) -> bool:
        if claim not in self.decisions:
            self.decisions[claim] = claim.at(**self.values)
        self.asked[claim] = self.decisions[claim]
        return self.decisions[claim]

    def again(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` makes. At values at which all that it asks is decided as it was before, that is made no second
        time: what it makes must follow from the key and from what it asks, and not be changed.

        >>> from archcalc.sym.expr import symbol
        >>> guide, made = Guide(n=5), []
        >>> n = guide(symbol("n"))
        >>> for value in (5, 7, 8, 9):
        ...     guide.move({"n": value})
        ...     print(guide.again("half", lambda: made.append(value) or ("odd" if n % 2 == 1 else "even")), made)
        odd [5]
        odd [5]
        even [5, 8]
        odd [5, 8]
        """
        known = self.made.setdefault(key, [])
        for asked, made in known:
            if all(self.holds(claim) is held for claim, held in asked.items()):
                return cast(T, made)
        before, self.asked, counted = self.asked, {}, len(self.counted)
        made = make()
        if len(self.counted) == counted:  # how often a loop runs is asked at every value
            known.append((self.asked, made))
        self.asked = before | self.asked
        return made

    def beyond(self, args: Sequence[Expr], sign: int) -> Sequence[Expr]:
        """Without those that another one is certain to be beyond, as symbols are sizes, which are 1 or more.

        >>> from archcalc.sym.expr import symbol
        >>> n = symbol("n")
        >>> Guide(n=5).beyond([128 * n, 130 * n - 2, n * n], 1)
        [130·n - 2, n²]
        """
        kept: list[Expr] = []
        for each in args:
            if not any(interval((other - each) * sign, {})[0] >= 0 for other in kept):
                kept = [other for other in kept if interval((each - other) * sign, {})[0] < 0] + [each]
        return kept

    def count(self, whole: Expr) -> int:
        """How many rounds a loop over so many has. By its value, everything is from there on as for this one number."""
        value = whole.at(**self.values)
        if self.rounds is None or value < self.rounds:
            assert whole == value
            return value
        assert self.decides(whole - self.rounds, ">=")
        self.counted[whole.undecided] = None
        return self.rounds + self.more.get(whole.undecided, 0)

    @property
    def conditions(self) -> tuple[Claim, ...]:
        """The conditions that hold for exactly the values with the same decisions."""
        found = (reduced(claim if holds else ~claim) for claim, holds in self.decisions.items())
        return tuple(dict.fromkeys(each for each in found if each is not None))


def reduced(claim: Claim) -> Claim | None:
    """The condition without a common factor; None if it always holds.

    >>> from archcalc.sym.expr import symbol
    >>> print(reduced(Claim(64 * symbol("n") - 100, ">=")), reduced(Claim(2 * symbol("n") - 1, "!=")))
    n - 2 ≥ 0 None
    """
    common = gcd(*(c for monomial, c in claim.left.terms.items() if monomial))
    if claim.relation != ">=" and claim.left.constant % common:
        return None if claim.relation == "!=" else claim
    left = Expr({monomial: q for monomial, c in claim.left.terms.items() if (q := c // common)})
    return Claim(left, claim.relation)


class Guided(Expr):
    """An expression with a guide. It has no hash: in a set or a dictionary nobody would see what is compared."""

    __slots__ = ("guide",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, whole: Expr, guide: Guide) -> None:
        super().__init__(whole.terms)
        self.guide = guide

    @property
    def decider(self) -> Guide:
        return self.guide

    # --- decisions ---------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expr | int):
            return False
        difference = self.undecided - (other.undecided if isinstance(other, Expr) else other)
        return not difference.constant if difference.is_constant else self.guide.decides(difference, "==")

    def __bool__(self) -> bool:
        return self != 0

    def __index__(self) -> int:
        """What counting needs."""
        return self.guide.count(self)

    # --- arithmetic --------------------------------------------------------------------------------------------------

    def __add__(self, other: Number) -> Expr:
        return self.guide.lifted(super().__add__(other))

    __radd__ = __add__

    def __neg__(self) -> Expr:
        return self.guide.lifted(super().__neg__())

    def __mul__(self, other: Number) -> Expr:
        return self.guide.lifted(super().__mul__(other))

    __rmul__ = __mul__
