"""Inverse questions: which values of a symbol a network takes, and which keep it within a budget.

Every condition becomes the set of values for which it holds, and an answer is what all of these have in common:

- what a layer requires, and what repeats with the size: exactly, as a periodic set;
- a budget on what is certain not to fall as the symbol rises: by galloping and bisection, on exact integers;
- any other: value by value between bounds, which have to be given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from archcalc.budget import Budget, budgets
from archcalc.core.diagnostic import Diagnostic
from archcalc.core.dim import Dim, maximum
from archcalc.core.window import Window
from archcalc.graph import Condition, Graph
from archcalc.sym.bounds import Interval, grows
from archcalc.sym.decide import Undecided, always, degree_of, period_of, solutions
from archcalc.sym.expr import Claim
from archcalc.sym.periodic import PeriodicSet, all_of

EXAMPLE = 224
"""A symbol that has no number in the spec is shown at the first value from here on that fits."""

FAR = 1 << 62
"""Nobody asks for a batch or a width beyond it: a budget that still holds there holds for all."""

EXACT = 65_536
"""Values that solving one condition exactly may look at."""


# --- which values fit ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """A set of values of a symbol, and a condition that asks for it."""

    allowed: PeriodicSet
    condition: Condition


@dataclass(frozen=True)
class Feasible:
    """The values that fit a network.

    `by_symbol`: for each symbol a set; `reasons`: the fewest conditions that together say the same; `residual`: those
    that are not decided one symbol at a time, each with the reason in words.
    """

    by_symbol: Mapping[str, PeriodicSet]
    reasons: Mapping[str, tuple[Reason, ...]]
    residual: tuple[tuple[Condition, str], ...] = ()


def feasible(graph: Graph, extra: Iterable[Condition] = ()) -> Feasible:
    """The values of every free symbol for which every layer is what it is, and for which `extra` holds."""
    domains = {name: each.domain for name, each in graph.symbols.items()}
    first = {each.claim: each for each in reversed((*graph.conditions, *extra))}
    found: dict[str, list[Reason]] = {name: [] for name in domains}
    residual = []
    for claim, condition in reversed(first.items()):
        names = sorted(claim.left.symbols())
        if len(names) > 1:
            if not always(claim, domains).is_proved:
                residual.append((condition, f"it depends on {' and '.join(names)} together"))
            continue
        try:
            domain = domains.setdefault(names[0], PeriodicSet.interval())
            found.setdefault(names[0], []).append(Reason(solved(claim, names[0], domain), condition))
        except Undecided as undecided:
            residual.append((condition, str(undecided)))
    sets = {name: all_of(each.allowed for each in reasons) & domains[name] for name, reasons in found.items()}
    fewest = {name: tuple(needed(reasons, domains[name])) for name, reasons in found.items()}
    return Feasible(sets, fewest, tuple(residual))


def contradictions(graph: Graph) -> Iterator[Diagnostic]:
    """Symbols of which no value fits: what the layers ask for cannot be had together."""
    found = feasible(graph)
    for name, allowed in found.by_symbol.items():
        if not allowed:
            reasons = found.reasons[name]
            node = graph.by_name[reasons[-1].condition.node]
            domain = graph.symbols[name].domain.named(name)
            yield Diagnostic(
                code="AC209",
                message=f"no value of {name} fits" + (f": {domain} is asked for" if domain != "always" else ""),
                location=node.where,
                notes=tuple(f"{each.condition.node}: {each.condition.message}" for each in reasons),
            )


def solved(claim: Claim, name: str, domain: PeriodicSet) -> PeriodicSet:
    least, most = domain.bounds() or (1, inf)
    return solutions(claim.left, claim.relation, name, least, None if most == inf else int(most))


def needed(reasons: list[Reason], domain: PeriodicSet) -> Iterator[Reason]:
    """Reasons without those that follow from the others."""
    distinct = {reason.allowed.pieces: reason for reason in reversed(reasons)}
    kept = list(distinct.values())
    whole = all_of(reason.allowed for reason in kept) & domain
    for reason in list(kept):
        others = [each for each in kept if each is not reason]
        if all_of(each.allowed for each in others) & domain == whole:
            kept = others
    yield from reversed(kept)


def valid(graph: Graph, symbol: str) -> PeriodicSet:
    """The values of a free symbol for which every layer is what it is.

    Raises Undecided where a condition has no exact solution, or is one of several symbols.
    """
    found = feasible(graph)
    for condition, reason in found.residual:
        if symbol in condition.claim.left.symbols():
            raise Undecided(f"{condition.node}: {condition.message}: {reason}")
    return found.by_symbol.get(symbol, PeriodicSet.interval())


def example(graph: Graph) -> dict[str, int]:
    """A number for every free symbol: the spec's own; or else one that fits, as far as that is decided."""
    sets = feasible(graph).by_symbol
    return {name: near(sets[name]) if each.own is None else each.own for name, each in graph.symbols.items()}


