"""The tape of a network. What a node records is recorded once for all nodes like it, and placed for each of them."""

from collections.abc import Collection, Hashable, Sequence
from typing import Any, TypeAlias

from archcalc.core.dim import is_number
from archcalc.core.kernel import Run, tensor_of
from archcalc.graph.application import MANY
from archcalc.graph.graph import Graph, Node
from archcalc.memory.autocast import unpredicted
from archcalc.memory.tape import (
    NO_GRADIENTS,
    Gradients,
    Op,
    Opaque,
    Reduced,
    Tape,
    TensorInfo,
    WeightGradients,
    applied,
    ends,
    record_node,
)
from archcalc.record import record, replace

NODE = "\0"
"""The name of a node that is recorded to be placed, which none has that a spec names."""


def tape_of(graph: Graph, run: Run, *, inputs_learn: bool = False) -> Tape:
    """The tape of a network without free sizes; `inputs_learn`: the inputs require gradients too.

    Every tensor dies after its last use. Raises Opaque for a layer whose memory is not predicted.
    """
    used = graph.ancestors(*graph.outputs)
    used.update(each.name for each in graph.inputs)
    check_predicted(graph, run, used)
    made = Tape(run)
    parts: tuple[Parts, Parts] = parts_of(run), {}
    values = made.values
    for each in graph.inputs:
        learns = inputs_learn and each.volume.is_floating
        values[each.name] = made.tensor(each.name, tensor_of(each.volume), learns=learns)
    made.given = tuple(made.tensors[i].storage for i in values.values())
    outputs: dict[str, int] = {}  # those of operations with several, which the first node of each has recorded
    for node in graph:
        if node.name in outputs:
            values[node.name] = outputs[node.name]
            made.ops.append(Op(node=node.name, reads=(outputs[node.name],), made=(), learns=False))
            continue
        sources = [values[source] for source in node.sources]
        group = graph.together.get(node.name, (node,))
        is_used = any(each.name in used for each in group)
        part = part_of(made, node, sources, parts) if is_used else None
        values[node.name] = (
            part.placed(made, node.name, sources)
            if part
            else record_node(made, node, applied(graph, node), sources, is_used)
        )
        if len(group) > 1:
            outputs |= {each.name: tensor for each, tensor in zip(group, made.ops[-1].made, strict=True)}
    made.outputs = tuple(values[name] for name in graph.outputs)
    made.ends = ends(made)
    return made


def check_predicted(graph: Graph, run: Run, used: Collection[str]) -> None:
    """Raises Opaque if the memory of a network is not predicted; `used`: the values that an output depends on."""
    if run.device == "cpu" and run.machine.unread:
        raise Opaque(f"on {run.machine.name}, {run.machine.unread}")
    whole = unpredicted(run)
    reasons = {id(node.application): node.layer.unpredicted(run, *node.inputs) or whole for node, _ in graph.alike}
    for node in graph:
        if why := reasons[id(node.application)]:
            raise Opaque(f"{node.name}: {why}")
        twice = node.ties or (node.reruns and any(True for _ in node.layer.weights(*node.inputs)))
        if run.training and run.autocast and twice:
            raise Opaque(
                f"{node.name}: under autocast, a shared weight is cast once or more, and how often was not modelled"
            )
        if run.training and node.name not in used and not all(source in used for source in node.sources):
            raise Opaque(f"{node.name}: no output depends on it, and when autograd frees its tensors was not modelled")


# --- parts -----------------------------------------------------------------------------------------------------------


@record
class Part:
    """What a node adds to a tape, with numbers that begin with those of the tensors that it reads, and of their
    storages. `storages`: their names and bytes; `ends`: tensors, each with an operation that it outlives; `output`: the
    number of what the node puts out."""

    tensors: tuple[TensorInfo, ...]
    storages: tuple[tuple[str, int], ...]
    ops: tuple[Op, ...]
    ends: tuple[tuple[int, int], ...]
    output: int

    @classmethod
    def of(cls, run: Run, node: Node, read: Sequence[TensorInfo], sources: Sequence[int]) -> "Part":
        """`read`: the tensors that it reads; `sources`: which of them, for each of its inputs. Raises Opaque."""
        tape = Tape(run)
        owners = [*dict.fromkeys(each.storage for each in read)]
        for each in read:
            tape.tensors.append(replace(each, storage=owners.index(each.storage)))
        for _ in owners:
            tape.storage("", 0)
        alone = replace(node, name=NODE, module=NODE)
        weights = {w.name: (f"{NODE}.{w.name}", w) for w in alone.weights if not w.buffer}
        output = record_node(tape, alone, weights, sources, True)
        names = zip(tape.names, tape.bytes_of, strict=True)
        return cls(
            tuple(tape.tensors[len(read) :]), tuple(names)[len(owners) :], tuple(tape.ops), tuple(tape.ends.items()),
            output,
        )  # fmt: skip

    def placed(self, tape: Tape, name: str, sources: Sequence[int]) -> int:
        """The same for the node of that name, which reads `sources`: the number of what it puts out."""
        read = [*dict.fromkeys(sources)]
        owners = [*dict.fromkeys([tape.tensors[each].storage for each in read])]
        tensors = [*read, *range(len(tape.tensors), len(tape.tensors) + len(self.tensors))]
        storages = [*owners, *range(len(tape.bytes_of), len(tape.bytes_of) + len(self.storages))]
        for called, nbytes in self.storages:
            tape.storage(called.replace(NODE, name), nbytes)
        for each in self.tensors:
            tape.tensors.append(TensorInfo(each.size, storages[each.storage], each.learns, each.order, each.steps))
        first = len(tape.ops)
        tape.ops += [placed(op, name, tensors, storages) for op in self.ops]
        for tensor, place in self.ends:
            at = tensors[tensor]
            tape.ends[at] = max(tape.ends.get(at, 0), first + place)
        output: int = tensors[self.output]
        return output


