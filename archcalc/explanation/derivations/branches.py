"""Where the inputs of a merge come from: each with its volume and field, and where the branches split."""

from collections.abc import Iterator

from archcalc.core.field import union
from archcalc.explanation.derivation import Part, Subject, Table, derivation, remark
from archcalc.graph.graph import Graph
from archcalc.measures.receptive_field import Fields, Seen, carriers, spatial_inputs, widest
from archcalc.record import replace

MOST_FOLLOWED = 64
"""The branches whose layers are counted, each back to the input."""


@derivation("Inputs", 10)
def inputs(subject: Subject) -> Iterator[Part]:
    node, graph = subject.node, subject.graph
    if len(node.sources) < 2:
        return
    is_wide = len(node.sources) > MOST_FOLLOWED
    fork = "" if is_wide else forked(graph, node.sources)
    rows = tuple(
        (source, str(x), *in_cells(widest_of(subject, source)), "" if is_wide else since(graph, fork, source))
        for source, x in zip(node.sources, node.inputs, strict=True)
    )
    yield Table(("from", "volume", "field", "jump", "start", "layers since"), rows, spare=("layers since", "volume"))
    if fork:
        names = ", ".join(source for source in dict.fromkeys(node.sources) if source == fork)
        shortcut = f", which is itself one of them: a shortcut past the {names and 'others'}" if names else ""
        yield remark(f"they split at {fork}{shortcut}")
    elif is_wide:
        yield remark(f"where they split is looked up for up to {MOST_FOLLOWED} branches")
    else:
        yield remark("they have no layer or input in common")
    yield from rule(subject)
    yield from alignment(subject)


def rule(subject: Subject) -> Iterator[Part]:
    """The requirements of the layer on its inputs, in its own words, without the actual values."""
    node = subject.node
    asked = (message.partition(", got")[0] for _, message in node.layer.requires(*node.inputs))
    for words in dict.fromkeys(words for words in asked if words.startswith(node.layer.name)):
        yield remark(words)


def widest_of(subject: Subject, source: str) -> Fields:
    """The largest receptive field of a source, over the inputs that reach it."""
    found = [Seen(seed.name, fields[source]) for seed, fields in subject.fields if source in fields]
    return widest(found).fields if found else ()


def in_cells(fields: Fields) -> tuple[str, str, str]:
    """Size, jump and start, each once if all axes agree."""
    if not fields:
        return "", "", ""
    if all(field.whole for field in fields):
        return "all", "", ""
    columns = zip(*((f"{f.size:,}", str(f.jump), f"{f.start:,}") for f in fields), strict=True)
    size, jump, start = (" x ".join(each if len(set(each)) > 1 else each[:1]) for each in columns)
    return size, jump, start


def alignment(subject: Subject) -> Iterator[Part]:
    """Whether elements at the same position depend on the same position of each input that reaches several branches."""
    several = len(spatial_inputs(subject.graph)) > 1
    for seed, fields in subject.fields:
        branches = [fields[source] for source in carriers(subject.node) if source in fields]
        if len(branches) < 2 or any(field.whole for each in branches for field in each):
            continue
        joined = [union([replace(field, aligned=True) for field in axis], 1) for axis in zip(*branches, strict=True)]
        of_input = f" in {seed.name}" if several else ""
        if all(field.aligned for field in joined):
            yield remark(f"aligned: at each position, the fields{of_input} have the same centre and the same jump")
        else:
            what = "different centres or different jumps"
            yield remark(f"not aligned: at the same position, the fields{of_input} have {what}")


# --- the graph before ------------------------------------------------------------------------------------------------


def forked(graph: Graph, sources: tuple[str, ...]) -> str:
    """The last layer or input that all sources depend on; empty if there is none."""
    common = set.intersection(*(graph.ancestors(source) for source in sources))
    order = [*(each.name for each in graph.inputs), *(node.name for node in graph)]
    return next((name for name in reversed(order) if name in common), "")


def since(graph: Graph, fork: str, source: str) -> str:
    """How many layers there are from a fork to the end of a branch."""
    before = graph.ancestors(fork) if fork else set()
    return str(sum(1 for name in graph.ancestors(source) - before if name in graph.by_name))
