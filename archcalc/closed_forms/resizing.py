"""What another size does to a network: the rows that windows drop, and the weights whose shape changes."""

from collections.abc import Iterator
from typing import cast

from archcalc.closed_forms.feasibility import feasible, lossless
from archcalc.core.dim import Dim, is_number
from archcalc.graph.graph import Graph
from archcalc.record import record
from archcalc.sym.expr import Expr
from archcalc.sym.periodic import PeriodicSet


@record
class Reshaped:
    """A weight whose shape differs between two sizes."""

    weight: str
    before: tuple[Dim, ...]
    after: tuple[Dim, ...]


def lossless_values(graph: Graph, symbol: str) -> PeriodicSet:
    """The values of a symbol at which no window drops the last rows or columns.

    Raises Undecided if there is no exact answer.
    """
    return feasible(graph, lossless(graph)).of(symbol)


def dropped(graph: Graph, symbol: str, value: int) -> Iterator[tuple[str, int]]:
    """The layers that drop the last rows or columns of their input at a value of a symbol, and how many. Conditions on
    several symbols are passed over."""
    for each in lossless(graph):
        if each.claim.left.symbols() == {symbol} and not each.claim.at(**{symbol: value}):
            yield (
                each.node,
                -each.claim.left.at(**{symbol: value}),
            )  # the claim is 0 <= rows that may be left - rows left


def reshaped(graph: Graph, symbol: str, value: int) -> Iterator[Reshaped]:
    """The weights that have another shape than at the spec's own size, if the symbol is the size of an input. A weight
    that depends on a width is meant to change."""
    own = graph.symbols[symbol].own
    if own is None or not is_size(graph, symbol):
        return
    for node in graph:
        for weight in node.weights:
            before, after = (tuple(with_value(n, symbol, size) for n in weight.shape) for size in (own, value))
            if before != after:
                yield Reshaped(f"{node.name}.{weight.name}", before, after)


def is_size(graph: Graph, symbol: str) -> bool:
    """Whether a symbol is the size of an input."""
    return any(symbol in symbols_in(n) for each in graph.inputs for n in each.volume.item_shape)


def symbols_in(n: Dim) -> frozenset[str]:
    return frozenset() if is_number(n) else cast(Expr, n).symbols()


def with_value(n: Dim, symbol: str, value: int) -> Dim:
    """A dimension with a number for one of its symbols."""
    return n if is_number(n) else cast(Dim, cast(Expr, n).subs(**{symbol: value}))
