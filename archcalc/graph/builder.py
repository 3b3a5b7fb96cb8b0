"""A document becomes a graph: declarations read, chains expanded, names resolved, layers placed.

The parts, in the order in which data passes them: declarations (what stands before the first layer), expanding (chains
and blocks, step by step), resolving (what a name stands for), placing (a call becomes a layer), inference (its volume).
After a problem the output of its layer is unknown, and nothing that follows from it is reported; everything else is.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import Dim
from archcalc.graph.application import make_room
from archcalc.graph.blocks import Expansion
from archcalc.graph.bounds import Bounds, GivenUp
from archcalc.graph.declarations import Declarations, free_names, free_symbol
from archcalc.graph.expanding import Expander
from archcalc.graph.frame import Frame, Named, Several
from archcalc.graph.graph import Condition, Graph, Input, Node
from archcalc.graph.inference import UNKNOWN, Network
from archcalc.graph.placing import Placing
from archcalc.graph.problems import ProblemsFound
from archcalc.graph.remembered import REMEMBERED
from archcalc.graph.resolving import Resolver
from archcalc.graph.wholeness import assert_whole
from archcalc.record import replace
from archcalc.spec.chain import explicit_names
from archcalc.spec.declaration import Document
from archcalc.spec.expression import Names
from archcalc.sym.expr import Claim, claim, expression


def build(
    document: Document,
    *,
    batch: Dim = 1,
    dtype: str = "float32",
    sizes: Mapping[str, tuple[Dim, ...]] | None = None,
    free: Collection[str] | None = None,
) -> Graph:
    """The graph of a document.

    `batch`: samples per batch; `dtype`: of parameters and inputs; `sizes`: shapes of inputs that replace those of the
    spec. `free`: the parameters (`w`, `depths[0]`) to make free symbols, in addition to those of the document; None
    requires numbers.

    Raises SpecError with all problems of the document.
    """
    problems = ProblemsFound()
    declared = Declarations(document, batch, dtype, sizes or {}, free or (), problems.report)
    names = declared.parameters_of(document.library)
    inputs = tuple(declared.input(each, names) for each in document.inputs)
    declared.check_blocks()
    network = Network(dtype)
    make_room()
    REMEMBERED.make_room()
    outputs = expanded(document, inputs, declared, network, problems)
    for name, where in free_names(document).items() if free is None else ():
        problems.report(free_symbol(name, where))
    if problems.diagnostics:
        raise SpecError(problems.diagnostics)
    return assert_whole(graph_of(document, names, inputs, outputs, declared, network))


def graph_of(
    document: Document,
    names: Names,
    inputs: tuple[Input, ...],
    outputs: tuple[str, ...],
    declared: Declarations,
    network: Network,
) -> Graph:
    """The finished graph."""
    return Graph(
        name=document.name,
        inputs=inputs,
        nodes=tuple(marked(network.nodes, outputs)),
        outputs=outputs,
        scopes=network.scopes,
        spec=document.source.name,
        source=document.citation,
        about=document.about,
        variant=document.variant or "",
        variants=document.variants,
        params=names,
        symbols=declared.symbols,
        conditions=(*network.conditions, *lengths_of(inputs)),
        repeats=tuple(network.repeats),
        document=document,
    )


def lengths_of(inputs: Iterable[Input]) -> Iterator[Condition]:
    """That every dimension of an input is at least 1, where that depends on symbols."""
    for each in inputs:
        for n in dict.fromkeys(each.volume.item_shape):
            if isinstance(positive := claim(expression(n) - 1, ">="), Claim):
                yield Condition(positive, f"a dimension must be at least 1, got {n}", each.name)


def marked(nodes: Mapping[str, Node], outputs: Iterable[str]) -> Iterator[Node]:
    """The nodes in order; those to which no gradient of an output comes back say so."""
    reached = set(outputs)
    for node in reversed(list(nodes.values())):
        if node.name in reached:
            sources, followed = node.sources, node.application.followed
            reached.update(sources if len(followed) == len(sources) else [sources[i] for i in followed])
    return (node if node.name in reached else replace(node, detached=True) for node in nodes.values())


def expanded(
    document: Document, inputs: tuple[Input, ...], declared: Declarations, network: Network, problems: ProblemsFound
) -> tuple[str, ...]:
    """Fills the network with the layers of a document, and returns the paths of its outputs."""
    bounds = Bounds(document.max_layers)
    blocks: dict[str, Expansion] = {}
    frame = outermost_frame(document, inputs, declared, network, bounds, blocks)
    for each in inputs:
        network.volumes[each.name] = None if 0 in each.volume.item_shape else each.volume
    network.outermost = frame.taken | {each.name for each in inputs}
    resolver = Resolver(network)
    placing = Placing(network, declared, bounds)
    expander = Expander(network, declared, problems, bounds, placing, resolver, blocks)
    try:
        bounds.check_least(document)
        last = expander.body(document.layers, inputs[0].name if inputs else UNKNOWN, frame)
    except GivenUp as given_up:
        if not problems.diagnostics:  # after problems, the limit may be reached because of them
            problems.report(given_up.error)
        return ()
    return outputs_of(document, last, frame, resolver, problems)


def outermost_frame(
    document: Document,
    inputs: tuple[Input, ...],
    declared: Declarations,
    network: Network,
    bounds: Bounds,
    blocks: dict[str, Expansion],
) -> Frame:
    """Where the document's own chain stands: it knows the inputs, by their names and the first as `input`."""
    names = declared.parameters_of(document.library)
    frame = Frame("", "", names, document.library, network, bounds, blocks, explicit_names(document.layers))
    for each in inputs:
        frame.local[each.name] = Named(each.name)
    frame.local.setdefault("input", Named(inputs[0].name if inputs else UNKNOWN))
    return frame


def outputs_of(
    document: Document, last: str, frame: Frame, resolver: Resolver, problems: ProblemsFound
) -> tuple[str, ...]:
    if not document.outputs:
        return last.paths if isinstance(last, Several) else (last,)
    found: list[str] = []
    for word in document.outputs:
        try:
            found += resolver.values(word, last, frame)
        except SpecError as error:
            problems.report(error)
    return tuple(found)
