"""The tape: a network's kernels in the order in which they run, each with the tensors that it reads, makes and keeps.

Tensors are numbers; several may be views of one storage, which is what takes memory and is counted once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from archcalc.core.kernel import Gradient, Kernel, Run, Tensor, tensor_of
from archcalc.core.weight import Weight
from archcalc.graph import Graph, Input, Node

NOTHING: Mapping[int, Sequence[int]] = MappingProxyType({})
"""Nothing runs again."""


class Opaque(Exception):
    """A layer whose memory is not predicted; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor: its own size, and the storage that it lies in. `learns`: gradients flow into it."""

    size: Tensor
    storage: int
    learns: bool


Gradients: TypeAlias = tuple[tuple[str, int], ...]
"""Weights, by their keys in `state_dict`, each with the bytes of its gradient."""


@dataclass(frozen=True, slots=True)
class Op:
    """A kernel at work: tensors by number, storages that it makes for itself, gradients of weights that it makes,
    those that are views of what comes in, and those that are summed after it."""

    node: str
    reads: tuple[int, ...]
    makes: int
    own: tuple[int, ...]
    keeps: tuple[int, ...]
    pins: tuple[int, ...]
    scratch: int
    gradient: Gradient
    dense: bool
    weights: Gradients
    viewed: Gradients
    summed: Gradients
    learns: bool


@dataclass
class Tape:
    """All of a network. `bytes_of`, `names`: of every storage; `given`: those of the inputs; `ends`: when tensors die;
    `values`: what every layer and input puts out.

    `keeps` of an Op are storages, deduplicated; storages of weights are none of these.
    """

    run: Run
    tensors: list[Held] = field(default_factory=list)
    bytes_of: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    given: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    ends: dict[int, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)

    def tensor(self, name: str, size: Tensor, learns: bool, storage: int | None = None) -> int:
        """A new tensor, in a storage of its own or as a view of another."""
        if storage is None:
            storage = self.storage(name, size.nbytes)
        self.tensors.append(Held(size, storage, learns))
        return len(self.tensors) - 1

    def storage(self, name: str, nbytes: int) -> int:
        self.names.append(name)
        self.bytes_of.append(nbytes)
        return len(self.bytes_of) - 1


def tape_of(graph: Graph, run: Run, *, inputs_learn: bool = False) -> Tape:
    """The tape of a network of numbers; `inputs_learn`: gradients are wanted of the inputs too.

    Every tensor dies after its last use. Raises Opaque for a layer whose memory is not predicted.
    """
    check_predicted(graph, run)
    made = Tape(run)
    values = made.values
    for each in graph.inputs:
        values[each.name] = made.tensor(each.name, tensor_of(each.volume), learns=inputs_learn and is_floating(each))
    made.given = tuple(made.tensors[i].storage for i in values.values())
    for node in graph:
        values[node.name] = record(made, node, owners(graph, node), [values[source] for source in node.sources])
    made.outputs = tuple(values[name] for name in graph.outputs)
    made.ends = ends(made)
    return made


def check_predicted(graph: Graph, run: Run) -> None:
    """Raises Opaque where the memory of a network is not predicted."""
    read = {*graph.outputs, *(source for node in graph for source in node.sources)}
    for node in graph:
        if why := node.layer.unpredicted(node.inputs[0]):
            raise Opaque(f"{node.name}: {why}")
        if run.training and (node.ties or (node.reruns and any(True for _ in node.layer.weights(*node.inputs)))):
            raise Opaque(
                f"{node.name}: its weights are used elsewhere too, and how their gradients meet is not predicted"
            )
        if run.training and node.name not in read:
            raise Opaque(f"{node.name}: nobody reads it, and when autograd lets go of it is not predicted")


def is_floating(given: Input) -> bool:
    return "float" in given.volume.dtype


def owners(graph: Graph, node: Node) -> Mapping[str, tuple[str, Weight]]:
    """The learned weights that a node applies, each with the key of the tensor that it is."""
    owner = graph.by_name[node.module] if node.reruns else node
    learned = (weight for weight in owner.weights if weight.trainable and not weight.buffer)
    return {weight.name: (weight.shared_with or f"{owner.name}.{weight.name}", weight) for weight in learned}


def record(tape: Tape, node: Node, weights: Mapping[str, tuple[str, Weight]], sources: Sequence[int]) -> int:
    """The kernels of a node; the number of what it puts out."""
    names = {"x": sources[0], **{f"x{i}": source for i, source in enumerate(sources)}}
    first = len(tape.ops)
    for kernel in node.layer.kernels(tape.run, node.output, *node.inputs):
        one_kernel(tape, node.name, kernel, names, weights)
    last = len(tape.ops) - 1
    for source in sources:  # the module's own frame names its input until it returns
        tape.ends[source] = max(tape.ends.get(source, first), last)
    return names["y"]


def one_kernel(
    tape: Tape, node: str, kernel: Kernel, names: dict[str, int], weights: Mapping[str, tuple[str, Weight]]
) -> None:
    """Records a kernel; what it makes is among `names` from then on."""
    reads = tuple(names[name] for name in kernel.reads)
    new, viewed, summed = (gradients(weights, each) for each in (kernel.weights, kernel.viewed, kernel.summed))
    learns = bool(new or viewed or summed) or any(tape.tensors[i].learns for i in reads)
    names[kernel.makes] = made = output_of(tape, node, kernel, reads, learns)
    kept = learns and tape.run.training
    made_for_itself = kernel.own if kept or not kernel.on_demand else {}
    own = {word: tape.storage(f"{node}: {word}", each.nbytes) for word, each in made_for_itself.items()}
    storages = {name: tape.tensors[i].storage for name, i in names.items()} | own
    place = len(tape.ops)
    tape.ops.append(
        Op(
            node=node,
            reads=reads,
            makes=made,
            own=tuple(own.values()),
            keeps=tuple(storages[name] for name in kept_by(tape, kernel, names)) if kept else (),
            pins=tuple(storages[name] for name in kernel.pins) if kept else (),
            scratch=kernel.scratch,
            gradient=kernel.gradient,
            dense=kernel.dense,
            weights=new,
            viewed=viewed,
            summed=summed,
            learns=learns,
        )
    )
    for name in kernel.holds:
        tape.ends[names[name]] = max(tape.ends.get(names[name], place), place)


def gradients(weights: Mapping[str, tuple[str, Weight]], names: Sequence[str]) -> Gradients:
    """Of those weights that are learned."""
    return tuple((key, Tensor(w.numel, w.dtype).nbytes) for key, w in (weights[n] for n in names if n in weights))


def output_of(tape: Tape, node: str, kernel: Kernel, reads: Sequence[int], learns: bool) -> int:
    """The tensor that a kernel makes: new, or a view of the first that it reads."""
    first = tape.tensors[reads[0]]
    name = node if kernel.makes == "y" else f"{node}: {kernel.makes}"
    return tape.tensor(name, kernel.size or first.size, learns, first.storage if kernel.view else None)


def kept_by(tape: Tape, kernel: Kernel, names: Mapping[str, int]) -> tuple[str, ...]:
    """What of a kernel backward needs, by name."""
    if not kernel.crosswise:
        return kernel.keeps
    pairs = zip(kernel.reads, reversed(kernel.reads), strict=True)
    return tuple(name for name, other in pairs if tape.tensors[names[other]].learns)


# --- how long tensors live -------------------------------------------------------------------------------------------


def ends(tape: Tape) -> dict[int, int]:
    """For every tensor the operation after which nothing names it; one beyond the last for inputs and outputs."""
    found = dict(tape.ends)
    for place, op in enumerate(tape.ops):
        for tensor in (*op.reads, op.makes):
            found[tensor] = max(found.get(tensor, place), place)
    return found | dict.fromkeys((*tape.outputs, *range(len(tape.given))), len(tape.ops))


def hold_inputs_of_blocks(graph: Graph, tape: Tape) -> None:
    """What goes into a block is named by whoever calls it until it returns."""
    places: dict[str, list[int]] = {}
    for place, op in enumerate(tape.ops):
        places.setdefault(op.node, []).append(place)
    for prefix in graph.scopes:
        inside = [node for node in graph if node.name.startswith(f"{prefix}.")]
        last = max(place for node in inside for place in places[node.name])
        names = {node.name for node in inside}
        for source in {source for node in inside for source in node.sources} - names:
            tensor = tape.values[source]
            tape.ends[tensor] = max(tape.ends[tensor], last)


def dying(tape: Tape) -> dict[int, list[int]]:
    """The tensors that die after each operation."""
    found: dict[int, list[int]] = {}
    for tensor, place in tape.ends.items():
        found.setdefault(place, []).append(tensor)
    return found


def saved(tape: Tape, again: Mapping[int, Sequence[int]] = NOTHING) -> Iterator[tuple[str, int]]:
    """Each layer with the bytes that it is the first to keep for backward; inputs and weights are none of these.

    `again`: of operations in a stretch that runs again, what they keep instead.
    """
    seen = set(tape.given)
    for place, op in enumerate(tape.ops):
        for storage in again.get(place, op.keeps):
            if storage not in seen:
                seen.add(storage)
                yield op.node, tape.bytes_of[storage]
