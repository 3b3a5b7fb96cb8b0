"""Memory over an iteration: what is alive at every step of inference and training, and the peaks.

Models the autograd engine of torch/csrc/autograd/engine.cpp and input_buffer.cpp. Ready nodes run in decreasing
sequence number; gradients of weights are accumulated first. While a node runs, its incoming gradient, its saved tensors
and everything it makes are alive; afterwards the first two are released. Two gradients of one tensor are added in place
if the older one is no view and has no other owner, otherwise into a new tensor. For a view, autograd holds the base
tensor, so a view is never added to in place. The newer gradient stays in the node's list of outputs until all of them
are delivered.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from archcalc.core.kernel import Gradient, Order
from archcalc.core.volume import ITEMSIZE
from archcalc.memory.recompute import Recompute, Stretch
from archcalc.memory.tape import Gradients, Op, Tape, dying
from archcalc.memory.timeline import LiveSet, Timeline
from archcalc.record import record, replace

NEW = {Gradient.NEW, Gradient.NEW_VIEW, Gradient.NEW_STRIDED}
STRIDED = {Gradient.NEW_STRIDED, Gradient.STRIDED_SLICE, Gradient.SLICE_OF_SAMPLES}

INITIAL, EARLIER = "initial gradient of ", ", from before"
"""How the names of storages begin and end that are there before a run."""


def inference(tape: Tape, watch: int = -1, *, brief: bool = False) -> Timeline:
    """A forward pass that saves nothing for backward; the caller holds the input, which stays alive."""
    live_set = LiveSet(tape, watch=watch, brief=brief)
    forward(live_set, keep=False, again={})
    return live_set.timeline


def training(
    tape: Tape, watch: int = -1, *, again: Sequence[Stretch] = (), accumulate: bool = False, brief: bool = False
) -> Timeline:
    """A forward and a backward pass; the caller holds the input and the initial gradient.

    Gradients of weights stay alive as `param.grad`; weights and buffers are not counted. `again`: the stretches that
    are checkpointed. `accumulate`: gradients of an earlier pass exist from the start and are added to. `brief`: the
    timeline has only the steps that may be the highest, if sizes are numbers.
    """
    live_set = LiveSet(tape, watch=watch, brief=brief)
    runs = {stretch.first: Recompute(stretch, live_set) for stretch in again}
    backward = Backward(live_set, runs.values(), accumulate)
    forward(live_set, keep=True, again=runs)
    backward.run()
    made = {*tape.outputs} - {*range(len(tape.given))}
    live_set.drop_all(tape.tensors[tensor].storage for tensor in made)  # the caller's variables
    return live_set.timeline


def forward(live_set: LiveSet, keep: bool, again: Mapping[int, Recompute]) -> None:
    """The forward pass; `again`: the checkpointed stretches, by their first operations."""
    tape = live_set.tape
    bare = {index for each in again.values() for index in each.indices}
    ending = {each.stretch.last: each for each in again.values() if each.stretch.stop is None}
    live_set.take_all(tape.given)
    for index, (op, dead) in enumerate(zip(tape.ops, dying(tape), strict=True)):
        if index in again:
            again[index].begin()
        live_set.begin(index)
        live_set.take_all(tape.tensors[tensor].storage for tensor in op.made)
        live_set.take_all(op.saves if keep and index not in bare else ())
        live_set.take_all(op.wrapped if keep else ())
        live_set.mark("forward", op.node)
        live_set.drop_all(tape.tensors[tensor].storage for tensor in dead)
        if index in ending:
            ending[index].done(index)


def made_by(tape: Tape) -> list[int | None]:
    """For every tensor, the operation that makes it; None for an input."""
    found: list[int | None] = [None] * len(tape.tensors)
    for index, op in enumerate(tape.ops):
        for tensor in op.made:
            found[tensor] = index
    return found


class Edges:
    """Which operation made what, and which of them wait for whose gradients."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.made_by = made_by(tape)

    def needed(self) -> set[int]:
        """The operations that have a backward pass."""
        makers = (self.made_by[tensor] for tensor in self.tape.outputs if self.learns(tensor))
        found = {maker for maker in makers if maker is not None}
        for index in range(len(self.tape.ops) - 1, -1, -1):
            if index in found:
                found.update(self.makers(index))
        return found

    def makers(self, index: int) -> Iterator[int]:
        """The operations that wait for a gradient from this one, once per tensor that requires a gradient."""
        makers = (self.made_by[tensor] for tensor in self.learning(self.tape.ops[index]))
        return (maker for maker in makers if maker is not None)

    def learns(self, tensor: int) -> bool:
        return self.tape.tensors[tensor].learns

    def learning(self, op: Op) -> list[int]:
        """The inputs of an operation that require a gradient."""
        return [tensor for tensor in op.reads if self.learns(tensor)]


