"""The tape: a network's kernels in execution order, each with the tensors that it reads, makes and saves.

Tensors are numbered; several may be views of one storage. Storages take memory and are counted once.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from typing import TypeAlias

from archcalc.core.kernel import Cast, Gradient, Kernel, Order, Run, Tensor, tensor_of
from archcalc.core.volume import ITEMSIZE, is_floating
from archcalc.core.weight import Weight
from archcalc.graph.graph import Graph, Node
from archcalc.memory.autocast import cast_to, unpredicted, volumes

GAPS = {Order.PART, Order.ROWS}


class Opaque(Exception):
    """Raised for a layer whose memory is not predicted; the message gives the layer and the reason."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor: its size and its storage. `learns`: it requires a gradient. `order`: the order of its elements in
    memory."""

    size: Tensor
    storage: int
    learns: bool
    order: Order = Order.AXES


Gradients: TypeAlias = tuple[tuple[str, int], ...]
"""Weights, by their keys in `state_dict`, each with the bytes of its gradient tensor."""

Applied: TypeAlias = Mapping[str, tuple[str, Weight]]
"""The parameters that a node applies, by their names in its module, each with the key of its tensor."""


@dataclass(frozen=True, slots=True)
class Op:
    """A kernel on the tape, with its tensors by number. `also`: further outputs; `own`: storages for its own use;
    `weights`: gradients of weights that it makes; `viewed`: those that are views of its incoming gradient; `summed`:
    those that are reduced after it; `after`: tensors whose gradients are reduced or cast after it; `contracts`: whether
    it multiplies by a weight, which autograd always saves; `turned`: weights whose gradients differ from them in memory
    order.
    """

    node: str
    reads: tuple[int, ...]
    makes: int
    learns: bool
    also: tuple[int, ...] = ()
    own: tuple[int, ...] = ()
    keeps: tuple[int, ...] = ()
    pins: tuple[int, ...] = ()
    scratch: int = 0
    gradient: Gradient = Gradient.NEW
    negated: tuple[int, ...] = ()
    dense: bool = True
    seen: bool = False
    weights: Gradients = ()
    viewed: Gradients = ()
    summed: Gradients = ()
    after: tuple[int, ...] = ()
    contracts: bool = False
    in_order: bool = False
    shown: bool = False
    turned: tuple[str, ...] = ()

    @property
    def made(self) -> tuple[int, ...]:
        """All tensors that it makes."""
        return (self.makes, *self.also)


@dataclass
class Tape:
    """The tape of a network. `bytes_of`, `names`: of every storage; `given`: the inputs; `ends`: when tensors die;
    `values`: the output of every layer and input; `casts`: casts of weights, which autocast keeps until the end.

    `keeps` of an Op are storages without duplicates; they do not include storages of weights.
    """

    run: Run
    tensors: list[TensorInfo] = field(default_factory=list)
    bytes_of: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    given: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    ends: dict[int, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    casts: dict[str, int] = field(default_factory=dict)

    def tensor(
        self, name: str, size: Tensor, learns: bool, storage: int | None = None, order: Order = Order.AXES
    ) -> int:
        """A new tensor, in its own storage or as a view of another."""
        if storage is None:
            storage = self.storage(name, size.nbytes)
        self.tensors.append(TensorInfo(size, storage, learns, order))
        return len(self.tensors) - 1

    def storage(self, name: str, nbytes: int) -> int:
        self.names.append(name)
        self.bytes_of.append(nbytes)
        return len(self.bytes_of) - 1


def tape_of(graph: Graph, run: Run, *, inputs_learn: bool = False) -> Tape:
    """The tape of a network without free sizes; `inputs_learn`: the inputs require gradients too.

    Every tensor dies after its last use. Raises Opaque for a layer whose memory is not predicted.
    """
    used = graph.ancestors(*graph.outputs) | {each.name for each in graph.inputs}
    check_predicted(graph, run, used)
    made = Tape(run)
    values = made.values
    for each in graph.inputs:
        learns = inputs_learn and each.volume.is_floating
        values[each.name] = made.tensor(each.name, tensor_of(each.volume), learns=learns)
    made.given = tuple(made.tensors[i].storage for i in values.values())
    for node in graph:
        sources = [values[source] for source in node.sources]
        values[node.name] = record(made, node, applied(graph, node), sources, node.name in used)
    made.outputs = tuple(values[name] for name in graph.outputs)
    made.ends = ends(made)
    return made


def check_predicted(graph: Graph, run: Run, used: Collection[str]) -> None:
    """Raises Opaque if the memory of a network is not predicted; `used`: the values that an output depends on."""
    if run.device == "cpu" and run.machine.unread:
        raise Opaque(f"not predicted on {run.machine.name}: {run.machine.unread}")
    for node in graph:
        if why := node.layer.unpredicted(node.inputs[0]):
            raise Opaque(f"{node.name}: {why}")
        if why := node.layer.elsewhere(run, node.inputs[0]):
            raise Opaque(f"{node.name}: {why}")
        if run.autocast and (why := unpredicted(node, run)):
            raise Opaque(f"{node.name}: {why}")
        twice = node.ties or (node.reruns and any(True for _ in node.layer.weights(*node.inputs)))
        if run.training and run.autocast and twice:
            raise Opaque(f"{node.name}: it shares weights, and casts of shared weights are not predicted")
        if run.training and node.name not in used and not all(source in used for source in node.sources):
            raise Opaque(f"{node.name}: no output depends on it, and when autograd frees its tensors is not predicted")


def applied(graph: Graph, node: Node) -> Applied:
    owner = graph.by_name[node.module] if node.reruns else node
    return {w.name: (w.shared_with or f"{owner.name}.{w.name}", w) for w in owner.weights if not w.buffer}


def record(tape: Tape, node: Node, weights: Applied, sources: Sequence[int], used: bool) -> int:
    """Records the kernels of a node; returns its output tensor. If it is not `used`, all it saves is released."""
    names = {"x": sources[0], **{f"x{i}": source for i, source in enumerate(sources)}}
    first = len(tape.ops)
    y, xs = volumes(tape.run, node, [tape.tensors[source].size.dtype for source in sources])
    for kernel in node.layer.kernels(tape.run, y, *xs):
        one_kernel(tape, node.name, kernel, names, weights)
    if not used:
        tape.ops[first:] = [replace(op, keeps=(), pins=()) for op in tape.ops[first:]]
    last = len(tape.ops) - 1
    for source in sources:  # the module's frame refers to its input until it returns
        tape.ends[source] = max(tape.ends.get(source, first), last)
    return names["y"]


def one_kernel(tape: Tape, node: str, kernel: Kernel, names: dict[str, int], weights: Applied) -> None:
    """Records a kernel, and adds what it makes to `names`."""
    casts = dict(cast(tape, node, kernel, names, weights))
    seen = names | casts
    seen |= dict(in_order(tape, node, kernel, seen, weights))
    reads = tuple(seen[name] for name in (*kernel.reads, *(name for name in weights if name in casts)))
    rest = {name: each for name, each in weights.items() if name not in casts}
    new, viewed, summed = (gradients(rest, each) for each in (kernel.weights, kernel.viewed, kernel.summed))
    learns = is_learning(tape, kernel, reads, (*new, *viewed, *summed))
    outputs = dict(outputs_of(tape, node, kernel, reads, learns))
    names.update(outputs), seen.update(outputs)
    made, *also = outputs.values()
    kept = learns and tape.run.training
    own = own_of(tape, node, kernel, kept)
    storages = {name: tape.tensors[i].storage for name, i in seen.items()} | own
    op = Op(
        node=node,
        reads=reads,
        makes=made,
        also=tuple(also),
        own=tuple(own.values()),
        keeps=tuple(storages[name] for name in kept_by(tape, kernel, seen, weights)) if kept else (),
        pins=tuple(storages[name] for name in kernel.pins) if kept else (),
        scratch=kernel.scratch + (beyond(tape, kernel, reads, weights) if kernel.thorough else 0),
        gradient=kernel.gradient,
        negated=tuple(seen[name] for name in kernel.negated),
        dense=kernel.dense,
        seen=kernel.seen,
        weights=new,
        viewed=viewed,
        summed=summed,
        learns=learns,
        in_order=kernel.in_order,
        shown=kernel.shown,
        turned=turned(tape, node, kernel, reads[0], new) if kept and kernel.turned else (),
        after=(*(seen[name] for name in kernel.summed if name in seen), *mixed(tape, node, kernel, reads, made)),
        contracts=bool(kernel.copies),
    )
    tape.ops.append(op)
    hold(tape, [names[each] for each in (*kernel.holds, *(name for name in kernel.reads if name in casts))])


def hold(tape: Tape, tensors: Sequence[int]) -> None:
    """Keeps tensors alive until the last operation ends, because its caller refers to them, for example a cast."""
    for each in tensors:
        tape.ends[each] = max(tape.ends.get(each, 0), len(tape.ops) - 1)


def is_learning(tape: Tape, kernel: Kernel, reads: Sequence[int], gradients: Gradients) -> bool:
    """Whether the output of a kernel requires a gradient; integers never do."""
    made = kernel.size or tape.tensors[reads[0]].size
    return is_floating(made.dtype) and (bool(gradients) or any(tape.tensors[i].learns for i in reads))


def own_of(tape: Tape, node: str, kernel: Kernel, kept: bool) -> dict[str, int]:
    """The storages that a kernel makes for itself, by name."""
    made = kernel.own if kept or not kernel.on_demand else {}
    return {word: tape.storage(f"{node}: {word}", each.nbytes) for word, each in made.items()}


def gradients(weights: Applied, names: Sequence[str]) -> Gradients:
    """The gradients of the trained ones among these weights."""
    learned = (weights[name] for name in names if name in weights and weights[name][1].trainable)
    return tuple((key, Tensor(w.numel, w.dtype).nbytes) for key, w in learned)


def beyond(tape: Tape, kernel: Kernel, reads: Sequence[int], weights: Applied) -> int:
    """Peak bytes of the gradients that a kernel makes though nothing needs them, and of gradients that wait for a cast;
    torch casts in the order of its derivative: the first input, the weights, the other inputs."""
    full = ITEMSIZE[kernel.thorough]
    into, applied = [tape.tensors[i] for i in reads], [weights[name][1] for name in kernel.weights if name in weights]
    first, *others = ([held.size] if held.learns else [] for held in into)
    wanted = [*first, *(Tensor(w.numel, w.dtype) for w in applied if w.trainable), *chain.from_iterable(others)]
    live = full * sum(each.numel for each in wanted)
    most = full * (sum(held.size.numel for held in into) + sum(w.numel for w in applied))
    for each in wanted:
        if each.nbytes != full * each.numel:
            most = max(most, live + each.nbytes)
            live += each.nbytes - full * each.numel
    return most - sum(each.nbytes for each in wanted)


def outputs_of(tape: Tape, node: str, kernel: Kernel, reads: Sequence[int], learns: bool) -> Iterator[tuple[str, int]]:
    """The tensors that a kernel makes, by name: new ones, or views of the first tensor it reads."""
    held = [tape.tensors[i] for i in reads]
    if kernel.even:
        held = [max(held[: len(kernel.reads)], key=lambda each: each.size.numel)]
    order = order_of(kernel, {each.order for each in held})
    storage = None
    if kernel.view:
        storage = tape.tensors[reads[0]].storage if reads else tape.storage(f"{node}: {kernel.makes}", 0)
    for name, size in {kernel.makes: kernel.size, **kernel.also}.items():
        called = node if name == "y" else f"{node}: {name}"
        yield name, tape.tensor(called, size or tape.tensors[reads[0]].size, learns, storage, order)


def order_of(kernel: Kernel, orders: set[Order]) -> Order:
    """The memory order of a kernel's output, given the orders of its inputs."""
    if not kernel.view:
        orders = orders - GAPS  # it reads part of a tensor, and writes a whole one
    if kernel.settled or orders <= {Order.AXES}:
        return kernel.order
    if kernel.view and orders == {kernel.order} == {Order.TURNED}:
        return Order.AXES
    if kernel.view and kernel.order is Order.STEPS:  # two axes are swapped; swapping again restores the order
        return Order.AXES if orders == {Order.STEPS} else Order.TURNED
    alike = kernel.order is Order.AXES and (kernel.view or kernel.even)
    if len(orders) > 1 or not (alike or orders == {kernel.order} <= GAPS):
        return Order.UNKNOWN
    return next(iter(orders))


