"""A network on a narrower input: along an axis of full length its layers see the same, in a fraction of the time."""

import ast

from archcalc.codegen import generate
from archcalc.graph.graph import Input
from archcalc.measures.receptive_field import Fields, fields_of
from archcalc.record import record
from archcalc.verification.structure.sizes import attempt
from archcalc.verification.trace import Running

PARTS = (8, 4, 2)
"""By what the lengths of the other axes are divided: the first at which the network is the same."""


@record
class Narrow:
    """The module of a network on a narrower input, `seed`, and the fields of its layers in that."""

    running: Running
    seed: Input
    fields: dict[str, Fields]


def narrowed(running: Running, seed: Input, fields: dict[str, Fields], axis: int) -> Narrow | None:
    """The same module where the axes of an input are shorter, all but one; None if its code would be another, or if
    layers saw something else along that axis."""
    graph, document = running.graph, running.graph.document
    batch = seed.volume.batch
    if document is None or seed.volume.rank < 2 or not isinstance(batch, int):
        return None
    for part in PARTS:
        spatial = tuple(n if i == axis else -(-n // part) for i, n in enumerate(seed.volume.spatial))
        sizes = {each.name: each.volume.item_shape for each in graph.inputs}
        other = attempt(document, batch, graph.dtype, {**sizes, seed.name: seed.volume.to(spatial=spatial).item_shape})
        if other is None or code_of(generate(other).text) != code_of(running.source.text):
            continue
        given = next(each for each in other.inputs if each.name == seed.name)
        found = fields_of(other, given)
        if {name: each[axis] for name, each in found.items()} == {name: each[axis] for name, each in fields.items()}:
            return Narrow(running.on(other), given, found)
    return None


def code_of(text: str) -> str:
    """What the classes of a source do, without comments, documentation, and the example behind them."""
    tree = ast.parse(text)
    tree.body = [each for each in tree.body if not isinstance(each, ast.If)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.dump(tree)
