"""A readable spec, read back: it must give the same graph as the flat one."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from archcalc.core.diagnostic import SpecError
from archcalc.graph.graph import Graph, Node
from archcalc.graph.loading import load_text
from archcalc.importing.flat import Heading, heading_lines
from archcalc.importing.lowering.lower import Lowered
from archcalc.importing.readable.blocks import Blocks, Names
from archcalc.importing.readable.fusing import fused, repeated, usual_norm
from archcalc.importing.readable.growing import reassociated
from archcalc.importing.readable.paths import Body, Item, NotReadable
from archcalc.importing.readable.text import Writer, defaults_of, items_of
from archcalc.importing.readable.tree import MOST_LENT, tree_of, users_of


def readable_spec(lowered: Lowered, kinds: Mapping[str, str], heading: Heading, flat: Graph) -> str:
    """The text with blocks. Raises NotReadable if there is none that gives the graph of the flat spec.

    Blocks may read further layers beside what comes in, if the text is shorter so.
    """
    lowered = reassociated(lowered)
    texts: list[str] = []
    reasons: list[NotReadable] = []
    for most_lent in (MOST_LENT, 0):
        try:
            text, lends = with_blocks(lowered, kinds, heading, most_lent)
            texts.append(text)
            if not lends:  # without further layers, it is the same
                break
        except NotReadable as reason:
            reasons.append(reason)
    for text in sorted(dict.fromkeys(texts), key=lambda each: each.count("\n")):
        try:
            return read_back(text, flat)
        except NotReadable as reason:
            reasons.append(reason)
    raise reasons[-1]


def read_back(text: str, flat: Graph) -> str:
    """A text that gives the graph of the flat spec. Raises NotReadable if it does not."""
    try:
        found = load_text(text)
    except SpecError as error:
        raise NotReadable(f"it does not read back: {error.diagnostics[0].message}") from None
    if census(found) != census(flat):
        raise NotReadable("it does not give the same layers")
    return text


def with_blocks(lowered: Lowered, kinds: Mapping[str, str], heading: Heading, most_lent: int) -> tuple[str, bool]:
    """The text of a spec with blocks that read so many further layers at most, not yet read back; and whether some
    do."""
    users = users_of(lowered)
    root = tree_of(lowered, kinds, users, most_lent)
    blocks = Blocks(usual_norm(lowered.steps))
    blocks.define_all(root)
    names = Names({*blocks.taken, *blocks.found, *(each.name for each in lowered.inputs)})
    body = Body(root, blocks.call, names, lowered.inputs)
    path = body.whole(lowered.outputs, lowered.inputs[0])
    outputs = [body.name(each).call for each in lowered.outputs] if len(lowered.outputs) > 1 else []
    path = repeated(fused(path, blocks.norm))
    for item in items_of([path]):
        item.arguments |= {key: text for key, text in item.sized.items() if key in item.arguments}
    used = used_blocks([path], blocks)
    items = [*items_of([path, *(each.body for each in used)])]
    writer = Writer(blocks.found, defaults_of(items, blocks.norm))
    lines = list(heading_lines(heading, lowered))
    if writer.defaults:
        lines.append("defaults:")
        lines += [f"  {name}: {{{pairs(given)}}}" for name, given in writer.defaults.items()]
    if used:
        lines.append("blocks:")
        lines += [line for each in used for line in writer.block(each)]
    lines += ["layers:", *writer.body(path, "  ")]
    if outputs:
        lines.append(f"outputs: [{', '.join(outputs)}]")
    return "\n".join(lines) + "\n", any(each.lent for each in root.regions)


def pairs(given: Mapping[str, Any]) -> str:
    from_text = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in given.items()}
    if any("," in text for text in from_text.values()):
        raise NotReadable("a default has a comma")
    return ", ".join(f"{key}: {text}" for key, text in from_text.items())


def used_blocks(paths: list[list[Item]], blocks: Blocks) -> list[Any]:
    """The blocks that the paths call, and those that these call, inner ones first."""
    names: dict[str, None] = {}

    def visit(items: list[Item]) -> None:
        for item in items_of([items]):
            if item.call in blocks.found and item.region is not None and item.call not in names:
                visit(blocks.found[item.call].body)
                names[item.call] = None

    for path in paths:
        visit(path)
    return [blocks.found[name] for name in names]


# --- the same graph -----------------------------------------------------------------------------------------------


def census(graph: Graph) -> tuple[Counter[int], tuple[int, ...]]:
    """Every node by what it computes from what, how often that is there, and the outputs.

    Two graphs with the same census are the same network, whatever its layers are called.
    """
    of: dict[str, int] = {}
    for each in graph.inputs:
        of[each.name] = hash(("input", each.volume, len(of)))
    joined: dict[str, tuple[int, ...]] = {}
    for node in graph.nodes:
        sources = tuple(of[source] for source in node.sources)
        if node.layer.name == "concat":  # of a concatenation and more: of all of it
            sources = joined[node.name] = tuple(n for s in node.sources for n in joined.get(s, (of[s],)))
        inputs = node.inputs if node.layer.name != "concat" else ()
        of[node.name] = hash((what(node), inputs, sources, owner(node, of)))
    outputs = (name if name in of else graph[name].name for name in graph.outputs)
    return Counter(of.values()), tuple(of[name] for name in outputs)


def owner(node: Node, of: Mapping[str, int]) -> tuple[Any, ...]:
    """The nodes whose weights it uses."""
    ties = tuple(sorted((name, of.get(key.rpartition(".")[0], 0)) for name, key in node.ties.items()))
    return (of.get(node.module, 0) if node.reruns else 0, ties)


def what(node: Node) -> tuple[Any, ...]:
    """A layer without names: padding by what it does, references by what they read."""
    layer = node.layer
    without = (*layer.reads, *layer.ties, *(("padding",) if "padding" in layer.known else ()))
    stated = tuple(sorted((key, repr(value)) for key, value in layer.stated(*without).items()))
    windows = tuple(layer.windows(*node.inputs)) if "padding" in layer.known else ()
    weights = tuple((each.name, each.shape) for each in layer.weights(*node.inputs))
    return (layer.name, stated, repr(windows), weights, node.frozen, node.outputs)
