"""Feasibility: the values of free symbols that a network accepts, solved from the requirements of its layers."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.dim import Dim, maximum
from archcalc.core.window import Window
from archcalc.graph.given import Network, loaded_free
from archcalc.graph.graph import Condition, Graph
from archcalc.record import record
from archcalc.sym.decide import EFFORT, Effort, Undecided, always, of_claim
from archcalc.sym.expr import Claim
from archcalc.sym.periodic import PeriodicSet

SHARE = 1_000
"""The effort that each condition adds to the limit of all."""

EXAMPLE = 224
"""For a symbol without a number in the spec, the example is the first valid value from here on."""


@record
class Reason:
    """A set of values of a symbol, and the condition that implies it."""

    allowed: PeriodicSet
    condition: Condition


@record
class Feasible:
    """The values that a network accepts.

    `by_symbol`: a set for each symbol; `reasons`: a minimal list of conditions that imply it; `residual`: conditions
    that cannot be decided one symbol at a time, each with the reason.
    """

    by_symbol: Mapping[str, PeriodicSet]
    reasons: Mapping[str, tuple[Reason, ...]]
    residual: tuple[tuple[Condition, str], ...] = ()

    def of(self, symbol: str) -> PeriodicSet:
        """The values of one symbol. Raises Undecided if a condition on it is undecided."""
        for condition, reason in self.residual:
            if symbol in condition.claim.left.symbols():
                raise Undecided(f"{condition.node}: {condition.message}: {reason}")
        return self.by_symbol.get(symbol, PeriodicSet.interval())


def feasible(network: Network, extra: Iterable[Condition] = ()) -> Feasible:
    """The values of every free symbol that satisfy the requirements of all layers, and `extra`. Of a spec, the axes of
    its inputs are free."""
    graph = loaded_free(network)
    domains = {name: each.domain for name, each in graph.symbols.items()}
    first = {each.claim: each for each in reversed((*graph.conditions, *extra))}
    found: dict[str, list[Reason]] = {name: [] for name in domains}
    sets = dict(domains)
    residual, effort = [], Effort(EFFORT + SHARE * len(first))
    for claim, condition in reversed(first.items()):
        names = sorted(claim.left.symbols())
        if len(names) > 1:
            if not always(claim, domains).holds:
                residual.append((condition, f"it depends on both {' and '.join(names)}"))
            continue
        try:
            domain = domains.setdefault(names[0], PeriodicSet.interval())
            reason = Reason(of_claim(claim, names[0], domain, effort), condition)
            sets[names[0]] = sets.get(names[0], domain) & reason.allowed
        except Undecided as undecided:
            residual.append((condition, str(undecided)))
        else:
            found.setdefault(names[0], []).append(reason)
    fewest = {name: tuple(needed(reasons, domains[name])) for name, reasons in found.items()}
    return Feasible(sets, fewest, tuple(residual))


def contradictions(graph: Graph) -> Iterator[Diagnostic]:
    """Symbols without a valid value: the requirements of the layers contradict each other."""
    found = feasible(graph)
    for name, allowed in found.by_symbol.items():
        if not allowed:
            reasons = found.reasons[name]
            domain = graph.symbols[name].domain.named(name)
            yield Diagnostic(
                code="AC209",
                message=f"no value of {name} fits" + (f" with {domain}" if domain != "always" else ""),
                location=graph.place(reasons[-1].condition.node),
                notes=tuple(f"{each.condition.node}: {each.condition.message}" for each in reasons),
            )


def needed(reasons: list[Reason], domain: PeriodicSet) -> Iterator[Reason]:
    """The reasons without those that follow from others."""
    distinct = {reason.allowed.pieces: reason for reason in reversed(reasons)}
    waiting = list(distinct.values())
    *rests, whole = accumulate((each.allowed for each in reversed(waiting)), PeriodicSet.__and__, initial=domain)
    kept, found = domain, []
    for reason, rest in zip(waiting, reversed(rests), strict=True):
        if kept & rest != whole:
            found.append(reason)
            kept &= reason.allowed
    yield from reversed(found)


def valid(graph: Graph, symbol: str) -> PeriodicSet:
    """The values of a free symbol that satisfy the requirements of all layers.

    Raises Undecided if a condition has no exact solution or depends on several symbols.
    """
    return feasible(graph).of(symbol)


def example(graph: Graph) -> dict[str, int]:
    """A number for every free symbol: the spec's own if it is valid, otherwise a valid one as far as decided."""
    sets = feasible(graph).by_symbol
    return {name: near(sets[name], EXAMPLE if each.own is None else each.own) for name, each in graph.symbols.items()}


def near(allowed: PeriodicSet, wanted: int) -> int:
    """The value that is wanted where it fits, or the next one that does."""
    return allowed.next(wanted) or allowed.prev(wanted) or wanted


# --- lossless sizes ------------------------------------------------------------------------------------------------


def lossless(graph: Graph) -> Iterator[Condition]:
    """The conditions that no window drops the last rows or columns of its input."""
    for node in graph:
        lengths = node.inputs[0].spatial if node.inputs else ()
        for window, n in zip(node.layer.windows(*node.inputs), lengths, strict=False):
            if isinstance(window, Window) and not window.ceil and window.stride != 1:
                held = reads_to_the_end(window, n)
                if isinstance(held, Claim):
                    yield Condition(held, f"the window must cover all rows and columns of {node.inputs[0]}", node.name)


def reads_to_the_end(window: Window, n: Dim) -> bool | Claim:
    """Whether the floor drops only padding, or gaps between windows that are shorter than their stride."""
    left_over = (n + window.begin + window.end - window.extent) % window.stride
    return left_over <= maximum(0, window.end) + maximum(0, window.stride - window.extent)
