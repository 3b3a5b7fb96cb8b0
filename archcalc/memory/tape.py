"""The tape: a network's kernels in the order in which they run, each with the tensors that it reads, makes and saves.

Tensors are numbered; several may be views of one storage. Storages take memory and are counted once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from archcalc.core.gaps import Steps, dense, has_gaps, is_seen_as, runs, seen_as
from archcalc.core.kernel import PRESERVED, Cast, Gradient, Kernel, Layout, Order, Run, Tensor
from archcalc.core.volume import ITEMSIZE, is_floating
from archcalc.core.weight import Weight
from archcalc.graph.graph import Graph, Node
from archcalc.memory.autocast import cast_to, volumes
from archcalc.record import field, record, replace

ORDERED = {Order.CONTIGUOUS, Order.EITHER}

IN_ROWS = {Order.CONTIGUOUS, Order.EITHER, Order.TIME_MAJOR}


class Opaque(Exception):
    """Raised for a layer whose memory is not predicted; the message gives the layer and the reason."""


@record
class TensorInfo:
    """A tensor: its size and its storage. `learns`: it requires a gradient. `order`: the order of its elements in
    memory; `steps`: how far apart these are where it has gaps."""

    size: Tensor
    storage: int
    learns: bool
    order: Order = Order.CONTIGUOUS
    steps: Steps = ()


Gradients: TypeAlias = tuple[tuple[str, int], ...]
"""Weights, by their keys in `state_dict`, each with the bytes of its gradient tensor."""

Applied: TypeAlias = Mapping[str, tuple[str, Weight]]
"""The parameters that a node applies, by their names in its module, each with the key of its tensor."""


@record
class WeightGradients:
    """The gradients of weights that the backward of an operation makes: in new tensors, as views of the gradient that
    came in, those that the engine sums when the operation has ended, and those that are the `whole` gradient that came
    in. `views`: whether the first and the third are views of other tensors; `first`: whether they are handed
    over before other gradients; `permuted`: the weights whose gradients come in another order than theirs.
    """

    new: Gradients = ()
    viewed: Gradients = ()
    summed: Gradients = ()
    whole: Gradients = ()
    views: bool = False
    first: bool = False
    permuted: tuple[str, ...] = ()

    @property
    def all(self) -> Gradients:
        return (*self.new, *self.viewed, *self.summed, *self.whole)


NO_GRADIENTS = WeightGradients()


@record
class Reduced:
    """A gradient that the engine sums or casts when the kernel has ended: of a tensor, by number, or of a weight, by
    key. `made`: the bytes in which the kernel makes it; 0 where it is the gradient that came in. `summed`: those of its
    sum, where that is cast afterwards."""

    of: int | str
    made: int = 0
    summed: int = 0


@record
class Lying:
    """How gradients lie in memory where an operation takes part.

    `contiguous`: the one that comes in is copied first where it is not contiguous, and with `within_samples` only where
    samples are not; `orders`: it is copied where it does not lie as what the operation made, and stays beside its copy;
    `turns`: the operation moves the features to the other end, and so its gradient; `preserves`: its gradient has the
    order of the one that comes in; `as_made`: it lies as what the operation made.
    """

    contiguous: bool = False
    orders: bool = False
    turns: bool = False
    preserves: bool = False
    as_made: bool = False
    within_samples: bool = False

    @classmethod
    def of(cls, kernel: Kernel) -> "Lying":
        layout, backward = kernel.layout, kernel.backward
        return cls(
            contiguous=layout.reads_contiguous and not layout.unlearned,
            orders=backward.orders,
            turns=layout.view and layout.order is Order.TRANSPOSED,
            preserves=(layout.preserves or layout.maps) and not backward.contiguous,
            as_made=backward.as_made,
            within_samples=layout.within_samples,
        )

    def turned(self, came: bool, made: Order) -> bool:
        """Whether a gradient has its features at the other end, where the one that came in has; `made`: the order of
        what the operation made."""
        return made is Order.TRANSPOSED if self.as_made else self.preserves and came


UNMOVED = Lying()
"""Nothing moves: most operations."""


@record
class Op:
    """A kernel at work: the tensors, by number, that it reads and makes, and the storages that it saves for backward.

    `wrapped`: numbers among these that autograd does not pack; `scratch`: bytes that its backward takes at its worst
    beside gradients; `negated`: the tensors read whose gradients are negated; `reduced`: the gradients that the engine
    sums or casts, in its order; `contracts`: whether autograd saves a weight, if nothing else; `part`: of a layer with
    several loops one after the other, in which part it runs; `dropped`: what it saves goes with its output, since no
    gradient comes back to it.
    """

    node: str
    reads: tuple[int, ...]
    made: tuple[int, ...]
    learns: bool
    saves: tuple[int, ...] = ()
    wrapped: tuple[int, ...] = ()
    gradient: Gradient = Gradient.NEW
    weights: WeightGradients = NO_GRADIENTS
    scratch: int = 0
    negated: tuple[int, ...] = ()
    reduced: tuple[Reduced, ...] = ()
    contracts: bool = False
    lying: Lying = UNMOVED
    part: str = ""
    dropped: bool = False

    @property
    def packs(self) -> bool:
        """Whether autograd keeps something of it, were it only its weight."""
        return bool(self.saves or (self.contracts and self.learns))


@record(frozen=False)
class Tape:
    """The tape of a network. `bytes_of`, `names`: of every storage; `given`: the inputs; `ends`: when tensors die;
    `values`: the output of every layer and input; `casts`: casts of weights, which autocast keeps until the end.

    Storages of weights are none of these.
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
    kernels: dict[Any, tuple[Kernel, ...]] = field(default_factory=dict)
    """Those of a layer on its inputs, in the dtypes in which they come: equal layers run the same kernels."""

    def tensor(
        self,
        name: str,
        size: Tensor,
        learns: bool,
        storage: int | None = None,
        order: Order = Order.CONTIGUOUS,
        steps: Steps = (),
    ) -> int:
        """A new tensor, in its own storage or as a view of another."""
        if storage is None:
            storage = self.storage(name, size.nbytes)
        self.tensors.append(TensorInfo(size, storage, learns, order, steps))
        return len(self.tensors) - 1

    def storage(self, name: str, nbytes: int) -> int:
        self.names.append(name)
        self.bytes_of.append(nbytes)
        return len(self.bytes_of) - 1


