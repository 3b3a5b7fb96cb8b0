"""Activation checkpointing: blocks that save only their inputs and run again in the backward pass."""

from collections.abc import Collection

from archcalc.core.diagnostic import did_you_mean, enumerated, problem
from archcalc.graph.graph import Graph, Scope, enclosing_scopes


def checkpointed_blocks(graph: Graph, kinds: Collection[str]) -> tuple[Scope, ...]:
    """The expansions of the blocks with these names in the spec.

    Raises SpecError if there is no such block, and if one block contains another.
    """
    known = dict.fromkeys(scope.block for scope in graph.scopes.values() if not scope.sequence)
    for kind in kinds:
        if kind not in known:
            there = f"blocks: {enumerated(known)}" if known else "the spec has no blocks"
            raise problem("AC138", f"there is no block named '{kind}'", help=did_you_mean(kind, known) or there)
    found = {path: each for path, each in graph.scopes.items() if each.block in kinds and not each.sequence}
    for scope in found.values():
        for other in (found[path] for path in enclosing_scopes(scope.prefix) if path in found):
            text = f"'{scope.prefix}' is inside '{other.prefix}', which is checkpointed as a whole"
            raise problem("AC138", text, help=f"checkpoint {other.block} or {scope.block}, not both")
    return tuple(found.values())