def placed(op: Op, name: str, tensors: Sequence[int], storages: Sequence[int]) -> Op:
    """An operation of the node of that name: `tensors` and `storages` are the numbers there, by those here. Most of
    what it may have is empty."""
    return Op(
        name,
        tuple([tensors[i] for i in op.reads]),
        tuple([tensors[i] for i in op.made]),
        op.learns,
        op.saves and tuple([storages[i] for i in op.saves]),
        op.wrapped and tuple([storages[i] for i in op.wrapped]),
        op.gradient,
        op.weights if op.weights is NO_GRADIENTS else of_node(op.weights, name),
        op.scratch,
        op.negated and tuple([tensors[i] for i in op.negated]),
        op.reduced and tuple([of_place(each, name, tensors) for each in op.reduced]),
        op.contracts,
        op.lying,
        op.part,
        op.dropped,
    )


def of_place(each: Reduced, name: str, tensors: Sequence[int]) -> Reduced:
    return replace(each, of=keyed(each.of, name) if isinstance(each.of, str) else tensors[each.of])


def of_node(made: WeightGradients, name: str) -> WeightGradients:
    def named(gradients: Gradients) -> Gradients:
        return gradients and tuple([(keyed(key, name), nbytes) for key, nbytes in gradients])

    permuted = made.permuted and tuple([keyed(key, name) for key in made.permuted])
    new, viewed, summed, whole = map(named, (made.new, made.viewed, made.summed, made.whole))
    return WeightGradients(new, viewed, summed, whole, made.views, made.first, permuted)


def keyed(key: str, name: str) -> str:
    """The key of a weight of the node of that name."""
    return name + key.removeprefix(NODE)


Parts: TypeAlias = dict[Any, Part | None]

PARTS: dict[Run, Parts] = {}
"""What nodes of networks so far have recorded, by all that it depends on; None where that is not predicted."""


def parts_of(run: Run) -> Parts:
    """Those of a run. All are forgotten once they are many."""
    if sum(map(len, PARTS.values())) > MANY:
        PARTS.clear()
    return PARTS.setdefault(run, {})


def part_of(tape: Tape, node: Node, sources: Sequence[int], parts: tuple[Parts, Parts]) -> Part | None:
    """What a node records, with any name; None where that depends on more than its layer and what it reads: on weights
    of others, on casts of weights that autocast has made, or on gradients that do not come. Of two kinds of parts: of
    numbers, which other tapes have too, and of free sizes."""
    if tape.run.autocast or node.reruns or node.ties or node.detached:
        return None
    read = [*dict.fromkeys(sources)]
    infos = [tape.tensors[i] for i in read]
    numbers = () if len(read) < 2 else (*map(read.index, sources), *owners_of(infos))
    sizes = [(size_of(each), each.learns, each.order, *steps_of(each)) for each in infos]
    key = (node.application, node.frozen, *sizes, numbers)
    known = parts[not is_number(*[each.size.numel for each in infos])]
    if key not in known:
        known[key] = new_part(tape.run, node, infos, [read.index(i) for i in sources], (*sizes, numbers))
    return known[key]


def new_part(
    run: Run, node: Node, read: Sequence[TensorInfo], sources: Sequence[int], given: tuple[Hashable, ...]
) -> Part | None:
    """The same for what is read, and for `given`, which it follows from. Around other sizes a guide is asked the same
    again: of an application of its own, so that no answer is known already."""
    if node.application.following is None:
        return try_part(run, node, read, sources)
    guide, before = node.application.following
    key = (before, run, node.frozen, *given)
    own = replace(node, application=replace(node.application))
    return guide.again(key, lambda: try_part(run, own, read, sources))


def try_part(run: Run, node: Node, read: Sequence[TensorInfo], sources: Sequence[int]) -> Part | None:
    try:
        return Part.of(run, node, read, sources)
    except Opaque:
        return None  # recorded under its own name, it says why


def size_of(info: TensorInfo) -> Hashable:
    """The size of a tensor; where something decides about it, which has no hash, what is decided about."""
    numel: Any = info.size.numel
    return info.size if is_number(numel) else (numel.undecided, info.size.dtype, info.size.wrapped)


def steps_of(info: TensorInfo) -> Sequence[Hashable]:
    """The steps of a tensor, likewise."""
    steps: Any = [each for pair in info.steps for each in pair]
    return [each if is_number(each) else each.undecided for each in steps]


def owners_of(infos: Sequence[TensorInfo]) -> Sequence[int]:
    """For each tensor the first that has its storage."""
    storages = [each.storage for each in infos]
    return [storages.index(each) for each in storages]