def turned(tape: Tape, node: str, kernel: Kernel, source: int, gradients: Gradients) -> tuple[str, ...]:
    """The weights whose gradients have the memory order of the kernel's input instead of their own."""
    order = tape.tensors[source].order
    keys = tuple(key for key, _ in gradients if key.endswith(tuple(f".{name}" for name in kernel.turned)))
    if keys and order is Order.UNKNOWN:
        raise Opaque(f"{node}: the memory order of its input, and of its weights' gradients, is not predicted")
    return keys if order is Order.TURNED else ()


def in_order(
    tape: Tape, node: str, kernel: Kernel, names: Mapping[str, int], weights: Applied
) -> Iterator[tuple[str, int]]:
    """Records a copy of each input that is not in the memory order the kernel needs: its name, and the copy.

    With a frozen weight torch multiplies sample by sample (`should_fold` in aten/src/ATen/native/LinearAlgebra.cpp).
    """
    if not (kernel.in_order or kernel.gapless):
        return
    name = kernel.reads[0]
    source = tape.tensors[names[name]]
    gaps = kernel.gapless and source.order in {*GAPS, Order.UNKNOWN}
    if not gaps and not (kernel.in_order and source.order is not Order.AXES):
        return
    contracted = [weights[name][1] for name in kernel.copies if name in weights]
    if contracted and (source.order is Order.ROWS or not any(weight.trainable for weight in contracted)):
        return
    if source.order is Order.UNKNOWN:
        text = "the memory order of its input, and whether it is copied first, is not predicted"
        raise Opaque(f"{node}: {text}")
    made = tape.tensor(f"{node}: {name} in order", source.size, source.learns)
    tape.ops.append(Op(node=node, reads=(names[name],), makes=made, learns=source.learns, gradient=Gradient.SAME))
    yield name, made