def applied(graph: Graph, node: Node) -> Applied:
    owner = graph.by_name[node.module] if node.reruns else node
    return {w.name: (w.shared_with or f"{owner.name}.{w.name}", w) for w in owner.weights if not w.buffer}


def record_node(tape: Tape, node: Node, weights: Applied, sources: Sequence[int], used: bool) -> int:
    """The kernels of a node; the number of what it puts out. What is not `used` is let go of with all that it saves."""
    names = {f"x{i}": source for i, source in enumerate(sources)}
    names |= {"x": sources[0]} if sources else {}
    first = len(tape.ops)
    for kernel in kernels_of(tape, node, sources):
        one_kernel(tape, node.name, kernel, names, weights)
    if not used or node.detached:
        drop_saved(tape, node, first, used)
    last = len(tape.ops) - 1
    for source in sources:  # the module's frame refers to its input until it returns
        tape.ends[source] = max(tape.ends.get(source, first), last)
    return names["y"]


def drop_saved(tape: Tape, node: Node, first: int, used: bool) -> None:
    """What a node saves goes with its output, if no gradient comes back to it. Raises Opaque if it saves anything but
    inputs and its output is used."""
    kept = {storage for op in tape.ops[first:] for storage in op.saves} - set(tape.given)
    if used and kept:
        raise Opaque(f"{node.name}: no gradient comes back to it, and when autograd frees its tensors was not modelled")
    if not used:  # until its output is there
        hold(tape, [i for op in tape.ops[first:] for i in op.made if tape.tensors[i].storage in kept])
    tape.ops[first:] = [replace(op, saves=(), wrapped=(), contracts=False, dropped=op.packs) for op in tape.ops[first:]]