@record
class Waiting:
    """A pending gradient for the operation that made its tensor; `owned`: it can be added to in place, because it is
    not a view; `turned`: it is contiguous but for its features, which are at the other end; `samples`: it is not
    contiguous, but has gaps between samples alone; `permuted`: it lies as what it is the gradient of, in another order
    than that of its axes."""

    storage: int
    owned: bool
    contiguous: bool = True
    turned: bool = False
    samples: bool = False
    permuted: bool = False


def zeros_beside(op: Op, tape: Tape, came: Collection[int]) -> int:
    """Bytes of the zeros that stand for gradients that did not come, of parts that backward puts side by side: whole
    parts after `split`, and after `unbind` one number each, which is repeated.

    Source: `split_backward` and `unbind_backward` in torch/csrc/autograd/FunctionsManual.cpp.
    """
    if len(op.made) < 2 or op.gradient not in NEW:
        return 0
    if not is_view(tape, op):
        return 0
    missing = (tape.tensors[each].size for each in op.made if each not in came)
    return sum(each.nbytes if op.gradient is Gradient.NEW else ITEMSIZE[each.dtype] for each in missing)


class Backward:
    """The state of the engine during the backward pass over a tape."""

    def __init__(self, live_set: LiveSet, again: Iterable[Recompute] = (), accumulate: bool = False) -> None:
        self.live_set, self.tape = live_set, live_set.tape
        self.again = {index: each for each in again for index in each.indices}
        self.edges = Edges(self.tape)
        self.buffers: dict[int, Waiting] = {}
        needed = self.edges.needed()
        self.expected = Counter(maker for index in needed for maker in self.edges.makers(index))
        self.ready: list[int] = []
        self.before = {key for key, _ in self.gradients_before(needed)} if accumulate else set()
        self.coming = Counter(key for index in needed for key, _ in self.tape.ops[index].weights.all)
        self.met: dict[str, Waiting] = {}
        self.seeds = [(tensor, self.seed(tensor)) for tensor in self.tape.outputs if self.edges.learns(tensor)]

    def gradients_before(self, needed: Iterable[int]) -> Iterator[tuple[str, int]]:
        """The gradients of an earlier pass, which are there from the beginning: each weight with its storage."""
        sizes = {key: nbytes for index in sorted(needed) for key, nbytes in self.tape.ops[index].weights.all}
        return ((key, self.live_set.new(f"gradient of {key}{EARLIER}", n)) for key, n in sizes.items())

    def seed(self, tensor: int) -> int:
        """The initial gradient of an output, which the caller holds throughout."""
        return self.live_set.new(f"{INITIAL}{self.name_of(tensor)}", self.tape.tensors[tensor].size.nbytes)

    def name_of(self, tensor: int) -> str:
        return self.tape.names[self.tape.tensors[tensor].storage]

    def run(self) -> None:
        for tensor, seed in self.seeds:
            maker = self.edges.made_by[tensor]
            assert maker is not None
            order = self.tape.tensors[tensor].order  # it lies as the output does
            turned, permuted = order is Order.TRANSPOSED, order is Order.PERMUTED
            in_order = not (turned or permuted)
            given = Waiting(self.live_set.take(seed), True, in_order, turned, permuted=permuted)
            added = self.add(tensor, given, self.tape.ops[maker].node)
            self.live_set.drop_all(added)  # of an output that is there twice
            if -maker not in self.ready and not self.expected[maker]:
                heapq.heappush(self.ready, -maker)
        while self.ready:
            self.step(-heapq.heappop(self.ready))

    def step(self, index: int) -> None:
        op = self.live_set.begin(index)
        zeros = zeros_beside(op, self.tape, self.buffers)
        arrived = [self.buffers.pop(tensor) for tensor in op.made if tensor in self.buffers]
        incoming = arrived[0]
        run = self.again.get(index)
        saves = run.needed(index) if run else op.saves
        if is_disordered(self.tape, op, incoming):
            incoming = copied(self, op, incoming)
            arrived = [*(arrived if op.lying.orders else ()), incoming]
        later = {each.of for each in op.reduced}
        learning = [tensor for tensor in self.edges.learning(op) if tensor not in later]
        negated = negated_of(op, learning)
        outgoing = [
            (tensor, self.gradient(op, tensor, incoming, each)) for tensor, each in zip(learning, negated, strict=True)
        ]
        viewed = {key: self.live_set.take(incoming.storage) for key, _ in op.weights.viewed}
        weights = self.made(op.weights.new) | viewed
        handed = [(key, replace(incoming, storage=self.live_set.take(incoming.storage))) for key, _ in op.weights.whole]
        whole = [self.live_set.new(f"gradient in {op.node}, before its sum", each.made) for each in op.reduced]
        self.live_set.mark("backward", op.node, op.scratch + zeros)
        if run:  # what ran again is let go of when it is handed over, not when the operation has been dealt with
            self.live_set.drop_all(saves)
        self.reduce(op, incoming, whole, weights, outgoing)
        self.live_set.drop_all(each.storage for each in arrived)
        self.live_set.drop_all(op.wrapped if run else (*saves, *op.wrapped))
        if run:
            run.done(index)
        self.hand_out(op, weights, viewed.keys(), outgoing)
        for key, gradient in handed:
            self.live_set.drop_all(self.hand_over(key, gradient, op))

    def reduce(
        self,
        op: Op,
        incoming: Waiting,
        whole: Sequence[int],
        weights: dict[str, int],
        outgoing: list[tuple[int, Waiting]],
    ) -> None:
        """Sums or casts gradients, one after the other; what the kernel made of each is then released."""
        summed = dict(op.weights.summed)
        for each, before in zip(op.reduced, whole, strict=True):
            if each.summed:
                total = self.live_set.new(f"gradient in {op.node}, before its cast", each.summed)
                self.live_set.mark("backward", op.node)
                self.live_set.drop(before)
                before = total
            if isinstance(each.of, str):
                weights |= self.made(((each.of, summed[each.of]),))
            else:
                turned = is_turned(self.tape, op, incoming)
                outgoing.append((each.of, Waiting(self.new(each.of), True, not turned, turned)))
            self.live_set.mark("backward", op.node)
            self.live_set.drop(before)

    def hand_out(
        self, op: Op, weights: Mapping[str, int], viewed: Collection[str], outgoing: Sequence[tuple[int, Waiting]]
    ) -> None:
        """Hands over all that an operation made. Gradients of weights that are views take another turn, through those
        views, unless they are summed first."""
        later = dict(op.weights.new) if op.weights.views else {}
        views = {*viewed, *(weights if op.weights.views else ())}
        added: list[int] = []  # the engine's list of what the operation made has these until all are handed over
        rest = [(key, Waiting(storage, owned=key not in views)) for key, storage in weights.items() if key not in later]
        for key, gradient in rest if op.weights.views else ():  # torch.addmm takes the bias before the value
            added += self.hand_over(key, gradient, op)
        for tensor, gradient in () if op.weights.first else outgoing:
            added += self.deliver(tensor, gradient, op.node)
        for key, gradient in () if op.weights.views else rest:
            added += self.hand_over(key, gradient, op)
        self.live_set.drop_all(added)
        self.hand_over_views(op, later, weights)
        for tensor, gradient in outgoing if op.weights.first else ():
            self.live_set.drop_all(self.deliver(tensor, gradient, op.node))

    def hand_over_views(self, op: Op, keys: Iterable[str], weights: Mapping[str, int]) -> None:
        """Accumulates gradients of weights that are views; nothing that was added is held."""
        for key in keys:
            self.live_set.drop_all(self.hand_over(key, Waiting(weights[key], owned=False), op))

    def made(self, gradients: Gradients) -> dict[str, int]:
        """New storages for weight gradients."""
        return {key: self.live_set.new(f"gradient of {key}", nbytes) for key, nbytes in gradients}

    def gradient(self, op: Op, tensor: int, incoming: Waiting, negated: bool) -> Waiting:
        """The gradient of something that an operation reads."""
        made = Gradient.NEW if negated else op.gradient
        if incoming.permuted and order_made(self.tape, op) is Order.PERMUTED and is_view(self.tape, op):
            return Waiting(self.live_set.take(incoming.storage), owned=False)  # in order again
        if made in NEW:
            turned = is_turned(self.tape, op, incoming)
            in_order = made not in STRIDED and (not turned or self.tape.tensors[tensor].order is Order.EITHER)
            permuted = op.lying.preserves and incoming.permuted
            return Waiting(self.new(tensor), made is Gradient.NEW, in_order and not permuted, turned, permuted=permuted)
        storage = self.live_set.take(incoming.storage)
        if made is Gradient.SAME:
            return replace(incoming, storage=storage)
        if made is Gradient.VIEW and op.lying.turns:
            return Waiting(storage, False, contiguous=incoming.turned, turned=incoming.contiguous)
        if made is Gradient.VIEW:
            return Waiting(storage, owned=False, contiguous=incoming.contiguous, samples=incoming.samples)
        samples = made is Gradient.SLICE_OF_SAMPLES
        return Waiting(storage, owned=False, contiguous=made not in STRIDED, samples=samples)

    def new(self, tensor: int) -> int:
        """A new storage for the gradient of a tensor."""
        return self.live_set.new(f"gradient of {self.name_of(tensor)}", self.tape.tensors[tensor].size.nbytes)

    def hand_over(self, key: str, gradient: Waiting, op: Op) -> list[int]:
        """Accumulates the gradients of a weight. The sum becomes its `grad`, copied if its memory layout differs from
        the weight's (torch/csrc/autograd/functions/accumulate_grad.h), or is added to an existing `grad` and released.
        Returns the storages that were added to another one and are still held."""
        met, nbytes = self.met.setdefault(key, gradient), dict(op.weights.all)[key]  # a view may hold more
        if met is not gradient and not (met.owned and self.live_set.holders[met.storage] == 1):
            made = self.live_set.new(f"gradient of {key}", nbytes)
            self.met[key] = self.summed(made, met, op.node)
        added = [gradient.storage] if met is not gradient else []
        self.coming[key] -= 1
        if self.coming[key]:
            return added
        is_copied = key in op.weights.permuted or (key in dict(op.weights.whole) and is_shared(self, op, self.met[key]))
        if is_copied and key not in self.before:
            self.live_set.new(f"gradient of {key}", nbytes)
            self.live_set.mark("backward", op.node)
        if is_copied or key in self.before:
            self.live_set.drop(self.met[key].storage)
        return added

    def deliver(self, tensor: int, gradient: Waiting, node: str) -> list[int]:
        """Delivers a gradient to the operation that made the tensor, added to an earlier one. Returns the storages that
        were added to another one and are still held."""
        added = self.add(tensor, gradient, node)
        maker = self.edges.made_by[tensor]
        if maker is not None:  # the gradient of an input stays alive
            self.expected[maker] -= 1
            if not self.expected[maker]:
                heapq.heappush(self.ready, -maker)
        return added

    def add(self, tensor: int, gradient: Waiting, node: str) -> list[int]:
        """Adds a gradient to an earlier one of the same tensor, if there is one, and returns what is still held."""
        met = self.buffers.setdefault(tensor, gradient)
        if met is gradient:
            return []
        if not (met.owned and self.live_set.holders[met.storage] == 1):
            self.buffers[tensor] = self.summed(self.new(tensor), met, node)
        return [gradient.storage]

    def summed(self, into: int, met: Waiting, node: str) -> Waiting:
        """The sum of two gradients in a new storage, in the order of the older one, which is released."""
        self.live_set.mark("backward", node)
        self.live_set.drop(met.storage)
        return Waiting(into, True, not (met.turned or met.permuted), met.turned, permuted=met.permuted)


