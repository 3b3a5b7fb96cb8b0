"""There and back: a network's generated module, imported, beside the network.

Layers that only move elements are run on the numbers of their places, and a row of them is what it does to these: so
`reshape` may come back as `rearrange`, and two moves as one or, where they undo one another, as none.

`python -m tests.importing.going_round` prints what differs in every network of the zoo, and what differs most often.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from math import prod

import torch

from archcalc.codegen import generate
from archcalc.comparison.differing import Change, Differ
from archcalc.comparison.pairing import pairs_of
from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph, Node
from archcalc.graph.loading import load_text
from archcalc.importing.imported import imported
from archcalc.importing.retracing import Alone
from archcalc.layer import Call, Reference
from archcalc.layers.arrange import Arranged
from archcalc.layers.channels_order import ChannelsOrder
from archcalc.layers.flatten import Flatten
from archcalc.layers.rearrange import ChannelShuffle, PixelShuffle, PixelUnshuffle
from archcalc.layers.reshape import Reshape
from archcalc.layers.sequence import Tokens
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
    ours, theirs = Side(before), Side(after)
    pairs = in_order(ours, theirs) or by_sources(ours, theirs) or ours.without_moves(pairs_of(before, after))
    there = {a.name: b.name for a, b in pairs}
    differ = Differ(before, after, there)

    def named(reads: Sequence[Read]) -> tuple[Read, ...]:
        return tuple(replace(each, origin=differ.named(each.origin)) for each in reads)

    for one, other in zip(before.inputs, after.inputs, strict=True):
        if seen(one.volume) != seen(other.volume):
            yield "input", f"{one.volume} -> {other.volume}"
    for node in ours.nodes:
        if node.name not in there:
            yield node.layer.name, "gone"
            continue
        again = after.by_name[there[node.name]]
        changes = [each for each in differ.changes(node, again) if counts(node, again, each)]
        same = named(ours.read_by(node)) == theirs.read_by(again)
        read = [tuple(map(seen, each.inputs)) if reads_inputs(before, node) else each.inputs for each in (node, again)]
        if changes or not same or read[0] != read[1] or node.output != again.output:
            what = "; ".join(f"{each.what}: {each.before} -> {each.after}" for each in changes)
            yield node.layer.name, what or ("volumes" if same else "inputs")
    back = set(there.values())
    yield from (("", f"new {node.layer.name}") for node in theirs.nodes if node.name not in back)
    if named(ours.outputs) != theirs.outputs:
        yield "", "outputs"


MOVES = (Arranged, ChannelShuffle, ChannelsOrder, Flatten, PixelShuffle, PixelUnshuffle, Reshape, Tokens)
"""Layers that move elements, and do nothing else: a row of them is one move, whatever its layers are called."""


@record
class Read:
    """What a layer reads: a value that is no move of another one, and the places of its elements after all moves, in
    memory's order; `shape` is what they are seen as. `places` is empty where nothing moved."""

    origin: str
    places: bytes
    shape: tuple[object, ...]


class Side:
    """A graph in which moves are no layers, but a part of what the others read."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.moved: dict[str, tuple[str, torch.Tensor]] = {}
        for node in graph:
            if isinstance(node.layer, MOVES):
                origin, places = self.moved.get(node.first) or (node.first, in_memory(node))
                with torch.no_grad():
                    self.moved[node.name] = origin, Alone(node.application.call, 1)(places)
        self.nodes = [node for node in graph if node.name not in self.moved]

    def read_by(self, node: Node) -> tuple[Read, ...]:
        return tuple(self.read(name, x) for name, x in zip(node.sources, node.inputs, strict=True))

    def read(self, name: str, x: Volume) -> Read:
        origin, places = self.moved.get(name, (name, None))
        elements = None if places is None else places.reshape(-1)
        if elements is None or torch.equal(elements, torch.arange(len(elements))):
            return Read(origin, b"", x.item_shape)
        return Read(origin, sha256(elements.numpy().tobytes()).digest(), x.item_shape)

    @property
    def outputs(self) -> tuple[Read, ...]:
        volumes = {each.name: each.volume for each in self.graph.inputs} | {
            node.name: node.output for node in self.graph
        }
        return tuple(self.read(name, volumes[name]) for name in self.graph.outputs)

    def without_moves(self, pairs: Sequence[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
        return [pair for pair in pairs if not any(isinstance(each.layer, MOVES) for each in pair)]


def in_memory(node: Node) -> torch.Tensor:
    """The input of a layer, one sample, with the places of its elements."""
    shape = [int(n) for n in node.inputs[0].item_shape]
    return torch.arange(prod(shape)).reshape(1, *shape)


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
    if change.what == "inputs" or all(isinstance(value, Reference) for value in values_of(change.what, node, again)):
        return False  # what they read is compared apart
    if change.what == "init" or (node.layer.name == again.layer.name and same_windows(node, again, change.what)):
        return False
    values = [each_axis(value) for value in values_of(change.what, node, again)]
    if values[0] is not None and values[0] == values[1]:
        return False
    if values[1] is None and follows(node, change.what):
        return False
    same = line_of(node) == line_of(again) and not node.layer.reads
    return not (same and change.what in ("type", *node.layer.known))


def values_of(argument: str, *nodes: Node) -> list[object]:
    return [getattr(each.layer, argument, None) for each in nodes]


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
    """The module and the line that are generated for a layer; `[0:n]` is `[:n]`, and with what weights begin is left
    out."""
    call = node.application.call
    arguments = {name: value for name, value in call.arguments.items() if name != "init"}
    return replace(call, forward=re.sub(r"\b0:", ":", call.forward), arguments=arguments)


def in_order(ours: Side, theirs: Side) -> list[tuple[Node, Node]]:
    """The layers side by side, if there are as many in the same order: of the same type, or for which the same line is
    generated."""
    if len(ours.nodes) != len(theirs.nodes):
        return []
    pairs = list(zip(ours.nodes, theirs.nodes, strict=True))
    alike = all(a.layer.name == b.layer.name or line_of(a) == line_of(b) for a, b in pairs)
    return pairs if alike else []


def by_sources(ours: Side, theirs: Side) -> list[tuple[Node, Node]]:
    """Layers that do the same to the same: what needs no other can stand in any order."""
    there = {a.name: b.name for a, b in zip(ours.graph.inputs, theirs.graph.inputs, strict=True)}
    found: list[tuple[Node, Node]] = []
    rest = list(theirs.nodes)
    for node in ours.nodes:
        reads = tuple(replace(each, origin=there[each.origin]) for each in ours.read_by(node))
        for other in rest:
            if theirs.read_by(other) == reads and line_of(other) == line_of(node) and other.output == node.output:
                there[node.name] = other.name
                found.append((node, other))
                rest.remove(other)
                break
        else:
            return []
    return [] if rest else found


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