def kernels_of(tape: Tape, node: Node, sources: Sequence[int]) -> tuple[Kernel, ...]:
    dtypes = tuple([tape.tensors[source].size.dtype for source in sources])
    known = tape.kernels.get((node.application, dtypes))
    if known is None:
        y, xs = volumes(tape.run, node, dtypes)
        known = tape.kernels[node.application, dtypes] = tuple(node.layer.kernels(tape.run, y, *xs))
    return known


def one_kernel(tape: Tape, node: str, kernel: Kernel, names: dict[str, int], weights: Applied) -> None:
    """Records a kernel, and adds what it makes to `names`."""
    if kernel.layout.same:  # autograd sees nothing of it but a copy
        names[kernel.makes] = (names | dict(copied(tape, node, kernel, names, weights)))[kernel.reads[0]]
        tape.ops.append(Op(node=node, reads=(names[kernel.makes],), made=(), learns=False, part=kernel.part))
        hold(tape, [names[each] for each in kernel.holds])
        return
    casts = dict(cast(tape, node, kernel, names, weights))
    seen = names | casts
    check_rows(tape, node, kernel, seen)
    seen |= dict(copied(tape, node, kernel, seen, weights))
    reads = tuple(seen[name] for name in (*kernel.reads, *(name for name in weights if name in casts)))
    rest = {name: each for name, each in weights.items() if name not in casts}
    learns = is_learning(tape, kernel, reads, gradients(rest, kernel.weights))
    kept = learns and tape.run.training
    outputs = dict(outputs_of(tape, node, kernel, reads, learns, kept))
    names.update(outputs), seen.update(outputs)
    saves = [(name, tape.tensors[seen[name]].storage) for name in saved_by(tape, kernel, seen, weights)] if kept else []
    wrapped = {name for name, size in kernel.also.items() if size.wrapped}
    backward = kernel.backward
    op = Op(
        node=node,
        reads=reads,
        made=tuple(outputs.values()),
        learns=learns,
        saves=tuple(storage for name, storage in saves if name not in wrapped),
        wrapped=tuple(storage for name, storage in saves if name in wrapped),
        gradient=kernel.gradient,
        weights=weight_gradients(tape, node, kernel, [names[name] for name in kernel.reads], rest, kept),
        scratch=scratch(tape, kernel, seen, rest),
        negated=tuple(seen[name] for name in backward.negated),
        reduced=tuple(reduced(tape, node, kernel, seen, rest, outputs[kernel.makes])) if kept else (),
        contracts=any(name in weights for name in kernel.saved_or_factors),
        lying=Lying.of(kernel),
        part=kernel.part,
    )
    tape.ops.append(op)
    cast_inputs = [name for name in kernel.reads if name in casts]
    hold(tape, [*(names[each] for each in (*kernel.holds, *cast_inputs)), *(casts[each] for each in cast_inputs)])


def hold(tape: Tape, tensors: Sequence[int]) -> None:
    """Keeps tensors alive until the last operation ends, because its caller refers to them, for example a cast."""
    for each in tensors:
        tape.ends[each] = max(tape.ends.get(each, 0), len(tape.ops) - 1)


def is_learning(tape: Tape, kernel: Kernel, reads: Sequence[int], gradients: Gradients) -> bool:
    """Whether the output of a kernel requires a gradient; integers never do."""
    made = kernel.size or tape.tensors[reads[0]].size
    return is_floating(made.dtype) and (bool(gradients) or any(tape.tensors[i].learns for i in reads))


def gradients(weights: Applied, names: Iterable[str]) -> Gradients:
    """Of those weights that are learned."""
    learned = (weights[name] for name in names if name in weights and weights[name][1].trainable)
    return tuple([(key, weight.nbytes) for key, weight in learned])