def kept_by(tape: Tape, kernel: Kernel, names: Mapping[str, int], weights: Applied) -> tuple[str, ...]:
    """The names of what a kernel saves for backward; `names` includes weights that were cast."""
    if not kernel.crosswise:
        return (*kernel.keeps, *(name for name in kernel.copies if name in names))
    learning = {name for name, i in names.items() if tape.tensors[i].learns}
    learning.update(name for name, (_, weight) in weights.items() if weight.trainable)
    both = (*kernel.reads, *kernel.copies)
    pairs = zip(both, reversed(both), strict=True)
    return (*kernel.keeps, *(name for name, other in pairs if name in names and other in learning))


# --- autocast --------------------------------------------------------------------------------------------------------


def cast(
    tape: Tape, node: str, kernel: Kernel, names: Mapping[str, int], weights: Applied
) -> Iterator[tuple[str, int]]:
    """Records the casts of autocast before a kernel: the names of inputs and weights, each with its cast.

    In the order of torch's compiled code, which evaluates arguments from last to first.
    """
    if not tape.run.autocast or kernel.cast is Cast.NONE:
        return
    applied = [name for name in (*kernel.weights, *kernel.viewed, *kernel.summed) if name in weights]
    dtypes = [tape.tensors[names[name]].size.dtype for name in kernel.reads]
    dtype = cast_to(kernel.cast, [*dtypes, *(weights[name][1].dtype for name in applied)], tape.run.autocast)
    for name in reversed(applied):
        if weights[name][1].dtype != dtype:
            yield name, cast_weight(tape, node, *weights[name], dtype)
    for name in dict.fromkeys(kernel.reads):
        source = names[name]
        held = tape.tensors[source]
        if held.size.dtype != dtype:
            made = tape.tensor(f"{node}: {name} as {dtype}", Tensor(held.size.numel, dtype), held.learns)
            tape.ops.append(Op(node=node, reads=(source,), makes=made, learns=held.learns))
            yield name, made


