"""Inverse questions: which sizes a network takes."""

from archcalc.graph import Graph
from archcalc.sym.decide import solutions
from archcalc.sym.periodic import PeriodicSet, all_of


def valid(graph: Graph, symbol: str, least: int = 1) -> PeriodicSet:
    """The values of a free symbol, from `least` on, for which every layer is what it is.

    Other symbols must not share a condition with it. Raises Undecided where they do, or where a condition has no exact
    solution.
    """
    claims = {each.claim for each in graph.conditions if symbol in each.claim.left.symbols()}
    return all_of((solutions(claim.left, claim.relation, symbol, least) for claim in claims), least)