def weight_gradients(
    tape: Tape, node: str, kernel: Kernel, reads: Sequence[int], weights: Applied, kept: bool
) -> WeightGradients:
    """The gradients of weights that the backward of a kernel makes."""
    backward = kernel.backward
    later = {*backward.broadcast, *(name for name in kernel.weights if is_remade(tape, kernel, name, {}, weights))}
    made = {*backward.viewed, *backward.whole, *later}
    new = gradients(weights, (each for each in kernel.weights if each not in made))
    found = WeightGradients(
        new=new,
        viewed=gradients(weights, backward.viewed),
        summed=gradients(weights, (each for each in kernel.weights if each in later)),
        whole=gradients(weights, backward.whole),
        views=backward.weight_views,
        first=backward.weights_first and tape.tensors[reads[0]].order in ORDERED,
        permuted=permuted(tape, node, kernel, reads[0], new) if kept and backward.input_order else (),
    )
    return NO_GRADIENTS if found == NO_GRADIENTS else found  # most kernels have no weights


def in_order_of_edges(kernel: Kernel) -> tuple[str, ...]:
    """What a kernel reads and applies, in the order in which torch's derivative makes the gradients."""
    return (*kernel.reads[:1], *kernel.weights, *kernel.reads[1:])


def size_of(tape: Tape, name: str, names: Mapping[str, int], weights: Applied) -> Tensor:
    """What a kernel reads or applies, as it has it."""
    if name in names:
        return tape.tensors[names[name]].size
    weight = weights[name][1]
    return Tensor(weight.numel, weight.dtype)


def is_remade(tape: Tape, kernel: Kernel, name: str, names: Mapping[str, int], weights: Applied) -> bool:
    """Whether a kernel makes the gradient of something in another size or dtype than it ends."""
    backward = kernel.backward
    if name in backward.unreduced:
        return True
    known = name in names or name in weights
    return bool(backward.all_in) and known and size_of(tape, name, names, weights).dtype != backward.all_in


def made_of(tape: Tape, kernel: Kernel, name: str, names: Mapping[str, int], weights: Applied) -> int:
    """The bytes in which a kernel makes a gradient that it makes in another size or dtype than it ends."""
    if name in kernel.backward.unreduced:
        return kernel.backward.unreduced[name]
    return ITEMSIZE[kernel.backward.all_in] * size_of(tape, name, names, weights).numel


def summed_of(tape: Tape, kernel: Kernel, name: str, names: Mapping[str, int], weights: Applied) -> int:
    """The bytes of the sum of a gradient that a kernel makes in another size and in another dtype than it ends."""
    size = size_of(tape, name, names, weights)
    if name not in kernel.backward.unreduced or kernel.size is None or kernel.size.dtype == size.dtype:
        return 0
    total = Tensor(size.numel, kernel.size.dtype).nbytes
    return total if name in kernel.backward.summed or total != kernel.backward.unreduced[name] else 0


def reduced(
    tape: Tape, node: str, kernel: Kernel, names: Mapping[str, int], weights: Applied, made: int
) -> Iterator[Reduced]:
    """The gradients that the engine sums or casts when a kernel has ended."""
    edges = in_order_of_edges(kernel)
    cast_later = mixed(tape, node, kernel, [names[name] for name in edges if name in names], made)
    for name in edges:
        each = names[name] if name in names else weights[name][0] if name in weights else ""
        if not is_wanted(tape, name, names, weights):
            continue
        if name in kernel.backward.broadcast or each in cast_later:
            negated = name in kernel.backward.negated
            yield Reduced(each, tape.tensors[made].size.nbytes if negated else 0)
        elif is_remade(tape, kernel, name, names, weights):
            yield Reduced(
                each, made_of(tape, kernel, name, names, weights), summed_of(tape, kernel, name, names, weights)
            )


def is_wanted(tape: Tape, name: str, names: Mapping[str, int], weights: Applied) -> bool:
    """Whether the gradient of something that a kernel reads or applies is wanted."""
    if name in names:
        return tape.tensors[names[name]].learns
    return name in weights and weights[name][1].trainable


