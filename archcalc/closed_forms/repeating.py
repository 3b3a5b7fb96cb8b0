"""Sizes that fit beside those of the closed forms: a layer repeats an axis of one element, where all others are equal.

A sum of two maps needs equal ones. Where one of them happens to have one row, torch takes another network than the one
that was meant: it repeats that row. Closed forms are those of equal maps.
"""

from collections.abc import Iterator, Sequence
from typing import cast

from archcalc.closed_forms.resizing import is_size
from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import is_number, number_at
from archcalc.core.volume import Volume
from archcalc.graph.builder import build
from archcalc.graph.graph import Condition, Graph, Node
from archcalc.record import record, replace
from archcalc.sym.decide import Undecided, of_claim
from archcalc.sym.expr import Claim, Expr
from archcalc.sym.periodic import PeriodicSet

MOST = 64
"""So many sizes are looked at: axes have one element in few small inputs."""


@record
class Repeating:
    """Sizes at which a layer repeats an axis of one element, and which fit the network by that alone."""

    sizes: PeriodicSet
    node: str

    def named(self, symbol: str) -> str:
        """The sizes in words, with the reason."""
        return f"{self.sizes.named(symbol)}, which fits because {self.node} repeats an axis of one element there"


def repeating(graph: Graph, symbol: str, beside: PeriodicSet) -> Iterator[Repeating]:
    """Those of some sizes that do not fit by the closed forms, by the layer that repeats an axis there."""
    found: dict[str, list[int]] = {}
    if graph.document is None or len(graph.symbols) > 1 or not is_size(graph, symbol):
        return
    needed = [each for each in graph.conditions if each.claim.left.symbols() == {symbol}]
    for size in (shrunk(graph, symbol, needed) & beside).first(MOST):
        first = next((each for each in needed if not each.claim.at(**{symbol: size})), None)
        node = graph.by_name.get(first.node) if first else None  # an input repeats nothing
        if first and node and takes(node, symbol, size) and fits(graph, symbol, size):
            found.setdefault(first.node, []).append(size)
    yield from (Repeating(PeriodicSet.of(sizes), node) for node, sizes in found.items())


def shrunk(graph: Graph, symbol: str, needed: Sequence[Condition]) -> PeriodicSet:
    """The sizes at which an input of a layer that needs equal axes has one element along one."""
    nodes = [graph.by_name[each.node] for each in needed if each.claim.relation == "==" and each.node in graph.by_name]
    lengths = {n: None for node in nodes if len(node.inputs) > 1 for x in node.inputs for n in x.item_shape}
    found = PeriodicSet()
    for n in lengths:
        if not is_number(n):
            try:
                found |= of_claim(Claim(cast(Expr, n) - 1, "=="), symbol, graph.symbols[symbol].domain)
            except Undecided:
                continue
    return found


def takes(node: Node, symbol: str, size: int) -> bool:
    """Whether a layer takes the inputs that it has at a size."""
    volumes = [at(each, symbol, size) for each in node.inputs]
    return all(holds is True for holds, _ in node.layer.requires(*volumes))


def fits(graph: Graph, symbol: str, size: int) -> bool:
    """Whether the network can be built at a size."""
    assert graph.document is not None
    sizes = {each.name: at(each.volume, symbol, size).item_shape for each in graph.inputs}
    try:
        build(graph.document, sizes=sizes, dtype=graph.dtype)
    except SpecError:
        return False
    return True


def at(volume: Volume, symbol: str, size: int) -> Volume:
    values = {symbol: size}
    spatial = tuple(number_at(n, values) for n in volume.spatial)
    return replace(volume, channels=number_at(volume.channels, values), spatial=spatial)
