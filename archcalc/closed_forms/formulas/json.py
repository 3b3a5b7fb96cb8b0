"""Closed forms as JSON; every form is a text."""

from collections.abc import Sequence
from typing import Any

from archcalc.closed_forms.formula import ClosedForms, Formula
from archcalc.graph.graph import Node
from archcalc.measures.receptive_field import Seen, widest
from archcalc.sym.expr import written
from archcalc.sym.periodic import PeriodicSet
from archcalc.sym.text import TEXT


def write(found: Sequence[ClosedForms]) -> str:
    """One object per network, separated by empty lines."""
    import json  # lazy: 2 ms, and a report needs only `of_totals`

    return "\n".join(json.dumps(of_network(each), indent=1, ensure_ascii=False) + "\n" for each in found)


def of_network(forms: ClosedForms) -> dict[str, Any]:
    document = {"name": forms.graph.name, "spec": forms.graph.spec, **of_totals(forms)}
    if forms.nodes:
        document["layers"] = [of_layer(node, forms) for node in forms.nodes]
    return document


def of_totals(forms: ClosedForms) -> dict[str, Any]:
    """The closed forms of the totals, and the sizes for which they are valid."""
    return {
        "symbols": dict(forms.own),
        "inputs": {each.name: list(map(str, each.volume.item_shape)) for each in forms.graph.inputs},
        "following": {name: list(others) for name, others in forms.graph.followers.items()},
        "totals": {made.measure.name: str(made.total) for made in forms.formulas},
        "memory": {name: str(whole) for name, whole in forms.memory.items()},
        "memory_exact_for": list(forms.exact_for),
        "memory_conditions": [str(each) for each in forms.piece.conditions] if forms.piece else [],
        "lattice": {made.measure.name: on_multiples(made) for made in forms.formulas},
        "valid": {name: allowed.named(name) for name, allowed in forms.feasible.by_symbol.items()},
        "pieces": {name: pieces(allowed) for name, allowed in forms.feasible.by_symbol.items()},
        "first_valid": {name: allowed.first(8) for name, allowed in forms.feasible.by_symbol.items()},
        "conditions": [
            {
                "symbol": name,
                "allows": each.allowed.named(name),
                "layer": each.condition.node,
                "says": each.condition.message,
            }
            for name, reasons in forms.feasible.reasons.items()
            for each in reasons
        ],
        "undecided": [{"layer": each.node, "says": each.message, "why": why} for each, why in forms.feasible.residual],
        "without": dict(forms.without),
    }


def pieces(allowed: PeriodicSet) -> list[dict[str, Any]]:
    """A set of sizes for programs: from `start` up to, excluding, `end`, those with these remainders."""
    return [
        {"start": each.start, "end": each.end, "period": each.period, "residues": sorted(each.residues)}
        for each in allowed.pieces
    ]


def on_multiples(made: Formula) -> dict[str, Any]:
    return {"multiples": dict(made.multiples), "form": written(made.lattice, TEXT)}


def of_layer(node: Node, forms: ClosedForms) -> dict[str, Any]:
    counts = {made.measure.name: str(made.layers[node.name]) for made in forms.formulas}
    found = {"name": node.name, "output_shape": [str(n) for n in node.output.item_shape], **counts}
    seen = forms.seen.get(node.name, ())
    if not seen:
        return found
    return {**found, "receptive_field": field(widest(seen)), "receptive_fields": [field(each) for each in seen]}


def field(seen: Seen) -> dict[str, Any]:
    """The field in one input; without numbers, why there are none."""
    if not seen.fields:
        return {"input": seen.input, "size": None, "jump": None, "why": seen.why}
    return {
        "input": seen.input,
        "size": [str(axis.size) for axis in seen.fields],
        "jump": [str(axis.jump) for axis in seen.fields],
    }