def scratch(tape: Tape, kernel: Kernel, names: Mapping[str, int], weights: Applied) -> int:
    """Bytes that the backward of a kernel takes at its worst beside the gradients that are wanted; those that it makes
    though nobody wants them are among these."""
    backward = kernel.backward
    found = backward.scratch
    if backward.all_in:
        for name in in_order_of_edges(kernel):
            if is_floating(size_of(tape, name, names, weights).dtype) and not is_wanted(tape, name, names, weights):
                found += made_of(tape, kernel, name, names, weights)
    made = most = 0
    for name, beside in backward.making.items():
        if is_wanted(tape, name, names, weights):
            made += backward.unreduced.get(name, size_of(tape, name, names, weights).nbytes)
            most = max(most, made + beside)
    return found + most - made


def outputs_of(
    tape: Tape, node: str, kernel: Kernel, reads: Sequence[int], learns: bool, kept: bool
) -> Iterator[tuple[str, int]]:
    """The tensors that a kernel makes, by name: new, or views of the first that it reads."""
    held = [tape.tensors[i] for i in reads]
    if kernel.layout.preserves:
        held = [max(held[: len(kernel.reads)], key=lambda each: each.size.numel)]
    order = order_of(kernel.layout, {each.order for each in held})
    storage = None
    if kernel.layout.view:
        storage = tape.tensors[reads[0]].storage if reads else tape.storage(f"{node}: {kernel.makes}", 0)
    for name, given in {kernel.makes: kernel.size, **kernel.also}.items():
        called, size = node if name == "y" else f"{node}: {name}", given or tape.tensors[reads[0]].size
        if size.wrapped and tape.run.device != "cpu":
            size = replace(size, numel=0)  # it is on the CPU in any case
        lies = seen(kernel.layout, held[0], size, order) if kernel.layout.view and held else (order, ())
        yield name, tape.tensor(called, size, learns, storage, *lies)
    for name, made in kernel.backward.on_demand.items() if kept else ():
        yield name, tape.tensor(f"{node}: {name}", made, learns)


def seen(layout: Layout, source: TensorInfo, size: Tensor, order: Order) -> tuple[Order, Steps]:
    """How a view lies in memory, and with which steps where it has gaps; `order`: that of a view of all."""
    cut, steps = layout.cut, layout.steps
    if cut is None and not steps:
        return order, source.steps if order is Order.GAPS else ()
    if source.order not in {*ORDERED, Order.GAPS}:
        return (order, ()) if cut and cut.is_all else (Order.UNKNOWN, ())
    if cut:
        whole = seen_as(source.steps, cut.shape) if source.steps else dense(cut.shape)
        count = cut.count_of(size.numel)
        steps = cut.of(whole, count) if whole and count is not None else ()
    elif source.steps:
        steps = ()
    if not steps:
        return Order.UNKNOWN, ()
    return (Order.GAPS, steps) if has_gaps(steps) else (Order.CONTIGUOUS, ())


def order_of(layout: Layout, orders: set[Order]) -> Order:
    """In which order what a kernel makes lies in memory, where what it reads lies in these."""
    if not layout.view:
        orders = orders - {Order.GAPS}  # it reads a part, and writes a whole
    if orders == {Order.EITHER}:
        if layout.chooses or layout.maps:
            return Order.EITHER if layout.single else Order.TRANSPOSED
        if layout.view:
            return Order.CONTIGUOUS if layout.order is Order.EITHER else Order.EITHER
    orders = {Order.CONTIGUOUS if each is Order.EITHER else each for each in orders}
    if layout.fixed or orders <= {Order.CONTIGUOUS}:
        return layout.order
    if layout.view and orders == {layout.order} == {Order.TRANSPOSED}:
        return Order.CONTIGUOUS
    if layout.view and layout.order is Order.TIME_MAJOR:  # two axes are swapped, and swapped back where they were
        return Order.CONTIGUOUS if orders == {Order.TIME_MAJOR} else Order.TRANSPOSED
    if layout.maps and Order.UNKNOWN not in orders and orders != {Order.TRANSPOSED}:
        return Order.CONTIGUOUS
    alike = layout.order is Order.CONTIGUOUS and (layout.view or layout.preserves or layout.maps)
    if len(orders) > 1 or not alike:
        return Order.UNKNOWN
    kept = next(iter(orders))
    return Order.EITHER if layout.single and kept is Order.TRANSPOSED else kept


