"""What explains the difference between an expected total and the computed one: the layers likely to be at fault."""

from collections.abc import Collection, Iterator, Sequence

from archcalc.core.dim import Dim, is_number, summed
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Role
from archcalc.measure import MEASURES
from archcalc.sym.expr import NoClosedForm

MOST = 3
"""Layers that are named; more would explain anything."""


def suspects(graph: Graph, what: str, wanted: Dim, computed: Dim) -> Iterator[str]:
    """In words, the likeliest first; each comes to the difference exactly. Nothing where sizes are free."""
    difference = computed - wanted
    if not difference or graph.symbols or not is_number(wanted, computed):
        return
    yield from other_conventions(graph, what, wanted)
    if names := parts_that_come_to(graph, what, abs(difference)):
        yield f"which is just what {' and '.join(names[:MOST])} comes to"
    if what in ("params", "trainable_params", "active_params"):
        yield from biases(graph, difference)
        yield from norms(graph, difference)
    if what in ("params", "macs", "trainable_params"):
        yield from classes(graph, what, wanted, computed)


def other_conventions(graph: Graph, what: str, wanted: Dim) -> Iterator[str]:
    """Other measures that come to what is expected, and other units."""
    for name, measure in MEASURES.items():
        try:
            if name != what and measure.total(graph) == wanted:
                yield f"{name} come to {wanted:,}: is it they that were published?"
                return
        except NoClosedForm:
            continue
    kept = MEASURES[what].total(graph) + MEASURES["buffers"].total(graph) if what == "params" else 0
    if kept == wanted:
        yield f"parameters and buffers together come to {wanted:,}: running statistics are counted there"


def parts_that_come_to(graph: Graph, what: str, amount: int) -> Sequence[str]:
    """Layers, or else blocks, or else single weights, that come to an amount each."""
    of = MEASURES[what].of
    layers = [node.name for node in graph if of(node) == amount]
    if layers:
        return layers
    blocks = [name for name, inside in graph.within.items() if summed(map(of, inside)) == amount]
    if blocks or what != "params":
        return blocks
    return [
        f"{node.name}.{weight.name}"
        for node in graph
        for weight in node.weights
        if weight.numel == amount and not weight.buffer
    ]


def biases(graph: Graph, difference: int) -> Iterator[str]:
    """Biases that there are too many of, or too few."""
    layers = [node for node in graph if node.layer.role is Role.CONTRACTION and "bias" in node.layer.known]
    normalised = {source for node in graph if node.layer.role is Role.BATCH_NORM for source in node.sources}
    for kind in dict.fromkeys(node.layer.name for node in layers):
        alike = [node for node in layers if node.layer.name == kind and not node.reruns]
        normed = [node for node in alike if node.name in normalised]
        for those, behind in ((alike, ""), (normed, " before a norm")):
            without = [node for node in those if not has_bias(node)]
            having = summed(weight.numel for node in those for weight in node.weights if weight.name == "bias")
            if difference > 0 and having == difference and len(those) > 1:
                yield f"the biases of every {kind}{behind} come to just that: bias=false"
                return
            if difference < 0 and summed(node.output.channels for node in without) == -difference and len(without) > 1:
                yield f"biases of every {kind}{behind} that has none would come to just that: bias=true"
                return


def has_bias(node: Node) -> bool:
    return any(weight.name == "bias" for weight in node.weights)


def norms(graph: Graph, difference: int) -> Iterator[str]:
    """All parameters of norms of a kind, where one counts them and the other does not."""
    for role in (Role.BATCH_NORM, Role.NORM):
        alike = [node for node in graph if node.layer.role is role]
        if len(alike) > 1 and summed(map(MEASURES["params"].of, alike)) == difference:
            yield f"the parameters of the {len(alike)} norms come to just that"


def classes(graph: Graph, what: str, wanted: int, computed: int) -> Iterator[str]:
    """Another number of units in the layer at an output: 1,001 classes instead of 1,000."""
    difference, of = computed - wanted, MEASURES[what].of
    for node in ends(graph):
        units, whole = int(node.output.channels), int(of(node))
        each, rest = divmod(whole, units)
        if rest or each < 8 or difference % each:
            continue  # a few parameters to a unit would explain anything
        there = units - difference // each
        if there > 0 and there != units:
            yield f"with {there:,} units in {node.name} instead of {units:,} it would come out"


def ends(graph: Graph) -> Collection[Node]:
    """The last layers with weights before each output."""
    found = {}
    for name in graph.outputs:
        node = graph.by_name.get(name)
        while node is not None and node.layer.role is not Role.CONTRACTION:
            node = graph.by_name.get(node.sources[0])
        if node is not None:
            found[node.name] = node
    return found.values()