def near(allowed: PeriodicSet) -> int:
    return allowed.next(EXAMPLE) or allowed.prev(EXAMPLE) or 1


# --- nothing dropped -------------------------------------------------------------------------------------------------


def lossless(graph: Graph) -> Iterator[Condition]:
    """That no window drops the last rows or columns of its input, as floors do."""
    for node in graph:
        for window, n in zip(node.layer.windows(*node.inputs), node.inputs[0].spatial, strict=False):
            if isinstance(window, Window) and not window.ceil and window.stride != 1:
                held = reads_to_the_end(window, n)
                if isinstance(held, Claim):
                    yield Condition(held, f"no row or column of {node.inputs[0]} may be dropped", node.name)


def reads_to_the_end(window: Window, n: Dim) -> bool | Claim:
    """Whether the floor drops padding alone, or what lies between windows that are shorter than their stride."""
    left_over = (n + window.begin + window.end - window.extent) % window.stride
    return left_over <= maximum(0, window.end) + maximum(0, window.stride - window.extent)


# --- budgets ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """The values for which one condition holds, and how they were found."""

    allowed: PeriodicSet
    how: str


def satisfying(claim: Claim, symbol: str, domain: PeriodicSet, ranges: Mapping[str, Interval]) -> Found:
    """The values of a symbol for which a claim holds. Raises Undecided where it has to be tried without end."""
    least, most = domain.bounds() or (1, inf)
    within = {**ranges, symbol: (least, most)}

    def holds(value: int) -> bool:
        return claim.at(**{symbol: value})

    if claim.relation == ">=" and grows(-claim.left, symbol, within):
        greatest = last_that_holds(holds, int(least), most)
        allowed = PeriodicSet() if greatest is None else PeriodicSet.interval(int(least), bounded(greatest))
        return Found(allowed, f"bisection: it does not fall as {symbol} rises")
    if claim.relation == ">=" and grows(claim.left, symbol, within):
        before = last_that_holds(lambda value: not holds(value), int(least), most)
        first = int(least) if before is None else before + 1
        allowed = PeriodicSet() if first > min(most, FAR) else PeriodicSet.interval(first)
        return Found(allowed, f"bisection: it does not fall as {symbol} rises")
    return exactly(claim, symbol, int(least), most)


def bounded(value: int) -> int | None:
    return None if value >= FAR else value


def exactly(claim: Claim, symbol: str, least: int, most: float) -> Found:
    """By period where there is one that is short enough, else value by value."""
    last = None if most == inf else int(most)
    try:
        if period_of(claim.left, symbol)[0] * (degree_of(claim.left, symbol) + 1) <= EXACT:
            return Found(solutions(claim.left, claim.relation, symbol, least, last), "exact: it repeats with the size")
        reason = "it repeats after too long"
    except Undecided as undecided:
        reason = str(undecided)
    if last is None or last - least > EXACT:
        raise Undecided(f"{reason}, so that values have to be tried: bound {symbol}, at most {EXACT:,} values")
    members = (value for value in range(least, last + 1) if claim.at(**{symbol: value}))
    return Found(PeriodicSet.of(members), f"all {last - least + 1:,} values tried")


def last_that_holds(holds: Callable[[int], bool], least: int, most: float) -> int | None:
    """The greatest value for which a condition holds that, once it fails, fails for good; FAR where it never does."""
    if not holds(least):
        return None
    low, step = least, 1
    while holds(high := min(low + step, int(min(most, FAR)))):
        if high == low or high >= min(most, FAR):
            return high
        low, step = high, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


