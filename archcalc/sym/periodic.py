"""Ultimately periodic sets of integers: the solutions of conditions on one symbol.

Such a set is periodic from some point on: `H >= 32`, `H = 0 (mod 16)`, `H mod 32 in {0, 29..31}`. These are exactly the
sets that linear integer arithmetic can define. They are closed under union, intersection and complement.

Source: Woods 2015, "Presburger arithmetic, rational generating functions, and quasi-polynomials", arXiv:1211.0020.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from heapq import merge
from itertools import groupby
from math import gcd, inf, lcm
from typing import Literal, TypeAlias

from archcalc.record import record

MOST = 50_000
"""The limit on the remainders of a piece: less than a tenth of a second. Sets of networks in use have up to 64."""


class Undecided(Exception):
    """The question cannot be decided exactly; the message gives the reason."""


class Beyond(Undecided):
    """The question can be decided exactly for numbers up to `last` alone."""

    def __init__(self, message: str, last: int) -> None:
        super().__init__(message)
        self.last = last


@record
class Piece:
    """The numbers from `start` up to, excluding, `end` (None: unbounded) whose remainder is in `residues`."""

    start: int
    end: int | None
    period: int
    residues: frozenset[int]

    def __contains__(self, n: int) -> bool:
        return self.start <= n and (self.end is None or n < self.end) and n % self.period in self.residues

    @property
    def length(self) -> int | None:
        return None if self.end is None else self.end - self.start


class PeriodicSet:
    """A set of integers as ordered pieces that do not overlap."""

    __slots__ = ("pieces",)

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self.pieces = normal(pieces)

    @classmethod
    def interval(cls, least: int = 1, most: int | None = None) -> "PeriodicSet":
        """Every number from `least` to `most`.

        >>> PeriodicSet.interval(15).named("H")
        'H ≥ 15'
        """
        return cls([Piece(least, None if most is None else most + 1, 1, frozenset({0}))])

    @classmethod
    def of(cls, members: Iterable[int]) -> "PeriodicSet":
        """The set of exactly these numbers."""
        return cls(Piece(n, n + 1, 1, frozenset({0})) for n in sorted(set(members)))

    @classmethod
    def modulo(cls, period: int, residues: Iterable[int], least: int = 1, most: int | None = None) -> "PeriodicSet":
        """The numbers from `least` to `most` with these remainders."""
        end = None if most is None else most + 1
        return cls([Piece(least, end, period, frozenset(r % period for r in residues))])

    # --- members -----------------------------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self.pieces)

    def __contains__(self, n: int) -> bool:
        return any(n in piece for piece in self.pieces)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PeriodicSet):
            return False
        return all(same(a, b, start, end) for a, b, start, end in side_by_side(self, other) if a or b)

    def __hash__(self) -> int:
        return hash(tuple(self.first(8)))

    def next(self, n: int) -> int | None:
        """The smallest member that is at least `n`."""
        return next((found for piece in self.pieces if (found := up(piece, n)) is not None), None)

    def prev(self, n: int) -> int | None:
        """The largest member that is at most `n`."""
        return next((found for piece in reversed(self.pieces) if (found := down(piece, n)) is not None), None)

    def bounds(self) -> tuple[int, float] | None:
        """The least and the greatest member, the latter infinite where there is none; None of an empty set."""
        if not self.pieces:
            return None
        last = self.pieces[-1]
        least = up(self.pieces[0], self.pieces[0].start)
        assert least is not None
        most = inf if last.end is None else down(last, last.end - 1)
        assert most is not None
        return least, most

    def first(self, count: int, least: int | None = None) -> list[int]:
        """The first members, from `least` on.

        >>> PeriodicSet.modulo(16, [0]).first(3, 225)
        [240, 256, 272]
        """
        found: list[int] = []
        n = least if least is not None else self.pieces[0].start if self.pieces else 0
        while len(found) < count and (member := self.next(n)) is not None:
            found.append(member)
            n = member + 1
        return found

    # --- sets of sets ------------------------------------------------------------------------------------------------

    def __and__(self, other: "PeriodicSet") -> "PeriodicSet":
        return PeriodicSet(joined(self, other, "and"))

    def __invert__(self) -> "PeriodicSet":
        """The complement."""
        return PeriodicSet.interval(EVERYTHING) - self

    def __sub__(self, other: "PeriodicSet") -> "PeriodicSet":
        return PeriodicSet(joined(self, other, "and not"))

    def __or__(self, other: "PeriodicSet") -> "PeriodicSet":
        return PeriodicSet(joined(self, other, "or"))

    # --- words -------------------------------------------------------------------------------------------------------

    def named(self, symbol: str, least: int = 1) -> str:
        """The set as a condition on a symbol that is at least `least`."""
        if not self.pieces:
            return "never"
        tails = [words(piece, symbol, least) for piece in self.pieces if not few(piece)]
        singles = [n for piece in self.pieces if few(piece) for n in members(piece)]
        if singles:
            tails.append(f"{symbol} ∈ {{{', '.join(runs(singles))}}}")
        return " or ".join(tails)


EVERYTHING = -(10**18)
"""The start of complements, smaller than every number in use."""


def normal(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Pieces in order, each with its minimal period; adjacent equal pieces are merged."""
    made: list[Piece] = []
    for piece in sorted((p for each in pieces if (p := reduced(each))), key=lambda piece: piece.start):
        last = made[-1] if made else None
        if last and last.end == piece.start and (last.period, last.residues) == (piece.period, piece.residues):
            made[-1] = Piece(last.start, piece.end, piece.period, piece.residues)
        else:
            made.append(piece)
    return tuple(made)