def cast_weight(tape: Tape, node: str, key: str, weight: Weight, dtype: str) -> int:
    """A weight in another dtype: a trained weight is cast once, and the cast lives to the end of the context."""
    if key in tape.casts:
        return tape.casts[key]
    learns = weight.trainable
    made = tape.tensor(f"{key} as {dtype}", Tensor(weight.numel, dtype), learns)
    nbytes = Tensor(weight.numel, weight.dtype).nbytes
    tape.ops.append(Op(node=node, reads=(), makes=made, learns=learns, weights=((key, nbytes),) if learns else ()))
    if learns:
        tape.casts[key] = made
    return made


def mixed(tape: Tape, node: str, kernel: Kernel, reads: Sequence[int], made: int) -> tuple[int, ...]:
    """The inputs of a sum whose dtype differs from the output: their gradients are cast after the kernel."""
    dtype = tape.tensors[made].size.dtype
    found = tuple(i for i in reads if tape.run.autocast and tape.tensors[i].size.dtype != dtype)
    if found and kernel.crosswise:
        raise Opaque(f"{node}: not predicted under autocast: it multiplies volumes of different dtypes")
    return found if kernel.gradient is Gradient.SAME else ()


# --- lifetimes of tensors --------------------------------------------------------------------------------------------


def ends(tape: Tape) -> dict[int, int]:
    """For every tensor, the last operation that refers to it; for inputs and outputs, one after the last."""
    found = dict(tape.ends)
    for place, op in enumerate(tape.ops):
        for tensor in (*op.reads, *op.made):
            found[tensor] = max(found.get(tensor, place), place)
    found |= dict.fromkeys(tape.casts.values(), len(tape.ops) - 1)
    return found | dict.fromkeys((*tape.outputs, *range(len(tape.given))), len(tape.ops))