def permuted(tape: Tape, node: str, kernel: Kernel, source: int, gradients: Gradients) -> tuple[str, ...]:
    """The weights whose gradients come in the order of what a kernel reads, which is not theirs."""
    order = tape.tensors[source].order
    keys = tuple(key for key, _ in gradients if key.endswith(tuple(f".{name}" for name in kernel.backward.input_order)))
    if keys and order is Order.UNKNOWN:
        raise Opaque(f"{node}: the memory order of its input, and so of its weights' gradients, is not known")
    return keys if order is Order.TRANSPOSED else ()


def check_rows(tape: Tape, node: str, kernel: Kernel, names: Mapping[str, int]) -> None:
    """Raises Opaque where features that a kernel needs side by side are not."""
    for name in kernel.layout.reads_rows:
        read = tape.tensors[names[name]]
        if read.order not in IN_ROWS and not (read.order is Order.GAPS and runs(read.steps)[-1][1] == 1):
            text = "the features that it reads do not lie side by side in memory: torch attends in plain products then"
            raise Opaque(f"{node}: {text}, which are not modelled")


def copied(
    tape: Tape, node: str, kernel: Kernel, names: Mapping[str, int], weights: Applied
) -> Iterator[tuple[str, int]]:
    """Records the copy of what lies in memory otherwise than a kernel needs it: its name, and the copy.

    With a frozen weight torch multiplies sample by sample (`should_fold` in aten/src/ATen/native/LinearAlgebra.cpp).
    """
    layout = kernel.layout
    if not (layout.reads_contiguous or layout.reads_dense or layout.reads_as):
        return
    name = kernel.reads[0]
    source = tape.tensors[names[name]]
    if layout.unlearned and source.learns and tape.run.training:
        return
    if not is_copied(layout, source):
        return
    contracted = [weights[name][1] for name in kernel.saved_or_factors if name in weights]
    if contracted and not any(weight.trainable for weight in contracted):
        return
    if source.order is Order.UNKNOWN:
        text = "the memory order of its input, and so whether it is copied first, is not known"
        raise Opaque(f"{node}: {text}")
    made = tape.tensor(f"{node}: {name} in order", source.size, source.learns)
    tape.ops.append(Op(node, (names[name],), (made,), source.learns, gradient=Gradient.SAME, part=kernel.part))
    yield name, made


def is_copied(layout: Layout, source: TensorInfo) -> bool:
    """Whether a kernel copies what it reads, or whether it does is not known."""
    if source.order is Order.GAPS:
        return layout.reads_dense or not (layout.reads_as and is_seen_as(source.steps, layout.reads_as))
    if source.order is Order.UNKNOWN:
        return layout.reads_contiguous or layout.reads_dense
    return layout.reads_contiguous and source.order not in ORDERED


def saved_by(tape: Tape, kernel: Kernel, names: Mapping[str, int], weights: Applied) -> Iterator[str]:
    """What autograd saves of a kernel, by name; weights are among `names` where they have been cast."""
    learning = {name for name, i in names.items() if tape.tensors[i].learns}
    learning.update(name for name, (_, weight) in weights.items() if weight.trainable)
    pairs = zip(kernel.factors, reversed(kernel.factors), strict=True)
    wanted = (*kernel.saves, *(name for name, other in pairs if other in learning))
    return (name for name in wanted if name in names or name not in weights)


# --- autocast --------------------------------------------------------------------------------------------------------


