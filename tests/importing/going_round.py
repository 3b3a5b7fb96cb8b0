"""There and back: a network's generated module, imported, beside the network.

`python -m tests.importing.going_round` prints what differs in every network of the zoo, and what differs most often.
"""

import re
import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

import torch

from archcalc.codegen import generate
from archcalc.comparison.differing import Change, Differ
from archcalc.comparison.pairing import pairs_of
from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph, Node
from archcalc.graph.loading import load_text
from archcalc.importing.imported import imported
from archcalc.layer import Call
from archcalc.layers.arrange import Arranged
from archcalc.record import record, replace
from archcalc.verification.trace import Running
from tests.networks.zoo import network, references


@record
class Round:
    """What came back of a network. `differences`: for each layer that is not the same one, its type and how it differs;
    the first is the first in the order of the network."""

    layers: int
    differences: tuple[tuple[str, str], ...]

    @property
    def is_whole(self) -> bool:
        return not self.differences


def came_back(graph: Graph) -> Graph:
    """The graph that is imported from the module generated for a graph."""
    module = Running(generate(graph), graph, "meta").module
    example = {
        each.name: torch.zeros(1, *each.volume.item_shape, dtype=getattr(torch, each.volume.dtype), device="meta")
        for each in graph.inputs
    }
    found = imported(module, example, {}, blocks=False)
    return load_text(found.flat)


def gone_round(graph: Graph) -> Round:
    back = came_back(graph)
    return Round(len(graph.nodes), tuple(differences(graph, back)))


def differences(before: Graph, after: Graph) -> Iterator[tuple[str, str]]:
    """Layers that are not there again, in the order of the first graph; then those that are new."""
    pairs = in_order(before, after) or by_sources(before, after) or pairs_of(before, after)
    there = {a.name: b.name for a, b in pairs}
    differ = Differ(before, after, there)
    for one, other in zip(before.inputs, after.inputs, strict=True):
        if seen(one.volume) != seen(other.volume):
            yield "input", f"{one.volume} -> {other.volume}"
    for node in before:
        if node.name not in there:
            yield node.layer.name, "gone"
            continue
        again = after.by_name[there[node.name]]
        changes = [each for each in differ.changes(node, again) if counts(node, again, each)]
        read = [tuple(map(seen, each.inputs)) if reads_inputs(before, node) else each.inputs for each in (node, again)]
        if changes or read[0] != read[1] or node.output != again.output:
            what = "; ".join(f"{each.what}: {each.before} -> {each.after}" for each in changes if each.what != "inputs")
            yield node.layer.name, what or ("inputs" if changes else "volumes")
    back = set(there.values())
    yield from (("", f"new {node.layer.name}") for node in after if node.name not in back)
    if tuple(map(differ.named, before.outputs)) != after.outputs:
        yield "", "outputs"


def seen(volume: Volume) -> tuple[object, ...]:
    """What code says of an input: which of its axes has the features is known to the layers that read it alone."""
    return volume.item_shape, volume.dtype


def reads_inputs(graph: Graph, node: Node) -> bool:
    return any(each.name in node.sources for each in graph.inputs)


def counts(node: Node, again: Node, change: Change) -> bool:
    """Whether a change is one of what the network does. Of a layer without weights, it does not matter whether it is
    another one that runs again; some layers have two names, for which the same line is generated; the words of a
    pattern of axes are names, too; and with what weights begin is no call of the network."""
    if change.what == "weights of":
        return bool(node.application.weights)
    if change.what == "init" or (node.layer.name == again.layer.name and same_windows(node, again, change.what)):
        return False
    values = [each_axis(getattr(one.layer, change.what, None)) for one in (node, again)]
    if values[0] is not None and values[0] == values[1]:
        return False
    if values[1] is None and follows(node, change.what):
        return False
    same = line_of(node) == line_of(again) and not node.layer.reads
    same = same or moves_alike(node, again)
    return not (same and change.what in ("type", *node.layer.known))


