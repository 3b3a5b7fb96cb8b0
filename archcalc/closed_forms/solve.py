"""Inverse questions: which values of a symbol keep a network within a budget.

Every condition becomes the set of values that satisfy it. The answer is the intersection of these sets:

- requirements of layers, and conditions that are periodic in the size: solved exactly, as periodic sets;
- budgets on quantities that never decrease as the symbol grows: galloping search and bisection on exact integers;
- all others: value by value between bounds, which must be given.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from archcalc.closed_forms.budget import Budget, Case, budgets
from archcalc.closed_forms.feasibility import feasible, lossless
from archcalc.closed_forms.repeating import Repeating, repeating
from archcalc.graph.given import Network, loaded_with
from archcalc.graph.graph import Graph
from archcalc.record import record, replace
from archcalc.sym.bounds import Interval, grows
from archcalc.sym.decide import (
    Beyond,
    Effort,
    Undecided,
    cases,
    combined_sets,
    evaluator,
    reach,
    size_of,
    solutions,
)
from archcalc.sym.expr import Claim, holds
from archcalc.sym.periodic import PeriodicSet
from archcalc.sym.periods import degree_of, period_of

NONE = PeriodicSet()

FEW = 8
"""The sizes of a form that holds for so few are tried one by one."""

MOST_BOUNDS = 3
"""How often fewer values are tried where they are too many."""

EXACT = 65_536
"""The limit on values evaluated to solve one condition exactly."""


# --- budgets ---------------------------------------------------------------------------------------------------------


@record
class Found:
    """The values that satisfy one condition, and the methods that found them. `left_out`: values without a result,
    because memory is not predicted for them."""

    allowed: PeriodicSet
    how: tuple[str, ...]
    left_out: PeriodicSet = NONE


def satisfying(claim: Claim, symbol: str, domain: PeriodicSet, ranges: Mapping[str, Interval], effort: Effort) -> Found:
    """The values of a symbol for which a claim holds. Raises Undecided if infinitely many would have to be tried."""
    least, most = domain.bounds() or (1, inf)
    last = None if most == inf else int(most)
    within = {**ranges, symbol: (least, most)}
    if claim.relation == ">=" and any(grows(each, symbol, within) for each in (claim.left, -claim.left)):
        allowed = solutions(claim.left, claim.relation, symbol, int(least), last)
        return Found(allowed, (f"bisection: never decreases as {symbol} grows, so the answer is exact",))
    if split := cases(claim):
        every, parts = split
        found = [of_claim(each, symbol, domain, ranges, effort) for each in parts]
        return Found(combined_sets(every, (each.allowed for each in found)), ways(found))
    return exactly(claim, symbol, domain, effort)


def of_claim(
    claim: Claim | bool, symbol: str, domain: PeriodicSet, ranges: Mapping[str, Interval], effort: Effort
) -> Found:
    if isinstance(claim, bool):
        return Found(domain if claim else NONE, (f"independent of {symbol}",))
    return satisfying(claim, symbol, domain, ranges, effort)


def ways(found: Iterable[Found]) -> tuple[str, ...]:
    """The methods that solved several conditions, each once."""
    return tuple(dict.fromkeys(way for each in found for way in each.how))


def exactly(claim: Claim, symbol: str, domain: PeriodicSet, effort: Effort) -> Found:
    """Solves by period if it is short enough, otherwise value by value."""
    least, most = domain.bounds() or (1, inf)
    try:
        if period_of(claim.left, symbol).length * (degree_of(claim.left, symbol) + 1) <= EXACT:
            last = None if most == inf else int(most)
            allowed = solutions(claim.left, claim.relation, symbol, int(least), last, effort, domain)
            return Found(allowed, ("exact: periodic in the size",))
        reason = "its period is too long"
    except Undecided as undecided:
        reason = str(undecided)
    few = min(EXACT, effort.left // size_of(claim.left))
    members = domain.first(few + 1)
    if len(members) > few:
        raise Beyond(f"{reason}; {within_reach(symbol, members, few)}", members[few] - 1)
    effort.spend(len(members), claim.left)
    value = evaluator(claim.left, symbol)
    allowed = PeriodicSet.of(n for n in members if holds(value(n), claim.relation))
    return Found(allowed, (f"all {len(members):,} values tried",))


def within_reach(symbol: str, members: Sequence[int], few: int) -> str:
    """What to write, so that no more than the first few of some values have to be tried."""
    most = members[few] - 1
    return f"bound {symbol} with --most {most}" if most else f"give {symbol} a number"


# --- answers ---------------------------------------------------------------------------------------------------------


@record
class Answer:
    """The values of a symbol that solve a question.

    `fits`: the values that the network accepts; `allowed`: those that also meet every budget. `best`: the largest of
    them, the smallest if there is no largest, or None if none is allowed. `fails`: the next value that fits but is not
    allowed. `how`: the method used for each budget. `decided`: the largest value that is decided; None if all are.
    `repeating`: further values that the network accepts, because a layer repeats an axis of one element there.
    """

    symbol: str
    fits: PeriodicSet
    allowed: PeriodicSet
    best: int | None
    greatest: bool
    fails: int | None
    how: tuple[str, ...]
    budgets: tuple[Budget, ...]
    decided: int | None = None
    repeating: tuple[Repeating, ...] = ()

    def __repr__(self) -> str:
        """One line."""
        upto = "" if self.decided is None else f"; decided up to {self.decided}"
        return f"<Answer: {self.allowed.named(self.symbol)}; best {self.best}{upto}>"

    def costs(self, value: int) -> dict[str, int]:
        """The quantities of the budgets at a value."""
        found: dict[str, int] = {}
        for budget in self.budgets:
            quantities = budget.at(value).quantities
            found |= {name: whole.at(**{self.symbol: value}) for name, whole in quantities.items()}
        return found


def answer(
    graph: Graph,
    symbol: str,
    limits: Sequence[Budget] = (),
    *,
    within: PeriodicSet | None = None,
    no_loss: bool = False,
) -> Answer:
    """The values of a symbol that fit the network and meet the budgets, which may depend on no other free symbol.

    `within`: the values to consider; `no_loss`: no window may drop a row or a column.

    Raises Undecided if another symbol is involved, or if the values to try are unbounded.
    """
    found = feasible(graph, lossless(graph) if no_loss else ())
    domain = graph.symbols[symbol].domain & (within or PeriodicSet.interval())
    fits, last = found.of(symbol), min((each.last for each in limits if each.last is not None), default=None)
    beside = tuple(repeating(graph, symbol, domain - fits))
    for _ in range(MOST_BOUNDS):
        try:
            return replace(upto(graph, symbol, limits, fits, domain, last), repeating=beside)
        except Beyond as beyond:
            if beyond.last < int(reach(fits & domain)[0]):
                raise
            last = beyond.last
    return replace(upto(graph, symbol, limits, fits, domain, last), repeating=beside)


def upto(
    graph: Graph, symbol: str, limits: Sequence[Budget], fits: PeriodicSet, domain: PeriodicSet, last: int | None
) -> Answer:
    """The answer for values up to the last one. Raises Beyond where they are too many."""
    if last is not None:
        domain &= PeriodicSet.interval(1, last)
    ranges = {name: each.domain.bounds() or (1, inf) for name, each in graph.symbols.items()}
    fits &= domain
    allowed, how, effort = fits, [], Effort()
    for budget in limits:
        made = of_budget(budget, symbol, domain, ranges, effort)
        fits, allowed = fits - made.left_out, allowed & made.allowed
        how.append("; ".join(made.how))
    best, greatest = extreme(allowed)
    next_one = failing(fits, allowed, best)
    return Answer(symbol, fits, allowed, best, greatest, next_one, tuple(how), tuple(limits), last)


def solve(network: Network, symbol: str, where: str = "", *, lossless: bool = False) -> Answer:
    """The values of a free symbol that fit a network and satisfy `where`: `params <= 5M and macs <= 4G`.

    `symbol`: one of a graph that has free symbols; of a spec, and of other graphs, whatever can be free. `lossless`: no
    window may drop the last rows or columns of its input.

    Raises SpecError for an invalid condition, Undecided if there is no exact answer, ValueError if a graph
    with free symbols lacks this one.

    >>> import archcalc
    >>> found = archcalc.solve("resnet50", "w", "params <= 5M")
    >>> found.best, found.costs(26), found.fails, found.how
    (26, {'params': 4727826}, 27, ('bisection: never decreases as w grows, so the answer is exact',))
    """
    graph = loaded_with(network, symbol)
    return answer(graph, symbol, budgets((where,) if where else (), graph), no_loss=lossless)


def of_budget(
    budget: Budget, symbol: str, domain: PeriodicSet, ranges: Mapping[str, Interval], effort: Effort
) -> Found:
    """The values that meet a budget, over all of its cases."""
    parts = sorted(((domain & case.sizes, case) for case in budget.cases), key=lambda part: reach(part[0]))
    found = [of_case(budget, case, symbol, sizes, ranges, effort) for sizes, case in parts]
    return Found(
        combined_sets(False, (NONE, *(each.allowed for each in found))),
        ways(sorted(found, key=lambda each: bool(each.left_out))) or ("all values tried",),
        combined_sets(False, (NONE, *(each.left_out for each in found))),
    )


def of_case(
    budget: Budget, case: Case, symbol: str, sizes: PeriodicSet, ranges: Mapping[str, Interval], effort: Effort
) -> Found:
    if case.why:
        return Found(NONE, (f"not for {sizes.named(symbol)}, where memory is not predicted: {case.why}",), sizes)
    others = frozenset[str]() if isinstance(case.claim, bool) else case.claim.left.symbols() - {symbol}
    if others:
        raise Undecided(f"{budget.text} also depends on {', '.join(sorted(others))}; set a number with --set")
    members = sizes.first(FEW + 1)
    if len(members) <= FEW and len(budget.cases) > 1:  # the reported method is that of the larger part
        return Found(PeriodicSet.of(n for n in members if is_kept(case, symbol, n)), ())
    found = of_claim(case.claim, symbol, sizes, ranges, effort)
    return replace(found, allowed=found.allowed & sizes)


def is_kept(case: Case, symbol: str, size: int) -> bool:
    """Whether a budget is kept at a size."""
    return case.claim if isinstance(case.claim, bool) else case.claim.at(**{symbol: size})


def extreme(allowed: PeriodicSet) -> tuple[int | None, bool]:
    """The largest value, or the smallest if there is no largest, and whether it is the largest."""
    bounds = allowed.bounds()
    if bounds is None:
        return None, True
    least, most = bounds
    return (int(most), True) if most != inf else (int(least), False)


def failing(fits: PeriodicSet, allowed: PeriodicSet, best: int | None) -> int | None:
    """The next value that fits the network but is not allowed: after the largest allowed one, or before the smallest.
    None if allowed and other values alternate."""
    if best is None:
        return fits.next(1)
    if allowed.bounds() != (best, inf):
        return fits.next(best + 1)
    in_a_row = allowed == fits & PeriodicSet.interval(best)
    return fits.prev(best - 1) if in_a_row else None