def reduced(piece: Piece) -> Piece | None:
    """A piece with its minimal period; None if it is empty."""
    length, period, residues = piece.length, piece.period, piece.residues
    if length is not None:
        if length <= 0:
            return None
        if length < period:
            residues = frozenset(r for r in residues if (r - piece.start) % period < length)
    if not residues:
        return None
    for prime in primes(gcd(period, len(residues))):  # a set that repeats in its period has a multiple of remainders
        while period % prime == 0 and repeats(residues, period // prime, prime):
            period //= prime
            residues = frozenset(r % period for r in residues)
    return Piece(piece.start, piece.end, period, residues)


def repeats(residues: frozenset[int], period: int, times: int) -> bool:
    """Whether remainders modulo a multiple of a period repeat with the period."""
    return all(count == times for count in Counter(r % period for r in residues).values())


def primes(n: int) -> Iterator[int]:
    """The prime factors of a number, each once."""
    factor = 2
    while factor * factor <= n:
        if n % factor == 0:
            yield factor
        while n % factor == 0:
            n //= factor
        factor += 1
    if n > 1:
        yield n


def up(piece: Piece, n: int) -> int | None:
    start = max(piece.start, n)
    found = min(start + (r - start) % piece.period for r in piece.residues)
    return found if piece.end is None or found < piece.end else None


def down(piece: Piece, n: int) -> int | None:
    end = n if piece.end is None else min(n, piece.end - 1)
    found = max(end - (end - r) % piece.period for r in piece.residues)
    return found if found >= piece.start else None


# --- two sets --------------------------------------------------------------------------------------------------------

Connective: TypeAlias = Literal["and", "and not", "or"]


def joined(a: PeriodicSet, b: PeriodicSet, how: Connective) -> Iterator[Piece]:
    """What is in both of two sets, in the first alone, or in either. Raises Undecided if it has too many remainders."""
    for left, right, start, end in side_by_side(a, b):
        if left and right:
            yield of_both(left, right, how, start, end)
        elif how != "and" and (only := left or (right if how == "or" else None)):
            yield Piece(start, end, only.period, only.residues)


def side_by_side(a: PeriodicSet, b: PeriodicSet) -> Iterator[tuple[Piece | None, Piece | None, int, int | None]]:
    """The pieces of two sets that cover the same numbers, and these: from the first up to, excluding, the second."""
    ends = merge(*([edge for piece in each.pieces for edge in edges(piece)] for each in (a, b)))
    bounds = [edge for edge, _ in groupby(ends)]
    return zip(stretches(a, bounds), stretches(b, bounds), bounds, [*bounds[1:], None][: len(bounds)], strict=True)


def same(a: Piece | None, b: Piece | None, start: int, end: int | None) -> bool:
    """Whether two pieces hold the same numbers from `start` up to, excluding, `end`. Periodic sequences that agree over
    the sum of their periods are the same (Fine, Wilf 1965)."""
    if not a or not b:
        only = a or b
        return only is None or reduced(Piece(start, end, only.period, only.residues)) is None
    if (a.period, a.residues) == (b.period, b.residues):
        return True
    if end is None or end - start >= a.period + b.period:
        return False
    mine, theirs = (members(Piece(start, end, each.period, each.residues)) for each in (a, b))
    return mine == theirs


def edges(piece: Piece) -> Iterator[int]:
    yield piece.start
    if piece.end is not None:
        yield piece.end


def stretches(whole: PeriodicSet, bounds: Sequence[int]) -> Iterator[Piece | None]:
    """The piece that covers each stretch between bounds."""
    pieces = iter(whole.pieces)
    piece = next(pieces, None)
    for start in bounds:
        while piece and piece.end is not None and piece.end <= start:
            piece = next(pieces, None)
        yield piece if piece and piece.start <= start else None


def of_both(a: Piece, b: Piece, how: Connective, start: int, end: int | None) -> Piece:
    """What two pieces make of the numbers from `start` up to, excluding, `end`."""
    if a.period == b.period:
        return Piece(start, end, a.period, of_sets(a.residues, b.residues, how))
    period = lcm(a.period, b.period)
    if end is not None and end - start <= min(period, MOST):
        mine, theirs = (frozenset(members(Piece(start, end, each.period, each.residues))) for each in (a, b))
        length = end - start
        return Piece(start, end, length, frozenset(n % length for n in of_sets(mine, theirs, how)))
    both = common(a, b, period)
    if how == "and":
        return Piece(start, end, period, both)
    mine = lifted(a, period)
    return Piece(start, end, period, mine - both if how == "and not" else mine | lifted(b, period))


def of_sets(a: frozenset[int], b: frozenset[int], how: Connective) -> frozenset[int]:
    return a & b if how == "and" else a - b if how == "and not" else a | b


def lifted(piece: Piece, period: int) -> frozenset[int]:
    """The remainders of a piece modulo a multiple of its period."""
    check(len(piece.residues) * (period // piece.period), period)
    return frozenset(r + i for r in piece.residues for i in range(0, period, piece.period))


def common(a: Piece, b: Piece, period: int) -> frozenset[int]:
    """The remainders of two pieces, modulo the common multiple of their periods (the Chinese remainder theorem)."""
    shared = gcd(a.period, b.period)
    alike = Counter(r % shared for r in b.residues)
    check(sum(alike[r % shared] for r in a.residues), period)
    partners: dict[int, list[int]] = {}
    for r in b.residues:
        partners.setdefault(r % shared, []).append(r)
    step = b.period // shared
    inverse = pow(a.period // shared, -1, step)
    return frozenset(
        r + (other - r) // shared * inverse % step * a.period
        for r in a.residues
        for other in partners.get(r % shared, ())
    )


def check(count: int, period: int) -> None:
    if count > MOST:
        raise Undecided(f"the answer has {count:,} remainders modulo {period:,}, more than {MOST:,}")


def all_of(sets: Iterable[PeriodicSet], least: int = 1) -> PeriodicSet:
    """The intersection of the sets."""
    return reduce(PeriodicSet.__and__, sets, PeriodicSet.interval(least))


# --- words -----------------------------------------------------------------------------------------------------------

FEW, MANY = 8, 64
"""Up to FEW members of a finite piece are listed; up to MANY if the remainders are a list themselves."""


def few(piece: Piece) -> bool:
    """Whether a piece is written as a list of its members."""
    length = piece.length
    if length is None or (piece.period == 1 and length > 3):
        return False
    most = FEW if len(piece.residues) < 4 else MANY
    return length <= most * piece.period and len(piece.residues) <= most and len(members(piece)) <= most


def members(piece: Piece) -> list[int]:
    assert piece.end is not None
    firsts = (piece.start + (r - piece.start) % piece.period for r in piece.residues)
    return sorted(n for first in firsts for n in range(first, piece.end, piece.period))


def words(piece: Piece, symbol: str, least: int) -> str:
    bound = beginning(piece, symbol, least)
    if piece.end is not None:
        bound = f"{piece.start} ≤ {symbol} ≤ {piece.end - 1}"
    if piece.period == 1:
        return bound or "always"
    return remainder(piece, symbol) + (f", {bound}" if bound else "")


def beginning(piece: Piece, symbol: str, least: int) -> str:
    """`H ≥ 32`; empty if the remainders imply it."""
    first = up(piece, piece.start)
    return "" if first is None or first <= least or follows(piece, least) else f"{symbol} ≥ {first}"


def follows(piece: Piece, least: int) -> bool:
    """Whether a piece contains every number from `least` on that its remainders allow."""
    below = piece.start - least
    return below < piece.period and all((r - least) % piece.period >= below for r in piece.residues)


def remainder(piece: Piece, symbol: str) -> str:
    """`H ≡ 0 (mod 16)`, `H mod 32 ∈ {0, 29..31}`, `H ≢ 3 (mod 8)`."""
    if len(piece.residues) == 1:
        return f"{symbol} ≡ {min(piece.residues)} (mod {piece.period})"
    if len(piece.residues) == piece.period - 1:
        left_out = sum(range(piece.period)) - sum(piece.residues)
        return f"{symbol} ≢ {left_out} (mod {piece.period})"
    return f"{symbol} mod {piece.period} ∈ {{{', '.join(runs(sorted(piece.residues)))}}}"


def runs(numbers: Sequence[int]) -> Iterator[str]:
    """Consecutive numbers as ranges.

    >>> list(runs([0, 5, 6, 29, 30, 31]))
    ['0', '5', '6', '29..31']
    """
    start = 0
    for i, n in enumerate(numbers):
        if i + 1 == len(numbers) or numbers[i + 1] != n + 1:
            run = numbers[start : i + 1]
            yield from [f"{run[0]}..{run[-1]}"] if len(run) > 2 else map(str, run)
            start = i + 1