def follows(node: Node, argument: str) -> bool:
    """Whether an argument is what it is without being stated."""
    if argument not in node.layer.known or argument in (*node.layer.required, *node.layer.reads):
        return False
    other = type(node.layer)(**node.layer.stated(argument))
    facts = [(each.shape(*node.inputs), list(each.weights(*node.inputs))) for each in (node.layer, other)]
    return facts[0] == facts[1]


def same_windows(node: Node, again: Node, what: str) -> bool:
    """Whether windows are the same, with a stride that is stated or is the size of the window."""
    return what in ("stride", "kernel_size") and node.application.windows == again.application.windows


def each_axis(value: object) -> object:
    """`[2, 2]` is 2."""
    return value[0] if isinstance(value, tuple) and len(value) > 1 and len(set(value)) == 1 else value


def line_of(node: Node) -> Call:
    """The module and the line that are generated for a layer; `[0:n]` is `[:n]`."""
    call = node.application.call
    return replace(call, forward=re.sub(r"\b0:", ":", call.forward))


def movement(node: Node) -> Hashable:
    """How a layer that has a pattern of axes, or makes one axis of all, moves elements, whatever its words are; None
    for other layers."""
    if node.layer.name == "flatten":
        longer = tuple(n for n in node.inputs[0].item_shape if n != 1)
        order = tuple(range(len(longer)))
        return (tuple((i,) for i in order), (order,), longer, node.output)
    if not isinstance(node.layer, Arranged):
        return None
    plan = node.layer.arrangement(node.inputs[0])
    sizes = plan.sizes(node.inputs[0].shape)
    kept = [word for word in plan.taken if sizes[word] != 1]
    number = {word: i for i, word in enumerate(kept)}
    sides = ([tuple(number[w] for w in g if w in number) for g in groups] for groups in (plan.left, plan.right))
    return (*(tuple(filter(None, each)) for each in sides), tuple(sizes[word] for word in kept), node.output)


def moves_alike(node: Node, again: Node) -> bool:
    return movement(node) is not None and movement(node) == movement(again)


def in_order(before: Graph, after: Graph) -> list[tuple[Node, Node]]:
    """The layers side by side, if there are as many in the same order: of the same type, or for which the same line is
    generated."""
    if len(before.nodes) != len(after.nodes):
        return []
    sides = zip(before, after, strict=True)
    if not all(a.layer.name == b.layer.name or line_of(a) == line_of(b) or moves_alike(a, b) for a, b in sides):
        return []
    return list(zip(before, after, strict=True))


def by_sources(before: Graph, after: Graph) -> list[tuple[Node, Node]]:
    """Layers that do the same to the same: what needs no other can stand in any order."""
    there = {a.name: b.name for a, b in zip(before.inputs, after.inputs, strict=True)}
    found: dict[str, Node] = {}
    rest = list(after)
    for node in before:
        sources = tuple(there[name] for name in node.sources)
        for other in rest:
            same = other.sources == sources and (line_of(other) == line_of(node) or moves_alike(node, other))
            if same and other.output == node.output:
                there[node.name], found[node.name] = other.name, other
                rest.remove(other)
                break
        else:
            return []
    return [] if rest else [(node, found[node.name]) for node in before]


def measured(names: Sequence[str]) -> None:
    causes: Counter[tuple[str, str]] = Counter()
    same = 0
    for name in names:
        try:
            found = gone_round(network(name))
        except Exception as error:
            print(f"{name}: {type(error).__name__} {str(error)[:200]}", flush=True)
            causes["", type(error).__name__] += 1
            continue
        same += found.is_whole
        causes.update(set(found.differences))
        kinds = " | ".join(map(" ".join, dict.fromkeys(found.differences)))
        print(f"{name}: {len(found.differences)} of {found.layers}: {kinds or 'same'}", flush=True)
    print(f"{same} of {len(names)} networks are the same")
    for (kind, how), count in causes.most_common(120):
        print(f"{count:5} {kind} {how}")


if __name__ == "__main__":
    measured(sys.argv[1:] or list(references()))