def is_disordered(tape: Tape, op: Op, incoming: Waiting) -> bool:
    """Whether a gradient is copied before it is used."""
    if op.lying.orders:
        made = order_made(tape, op)
        if made is Order.TRANSPOSED:
            return incoming.contiguous and not incoming.turned
        return not (incoming.contiguous or (incoming.turned and made is Order.EITHER))
    return op.lying.contiguous and not (incoming.contiguous or (op.lying.within_samples and incoming.samples))


def copied(state: Backward, op: Op, incoming: Waiting) -> Waiting:
    """A gradient in order, where it came as a part of something: autograd reshapes it first, or the kernel does."""
    made = state.new(op.made[0])
    if not op.lying.orders:
        state.live_set.mark("backward", op.node)
        state.live_set.drop(incoming.storage)
        return Waiting(made, owned=True)
    turned = order_made(state.tape, op) is Order.TRANSPOSED
    return Waiting(made, owned=True, contiguous=not turned, turned=turned)


def is_turned(tape: Tape, op: Op, incoming: Waiting) -> bool:
    """Whether the gradient that an operation makes has its features at the other end."""
    return op.lying.turned(incoming.turned, order_made(tape, op))


def is_shared(state: Backward, op: Op, gradient: Waiting) -> bool:
    """Whether a gradient that came in cannot become that of a weight: something else has it, or it has gaps."""
    if gradient.owned or not gradient.contiguous:
        return not gradient.contiguous or state.live_set.holders[gradient.storage] > 1
    waiting = (state.buffers.get(tensor) for tensor in op.reads)
    return any(each and not each.owned and each.storage == gradient.storage for each in waiting)


def negated_of(op: Op, learning: Sequence[int]) -> list[bool]:
    """Of each thing read, whether its gradient is negated; of what is subtracted from itself, that of the second."""
    twice = len(op.negated) == 1 and learning.count(op.negated[0]) == 2
    return [each in op.negated and not (twice and place == 0) for place, each in enumerate(learning)]


def is_view(tape: Tape, op: Op) -> bool:
    """Whether what an operation made is a view of what it read."""
    return tape.tensors[op.made[0]].storage == tape.tensors[op.reads[0]].storage


def order_made(tape: Tape, op: Op) -> Order:
    """How what an operation made lies in memory."""
    return tape.tensors[op.made[0]].order