# --- answers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What a symbol may be.

    `fits`: the values that the network takes; `allowed`: those that keep within every budget too. `best`: the greatest
    of them; where there is none, the least; None where nothing is allowed. `fails`: the next value that fits and is not
    allowed. `how`: for each budget how its values were found.
    """

    symbol: str
    fits: PeriodicSet
    allowed: PeriodicSet
    best: int | None
    greatest: bool
    fails: int | None
    how: tuple[str, ...]
    budgets: tuple[Budget, ...]

    def costs(self, value: int) -> dict[str, int]:
        """What the quantities of the budgets come to at a value."""
        found: dict[str, int] = {}
        for budget in self.budgets:
            found |= {name: whole.at(**{self.symbol: value}) for name, whole in budget.quantities.items()}
        return found


def answer(
    graph: Graph,
    symbol: str,
    limits: Sequence[Budget] = (),
    *,
    within: PeriodicSet | None = None,
    no_loss: bool = False,
) -> Answer:
    """The values of a symbol that fit the network and keep within the budgets; no other symbol may be free in these.

    `within`: the only values to look at; `no_loss`: no window may leave over a row or a column.

    Raises Undecided where that is not decided: where another symbol is involved, or a condition has to be tried without
    bounds.
    """
    found = feasible(graph, lossless(graph) if no_loss else ())
    for condition, reason in found.residual:
        if symbol in condition.claim.left.symbols():
            raise Undecided(f"{condition.node}: {condition.message}: {reason}")
    domain = graph.symbols[symbol].domain & (within or PeriodicSet.interval())
    fits = found.by_symbol[symbol] & domain
    ranges = {name: each.domain.bounds() or (1, inf) for name, each in graph.symbols.items()}
    allowed, how = fits, []
    for budget in limits:
        made = of_budget(budget, symbol, domain, ranges)
        allowed &= made.allowed
        how.append(made.how)
    best, greatest = extreme(allowed)
    return Answer(symbol, fits, allowed, best, greatest, failing(fits, allowed, best), tuple(how), tuple(limits))


def find(graph: Graph, symbol: str, where: str = "", *, lossless: bool = False) -> Answer:
    """The values of a free symbol that fit a network and keep `where` true, `params <= 5M and macs <= 4G`.

    `lossless`: no window may drop the last rows or columns of its input.

    Raises SpecError for a condition that cannot be read, Undecided where there is no exact answer.

    >>> import archcalc
    >>> graph = archcalc.load("resnet50", free=["w"])
    >>> found = archcalc.find(graph, "w", "params <= 5M")
    >>> found.best, found.costs(26), found.fails, found.how
    (26, {'params': 4727826}, 27, ('bisection: it does not fall as w rises',))
    """
    return answer(graph, symbol, budgets((where,) if where else (), graph), no_loss=lossless)


def of_budget(budget: Budget, symbol: str, domain: PeriodicSet, ranges: Mapping[str, Interval]) -> Found:
    if isinstance(budget.claim, bool):
        return Found(domain if budget.claim else PeriodicSet(), f"it does not depend on {symbol}")
    others = budget.claim.left.symbols() - {symbol}
    if others:
        raise Undecided(f"{budget.text} depends on {', '.join(sorted(others))} too: give it a number with --set")
    return satisfying(budget.claim, symbol, domain, ranges)


def extreme(allowed: PeriodicSet) -> tuple[int | None, bool]:
    """The greatest value, or the least where there is no greatest, and which it is."""
    bounds = allowed.bounds()
    if bounds is None:
        return None, True
    least, most = bounds
    return (int(most), True) if most != inf else (int(least), False)


def failing(fits: PeriodicSet, allowed: PeriodicSet, best: int | None) -> int | None:
    """The next value that fits the network and is not allowed: above the greatest, or below the least; None where
    values are allowed and not in turns."""
    if best is None:
        return fits.next(1)
    if allowed.bounds() != (best, inf):
        return fits.next(best + 1)
    in_a_row = allowed == fits & PeriodicSet.interval(best)
    return fits.prev(best - 1) if in_a_row else None
