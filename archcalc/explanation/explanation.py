"""An explanation: every number of a layer, derived step by step; for a block, the sums over its layers."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from archcalc.core.diagnostic import did_you_mean
from archcalc.core.location import Location
from archcalc.core.render import printable
from archcalc.explanation import derivations  # noqa: F401  every file in it registers itself
from archcalc.explanation.derivation import DERIVATIONS, Section, Step, Subject, Table
from archcalc.graph.calls import call_of, call_of_block
from archcalc.graph.given import Network, loaded_in_numbers
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Layer
from archcalc.measure import MEASURES
from archcalc.record import record
from archcalc.report.report import Line, folded, report_of
from archcalc.spec.zoo import folder


class UnknownLayer(LookupError):
    """Raised if the network has no layer or block of this name."""


@record(kw_only=True)
class Explanation:
    """A layer's description, its inputs and output, and its numbers in sections."""

    name: str
    call: str
    inputs: tuple[tuple[str, str], ...]
    output: str
    about: str = ""
    sources: str = ""
    where: str = ""
    sections: tuple[Section, ...] = ()

    def __repr__(self) -> str:
        """One line; `sections` have the numbers."""
        return f"<Explanation of {printable(self.name)}: {', '.join(each.title for each in self.sections)}>"


def explain(network: Network, name: str) -> Explanation:
    """The explanation of a layer or block of a network, by its path. Raises UnknownLayer, and ValueError for a
    network with free symbols."""
    graph = loaded_in_numbers(network)
    if name in graph.by_name:
        return of_layer(graph, graph.by_name[name])
    within = tuple(node for node in graph if node.name.startswith(f"{name}."))
    if within:
        return of_block(graph, name, within)
    raise unknown(graph, name)


def unknown(graph: Graph, name: str) -> UnknownLayer:
    known = [*graph.by_name, *graph.scopes]
    help = did_you_mean(name, known) or "`archcalc report` lists them"
    if any(given.name == name for given in graph.inputs):
        help = "that is an input, and inputs have no derivation"
    return UnknownLayer(f"{graph.name} has no layer '{name}'; {help}")


# --- layers ----------------------------------------------------------------------------------------------------------


def of_layer(graph: Graph, node: Node) -> Explanation:
    about, sources = documented(type(node.layer))
    return Explanation(
        name=node.name,
        call=call_of(node),
        inputs=tuple((source, str(x)) for source, x in zip(node.sources, node.inputs, strict=True)),
        output=str(node.output),
        about=about,
        sources=sources,
        where=place(node.where),
        sections=(as_measured(node),) if node.layer.measured else tuple(sections(Subject(graph, node))),
    )


def as_measured(node: Node) -> Section:
    """The numbers of a layer that was measured at one size: they have no derivation."""
    counts = ((MEASURES[name].title, MEASURES[name].of(node)) for name in SUMMED)
    note = "measured at this size; it has no derivation"
    return Section("As measured", tuple(Step(name=title, result=count, note=note) for title, count in counts))


def sections(subject: Subject) -> Iterator[Section]:
    for each in sorted(DERIVATIONS, key=lambda each: each.place):
        if parts := tuple(each.derive(subject)):
            yield Section(each.title, parts)


def documented(layer: type[Layer]) -> tuple[str, str]:
    """The first sentence of a layer's documentation, and its sources."""
    paragraphs = [" ".join(each.split()) for each in (inspect.getdoc(layer) or "").split("\n\n")]
    about = re.split(r"(?<=\.) (?=[A-Z])", paragraphs[0])[0]
    cited = (re.split(r"\bSources?: ", each, maxsplit=1)[1:] for each in paragraphs)
    return about, next((each.removesuffix(".") for found in cited for each in found), "")


def place(where: Location | None) -> str:
    """File, line and column; for a bundled spec, only the name of the file."""
    if where is None:
        return ""
    path = Path(where.source.name)
    return f"{path.name if path.parent == Path(folder()) else path}:{where.line + 1}:{where.column + 1}"


# --- blocks ----------------------------------------------------------------------------------------------------------

SUMMED = ("params", "macs")
"""The measures summed over the layers of a block, each with its share."""


def of_block(graph: Graph, name: str, nodes: tuple[Node, ...]) -> Explanation:
    scope, inside = graph.scopes.get(name), {node.name for node in nodes}
    entries = dict.fromkeys(source for node in nodes for source in node.sources if source not in inside)
    return Explanation(
        name=name,
        call=call_of_block(scope) if scope else f"{len(nodes)} layers",
        inputs=tuple((source, str(graph.volumes[source])) for source in entries),
        output=str(graph[name].output if scope else nodes[-1].output),
        about=f"A block of {len(nodes)} layer{'s' * (len(nodes) > 1)}. Its numbers are sums over its layers.",
        where=f"{place(nodes[0].where)} (its first layer)",
        sections=(Section("Sum over its layers", tuple(summed(graph, name))),),
    )


def summed(graph: Graph, name: str) -> Iterator[Step | Table]:
    """Each part of the block with its counts and shares; the sums as steps."""
    lines = [line for line in report_of(graph).lines if line.name.startswith(f"{name}.")]
    parts = folded(lines, name.count(".") + 2)
    totals = {measure: sum(count(part, measure) for part in parts) for measure in SUMMED}
    heads = (head for measure in SUMMED for head in (MEASURES[measure].title, "%"))
    rows = tuple(row(part, part.name[len(name) + 1 :], totals) for part in parts)
    yield Table(("layer", "type", "output", *heads), rows, spare=("type",))
    for measure, total in totals.items():
        counts = [n for part in parts if (n := count(part, measure))]
        numbers = " + ".join(f"{n:,}" for n in counts) if len(counts) > 1 else ""
        whole = MEASURES[measure].total(graph)
        share = f"{100 * total / whole:.1f} % of the network's {whole:,}" if whole else ""
        yield Step(name=MEASURES[measure].title, numbers=numbers, result=total, note=share)


def count(part: Line, measure: str) -> int:
    return part.values[measure] or 0


def row(part: Line, name: str, totals: Mapping[str, int]) -> tuple[str, ...]:
    cells = [name, part.kind, str(part.output)]
    for measure, total in totals.items():
        n = count(part, measure)
        cells += [f"{n:,}", f"{100 * n / total:.1f}" if total else ""]
    return tuple(cells)
