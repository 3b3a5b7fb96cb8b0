"""Likely culprits: layers that explain the difference between an expected and a computed total."""

from collections.abc import Collection, Iterator, Sequence

from archcalc.core.dim import Dim, is_number, summed
from archcalc.core.volume import is_floating
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Role
from archcalc.measure import MEASURES
from archcalc.sym.expr import NoClosedForm

MOST = 3
"""The maximum number of layers to name."""


def likely_culprits(graph: Graph, what: str, wanted: Dim, computed: Dim) -> Iterator[str]:
    """Explanations, the most likely first; each accounts for the exact difference. None if sizes are free."""
    difference = computed - wanted
    if not difference or graph.symbols or not is_number(wanted, computed):
        return
    yield from other_conventions(graph, what, wanted)
    if names := parts_with_total(graph, what, abs(difference)):
        yield f"this is exactly the total of {' or '.join(names[:MOST])}"
    if what in ("params", "trainable_params", "active_params"):
        yield from biases(graph, difference)
        yield from norms(graph, difference)
    if what in ("params", "macs", "trainable_params"):
        yield from classes(graph, what, wanted, computed)


def other_conventions(graph: Graph, what: str, wanted: Dim) -> Iterator[str]:
    """Other measures whose total equals the expected number."""
    for name, measure in MEASURES.items():
        try:
            if name != what and measure.total(graph) == wanted:
                yield f"{name} total {wanted:,}: was this quantity published?"
                return
        except NoClosedForm:
            continue
    if what == "params":
        buffers = [weight for node in graph for weight in node.weights if weight.buffer]
        statistics = summed(weight.numel for weight in buffers if is_floating(weight.dtype))
        kept = MEASURES[what].total(graph) + summed(weight.numel for weight in buffers)
        if wanted in (kept, MEASURES[what].total(graph) + statistics):
            yield f"parameters and buffers together total {wanted:,}: the publication may count running statistics"


def parts_with_total(graph: Graph, what: str, amount: int) -> Sequence[str]:
    """Layers whose total equals an amount; if there are none, blocks, then single weights."""
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
    """Biases that are superfluous or missing."""
    layers = [node for node in graph if node.layer.role is Role.CONTRACTION and "bias" in node.layer.known]
    normalised = {source for node in graph if node.layer.role is Role.BATCH_NORM for source in node.sources}
    for kind in dict.fromkeys(node.layer.name for node in layers):
        alike = [node for node in layers if node.layer.name == kind and not node.reruns]
        normed = [node for node in alike if node.name in normalised]
        for those, where in ((alike, ""), (normed, " before a norm")):
            without = [node for node in those if not has_bias(node)]
            having = summed(weight.numel for node in those for weight in node.weights if weight.name == "bias")
            if difference > 0 and having == difference and len(those) > 1:
                yield f"the biases of every {kind}{where} total exactly this: bias=false"
                return
            if difference < 0 and summed(node.output.channels for node in without) == -difference and len(without) > 1:
                yield f"biases for every {kind}{where} without one would total exactly this: bias=true"
                return


def has_bias(node: Node) -> bool:
    return any(weight.name == "bias" for weight in node.weights)


def norms(graph: Graph, difference: int) -> Iterator[str]:
    """The parameters of all norms of a kind, if only one side counts them."""
    for role in (Role.BATCH_NORM, Role.NORM):
        alike = [node for node in graph if node.layer.role is role]
        if len(alike) > 1 and summed(map(MEASURES["params"].of, alike)) == difference:
            yield f"the parameters of the {len(alike)} norms total exactly this"


def classes(graph: Graph, what: str, wanted: int, computed: int) -> Iterator[str]:
    """A different number of outputs: 1,001 classes instead of 1,000."""
    difference, of = computed - wanted, MEASURES[what].of
    for node in ends(graph):
        outputs, whole = int(node.output.channels), int(of(node))
        each, rest = divmod(whole, outputs)
        if rest or each < 8 or difference % each:
            continue  # with few parameters per output, almost any difference would match
        other = outputs - difference // each
        if other > 0 and other != outputs:
            yield f"with {other:,} outputs of {node.name} instead of {outputs:,} the totals would agree"


def ends(graph: Graph) -> Collection[Node]:
    """The last layer with weights before each output."""
    found = {}
    for name in graph.outputs:
        node = graph.by_name.get(name)
        while node is not None and node.layer.role is not Role.CONTRACTION:
            node = graph.by_name.get(node.first)
        if node is not None:
            found[node.name] = node
    return found.values()