def cast(
    tape: Tape, node: str, kernel: Kernel, names: Mapping[str, int], weights: Applied
) -> Iterator[tuple[str, int]]:
    """Records the casts of autocast before a kernel: the names of inputs and weights, each with its cast.

    In the order of torch's compiled code, which evaluates arguments from last to first. Integers stay what they are.
    """
    casts = kernel.cast.on(tape.run.device)
    if not tape.run.autocast or casts in (Cast.NONE, Cast.RESULT):
        return
    applied = [name for name in kernel.weights if name in weights]
    floating = [name for name in kernel.reads if is_floating(tape.tensors[names[name]].size.dtype)]
    dtypes = [tape.tensors[names[name]].size.dtype for name in floating]
    dtype = cast_to(casts, [*dtypes, *(weights[name][1].dtype for name in applied)], tape.run.autocast)
    learned = gradients(weights, applied) if tape.run.training and kernel.backward.input_order else ()
    turned = permuted(tape, node, kernel, names[kernel.reads[0]], learned) if learned else ()
    for name in reversed(applied):
        if weights[name][1].dtype != dtype:
            yield name, cast_weight(tape, node, *weights[name], dtype, turned)
    for name in dict.fromkeys(floating):
        source = names[name]
        held = tape.tensors[source]
        if held.size.dtype != dtype:
            order = order_of(PRESERVED, {held.order})
            made = tape.tensor(f"{node}: {name} as {dtype}", Tensor(held.size.numel, dtype), held.learns, order=order)
            tape.ops.append(Op(node, (source,), (made,), held.learns, lying=Lying(preserves=True), part=kernel.part))
            yield name, made


def cast_weight(tape: Tape, node: str, key: str, weight: Weight, dtype: str, turned: Collection[str]) -> int:
    """A weight in another dtype: a trained weight is cast once, and the cast lives to the end of the context; `turned`:
    the weights whose gradients come in another order than theirs."""
    if key in tape.casts:
        return tape.casts[key]
    learns = weight.trainable
    made = tape.tensor(f"{key} as {dtype}", Tensor(weight.numel, dtype), learns)
    new = ((key, weight.nbytes),) if learns else ()
    gradient = WeightGradients(new=new, permuted=(key,) if key in turned else ())
    tape.ops.append(Op(node=node, reads=(), made=(made,), learns=learns, weights=gradient))
    if learns:
        tape.casts[key] = made
    return made


def mixed(tape: Tape, node: str, kernel: Kernel, reads: Sequence[int], made: int) -> tuple[int, ...]:
    """The inputs of a sum whose dtype differs from the output: their gradients are cast after the kernel."""
    if not tape.run.autocast:
        return ()
    dtype = tape.tensors[made].size.dtype
    found = tuple(i for i in reads if tape.tensors[i].size.dtype != dtype)
    if kernel.gradient is Gradient.SAME:
        return found
    floats = {size.dtype for size in (tape.tensors[i].size for i in reads) if is_floating(size.dtype)}
    if found and (kernel.layout.preserves or kernel.factors) and len(floats) > 1:
        raise Opaque(f"{node}: under autocast, it joins volumes of two dtypes")
    return ()


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


def dying(tape: Tape) -> Iterator[Sequence[int]]:
    """For every operation, the tensors that die after it."""
    order = sorted(tape.ends, key=tape.ends.__getitem__)
    at = 0
    for place in range(len(tape.ops)):
        first = at
        while at < len(order) and tape.ends[order[at]] == place:
            at += 1
        yield order[first:at]


def saved(tape: Tape, again: Mapping[int, Sequence[int]]) -> Iterator[tuple[str, int]]:
    """Each layer with the bytes that it is the first to save for backward; inputs and weights are none of these.

    `again`: of operations in a stretch that runs again, what they save instead.
    """
    return ((node, tape.bytes_of[storage]) for node, storage in saved_storages(tape, again))


def saved_storages(tape: Tape, again: Mapping[int, Sequence[int]]) -> Iterator[tuple[str, int]]:
    """The same storages by number, each with the layer that is the first to save it."""
    seen = set(tape.given)
    for place, op in enumerate(tape.ops):
        for storage in again.get(place, op.saves):
            if storage not in seen:
                seen.add(storage)
                yield op.node, storage
