"""Ultimately periodic sets of integers: the solutions of conditions on one symbol.

Such a set is periodic from some point on: `H >= 32`, `H = 0 (mod 16)`, `H mod 32 in {0, 29..31}`. These are exactly the
sets that linear integer arithmetic can define. They are closed under union, intersection and complement.

Source: Woods 2015, "Presburger arithmetic, rational generating functions, and quasi-polynomials", arXiv:1211.0020.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import inf, lcm


@dataclass(frozen=True, slots=True)
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
        return isinstance(other, PeriodicSet) and not (self - other) and not (other - self)

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
        return PeriodicSet(common(a, b) for a in self.pieces for b in other.pieces if meet(a, b))

    def __invert__(self) -> "PeriodicSet":
        """The complement."""
        return PeriodicSet(missing(self.pieces))

    def __sub__(self, other: "PeriodicSet") -> "PeriodicSet":
        return self & ~other

    def __or__(self, other: "PeriodicSet") -> "PeriodicSet":
        return ~(~self & ~other)

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
    for p in divisors(period):
        fewer = frozenset(r % p for r in residues)
        if len(fewer) * (period // p) == len(residues):
            return Piece(piece.start, piece.end, p, fewer)
    return Piece(piece.start, piece.end, period, residues)


def divisors(n: int) -> list[int]:
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def up(piece: Piece, n: int) -> int | None:
    start = max(piece.start, n)
    found = min(start + (r - start) % piece.period for r in piece.residues)
    return found if piece.end is None or found < piece.end else None


def down(piece: Piece, n: int) -> int | None:
    end = n if piece.end is None else min(n, piece.end - 1)
    found = max(end - (end - r) % piece.period for r in piece.residues)
    return found if found >= piece.start else None


def meet(a: Piece, b: Piece) -> bool:
    """Whether the ranges of two pieces overlap."""
    return (a.end is None or b.start < a.end) and (b.end is None or a.start < b.end)


def common(a: Piece, b: Piece) -> Piece:
    start, end = max(a.start, b.start), min((e for e in (a.end, b.end) if e is not None), default=None)
    period = lcm(a.period, b.period)
    if a.period == b.period:
        return Piece(start, end, period, a.residues & b.residues)
    few, other = sorted((a, b), key=lambda piece: len(piece.residues) * (period // piece.period))
    lifted = (r + few.period * i for r in few.residues for i in range(period // few.period))
    return Piece(start, end, period, frozenset(r for r in lifted if r % other.period in other.residues))


def missing(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The complement of ordered pieces."""
    at: int | None = EVERYTHING
    for piece in pieces:
        assert at is not None
        yield Piece(at, piece.start, 1, frozenset({0}))
        yield Piece(piece.start, piece.end, piece.period, frozenset(range(piece.period)) - piece.residues)
        at = piece.end
    if at is not None:
        yield Piece(at, None, 1, frozenset({0}))


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
    return length <= most * piece.period and len(members(piece)) <= most


def members(piece: Piece) -> list[int]:
    assert piece.end is not None
    return [n for n in range(piece.start, piece.end) if n % piece.period in piece.residues]


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
    return piece.start - least < piece.period and all(
        n % piece.period not in piece.residues for n in range(least, piece.start)
    )


def remainder(piece: Piece, symbol: str) -> str:
    """`H ≡ 0 (mod 16)`, `H mod 32 ∈ {0, 29..31}`, `H ≢ 3 (mod 8)`."""
    left_out = set(range(piece.period)) - piece.residues
    if len(piece.residues) == 1:
        return f"{symbol} ≡ {min(piece.residues)} (mod {piece.period})"
    if len(left_out) == 1:
        return f"{symbol} ≢ {min(left_out)} (mod {piece.period})"
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