def hold_inputs_of_blocks(graph: Graph, tape: Tape) -> None:
    """The inputs of a block live until it returns, because its caller refers to them."""
    last = {op.node: place for place, op in enumerate(tape.ops)}
    for prefix, inside in graph.within.items():
        if graph.scopes[prefix].sequence and not is_pipeline(graph, prefix, inside):
            continue  # a list of blocks, called one after another
        names = {node.name for node in inside}
        until = max(last[name] for name in names)
        for source in {source for node in inside for source in node.sources} - names:
            tensor = tape.values[source]
            tape.ends[tensor] = max(tape.ends[tensor], until)


def is_pipeline(graph: Graph, prefix: str, inside: Sequence[Node]) -> bool:
    """Whether each member of a numbered block is a block that reads only the output of the previous one and runs only
    its own modules."""
    before, own = "", f"{graph.scopes[prefix].module}."
    for name, members in groupby(inside, key=lambda node: node.name[len(prefix) + 1 :].partition(".")[0]):
        nodes = tuple(members)
        if f"{prefix}.{name}" in graph.by_name or not all(node.module.startswith(own) for node in nodes):
            return False
        read = {source for node in nodes for source in node.sources} - {node.name for node in nodes}
        if len(read) != 1 or (before and read != {before}):
            return False
        before = graph[f"{prefix}.{name}"].name
    return True


def dying(tape: Tape) -> dict[int, list[int]]:
    """The tensors that die after each operation."""
    found: dict[int, list[int]] = {}
    for tensor, place in tape.ends.items():
        found.setdefault(place, []).append(tensor)
    return found


def saved(tape: Tape, again: Mapping[int, Sequence[int]]) -> Iterator[tuple[str, int]]:
    """Each layer with the bytes that it is the first to save for backward, without inputs and weights.

    `again`: for operations in a checkpointed stretch, what they save instead.
    """
    seen = set(tape.given)
    for place, op in enumerate(tape.ops):
        for storage in again.get(place, op.keeps):
            if storage not in seen:
                seen.add(storage)
                yield op.node, tape.bytes_of[storage]
