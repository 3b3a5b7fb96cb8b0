"""Which values of its free symbols a network takes: what every layer requires, solved, each answer with its reasons."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.dim import Dim, maximum
from archcalc.core.window import Window
from archcalc.graph.graph import Condition, Graph
from archcalc.sym.decide import Undecided, always, solutions
from archcalc.sym.expr import Claim
from archcalc.sym.periodic import PeriodicSet, all_of

EXAMPLE = 224
"""A symbol that has no number in the spec is shown at the first value from here on that fits."""


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

    def of(self, symbol: str) -> PeriodicSet:
        """The values of one symbol. Raises Undecided where a condition on it is not decided."""
        for condition, reason in self.residual:
            if symbol in condition.claim.left.symbols():
                raise Undecided(f"{condition.node}: {condition.message}: {reason}")
        return self.by_symbol.get(symbol, PeriodicSet.interval())


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
    return feasible(graph).of(symbol)


def example(graph: Graph) -> dict[str, int]:
    """A number for every free symbol: the spec's own where that fits; or else one that does, as far as decided."""
    sets = feasible(graph).by_symbol
    return {name: near(sets[name], EXAMPLE if each.own is None else each.own) for name, each in graph.symbols.items()}


def near(allowed: PeriodicSet, wanted: int) -> int:
    """The value that is wanted where it fits, or the next one that does."""
    return allowed.next(wanted) or allowed.prev(wanted) or wanted


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
