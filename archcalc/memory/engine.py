"""Memory over an iteration: what is alive at every step of inference and training, and the peaks.

Models the autograd engine of torch/csrc/autograd/engine.cpp and input_buffer.cpp. Ready nodes run in decreasing
sequence number; gradients of weights are accumulated first. While a node runs, its incoming gradient, its saved tensors
and everything it makes are alive; afterwards the first two are released. Two gradients of one tensor are added in index
if the older one is dense and has no other owner, otherwise into a new tensor. For a view, autograd holds the base
tensor, so a view is never added to in index. The newer gradient stays in the node's list of outputs until all of them
are delivered.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from archcalc.core.kernel import Gradient
from archcalc.memory.recompute import Recompute, Stretch
from archcalc.memory.tape import Gradients, Op, Tape, dying
from archcalc.memory.timeline import LiveSet, Timeline


def inference(tape: Tape, watch: int = -1) -> Timeline:
    """A forward pass that saves nothing for backward; the caller holds the input, which stays alive."""
    live_set = LiveSet(tape, watch=watch)
    forward(live_set, keep=False, again={})
    return live_set.timeline


def training(tape: Tape, watch: int = -1, *, again: Sequence[Stretch] = (), accumulate: bool = False) -> Timeline:
    """A forward and a backward pass; the caller holds the input and the initial gradient.

    Gradients of weights stay alive as `param.grad`; weights and buffers are not counted. `again`: the stretches that
    are checkpointed. `accumulate`: gradients of an earlier pass exist from the start and are added to.
    """
    live_set = LiveSet(tape, watch=watch)
    runs = {stretch.first: Recompute(stretch, live_set) for stretch in again}
    backward = Backward(live_set, runs.values(), accumulate)
    forward(live_set, keep=True, again=runs)
    backward.run()
    live_set.drop_all(tape.tensors[tensor].storage for tensor in tape.outputs)  # the caller's variables
    return live_set.timeline


def forward(live_set: LiveSet, keep: bool, again: Mapping[int, Recompute]) -> None:
    """The forward pass; `again`: the checkpointed stretches, by their first operations."""
    tape = live_set.tape
    bare = {index for each in again.values() for index in each.indices}
    dead = dying(tape)
    live_set.take_all(tape.given)
    for index, op in enumerate(tape.ops):
        if index in again:
            again[index].begin()
        live_set.take_all(tape.tensors[tensor].storage for tensor in op.made)
        live_set.take_all(op.keeps if keep and index not in bare else ())
        live_set.take_all(op.pins if keep else ())
        live_set.take_all(op.own)
        live_set.mark("forward", op.node)
        live_set.drop_all(op.own)
        live_set.drop_all(tape.tensors[tensor].storage for tensor in dead.get(index, ()))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pending gradient for the operation that made its tensor; `dense`: it can be added to in index; `seen`: it
    cannot, because it is a view, but it is contiguous."""

    storage: int
    dense: bool
    seen: bool = False


def of_weights(op: Op) -> Gradients:
    """The weight gradients that the backward pass of an operation makes."""
    return (*op.weights, *op.viewed, *op.summed)


class Backward:
    """The state of the engine during the backward pass over a tape."""

    def __init__(self, live_set: LiveSet, again: Iterable[Recompute] = (), accumulate: bool = False) -> None:
        self.live_set, self.tape = live_set, live_set.tape
        self.again = {index: each for each in again for index in each.indices}
        self.made_by = {tensor: index for index, op in enumerate(self.tape.ops) for tensor in op.made}
        self.buffers: dict[int, Waiting] = {}
        needed = self.needed()
        self.expected = Counter(maker for index in needed for maker in self.makers(index))
        self.ready: list[int] = []
        self.before = {key for key, _ in self.gradients_before()} if accumulate else set()
        self.coming = Counter(key for index in needed for key, _ in of_weights(self.tape.ops[index]))
        self.met: dict[str, Waiting] = {}
        self.seeds = {tensor: self.seed(tensor) for tensor in self.tape.outputs if self.learns(tensor)}

    def gradients_before(self) -> Iterator[tuple[str, int]]:
        """The gradients of an earlier pass, which exist from the start: each weight with its storage."""
        sizes = {key: nbytes for op in self.tape.ops for key, nbytes in of_weights(op)}
        return ((key, self.live_set.new(f"gradient of {key}, from earlier batches", n)) for key, n in sizes.items())

    def seed(self, tensor: int) -> int:
        """The initial gradient of an output, which the caller holds throughout."""
        return self.live_set.new(f"initial gradient of {self.name_of(tensor)}", self.tape.tensors[tensor].size.nbytes)

    def name_of(self, tensor: int) -> str:
        return self.tape.names[self.tape.tensors[tensor].storage]

    def needed(self) -> set[int]:
        """The operations that have a backward pass."""
        found = {self.made_by[tensor] for tensor in self.tape.outputs if self.learns(tensor)}
        for index in range(len(self.tape.ops) - 1, -1, -1):
            if index in found:
                found.update(self.makers(index))
        return found

    def makers(self, index: int) -> Iterator[int]:
        """The operations that wait for a gradient from this one, once per tensor that requires a gradient."""
        return (self.made_by[t] for t in self.learning(self.tape.ops[index]) if t in self.made_by)

    def learns(self, tensor: int) -> bool:
        return self.tape.tensors[tensor].learns

    def learning(self, op: Op) -> list[int]:
        """The inputs of an operation that require a gradient."""
        return [tensor for tensor in op.reads if self.learns(tensor)]

    def run(self) -> None:
        for tensor, seed in self.seeds.items():
            self.buffers[tensor] = Waiting(self.live_set.take(seed), dense=True)
            if not self.expected[self.made_by[tensor]]:
                heapq.heappush(self.ready, -self.made_by[tensor])
        while self.ready:
            self.step(-heapq.heappop(self.ready))

    def step(self, index: int) -> None:
        op = self.tape.ops[index]
        arrived = [self.buffers.pop(tensor) for tensor in op.made if tensor in self.buffers]
        incoming = arrived[0]
        run = self.again.get(index)
        keeps = run.needed(index) if run else op.keeps
        if op.in_order and not (incoming.dense or incoming.seen):
            arrived = [incoming := self.copied(op, incoming)]
        learning = self.learning(op)
        outgoing = [(tensor, self.gradient(op, tensor, incoming)) for tensor in learning if tensor not in op.after]
        weights = self.made(op.weights) | {key: self.live_set.take(incoming.storage) for key, _ in op.viewed}
        self.live_set.mark("backward", op.node, op.scratch)
        if run:  # recomputed tensors are released when they are handed over, not at the end of the operation
            self.live_set.drop_all(keeps)
        if op.summed or op.after:
            weights |= self.made(op.summed)
            outgoing += [(tensor, Waiting(self.new(tensor), dense=True)) for tensor in learning if tensor in op.after]
            self.live_set.mark("backward", op.node)
        self.live_set.drop_all(each.storage for each in arrived)
        self.live_set.drop_all(op.pins if run else (*keeps, *op.pins))
        if run:
            run.done(index)
        shown = dict(op.weights) if op.shown else {}  # they go through their views first
        views = {**shown, **dict(op.viewed), **(dict(op.summed) if op.shown else {})}
        added: list[int] = []  # stay in the engine's list of outputs until all are delivered
        for key, storage in weights.items():
            if key not in shown:
                added += self.hand_over(key, Waiting(storage, dense=key not in views), op)
        for tensor, gradient in outgoing:
            added += self.deliver(tensor, gradient, op.node)
        self.live_set.drop_all(added)
        for key in shown:
            self.live_set.drop_all(self.hand_over(key, Waiting(weights[key], dense=False), op))

    def copied(self, op: Op, incoming: Waiting) -> Waiting:
        """A contiguous gradient; if it is part of a larger tensor, autograd first copies it."""
        made = self.new(op.makes)
        self.live_set.mark("backward", op.node)
        self.live_set.drop(incoming.storage)
        return Waiting(made, dense=True)

    def made(self, gradients: Gradients) -> dict[str, int]:
        """New storages for weight gradients."""
        return {key: self.live_set.new(f"gradient of {key}", nbytes) for key, nbytes in gradients}

    def gradient(self, op: Op, tensor: int, incoming: Waiting) -> Waiting:
        """The gradient of an input of an operation."""
        if op.gradient is Gradient.NEW or tensor in op.negated:
            return Waiting(self.new(tensor), op.dense and not op.seen, op.seen)
        storage = self.live_set.take(incoming.storage)
        if op.gradient is Gradient.SAME:
            return Waiting(storage, incoming.dense, incoming.seen)
        in_order = op.dense if op.gradient is Gradient.PART else incoming.dense or incoming.seen
        return Waiting(storage, dense=False, seen=in_order)

    def new(self, tensor: int) -> int:
        """A new storage for the gradient of a tensor."""
        return self.live_set.new(f"gradient of {self.name_of(tensor)}", self.tape.tensors[tensor].size.nbytes)

    def hand_over(self, key: str, gradient: Waiting, op: Op) -> list[int]:
        """Accumulates the gradients of a weight. The sum becomes its `grad`, copied if its memory layout differs from
        the weight's (torch/csrc/autograd/functions/accumulate_grad.h), or is added to an existing `grad` and released.
        Returns the storages that were added to another one and are still held."""
        met = self.met.setdefault(key, gradient)
        if met is not gradient and not met.dense:
            made = self.live_set.new(f"gradient of {key}", self.tape.bytes_of[met.storage])
            self.met[key] = self.summed(made, met, op.node)
        added = [gradient.storage] if met is not gradient else []
        self.coming[key] -= 1
        if self.coming[key]:
            return added
        if key in op.turned and key not in self.before:
            self.live_set.new(f"gradient of {key}", self.tape.bytes_of[self.met[key].storage])
            self.live_set.mark("backward", op.node)
        if key in self.before or key in op.turned:
            self.live_set.drop(self.met[key].storage)
        return added

    def deliver(self, tensor: int, gradient: Waiting, node: str) -> list[int]:
        """Delivers a gradient to the operation that made the tensor, added to an earlier one. Returns the storages that
        were added to another one and are still held."""
        met = self.buffers.setdefault(tensor, gradient)
        if met is not gradient and not (met.dense and self.live_set.holders[met.storage] == 1):
            self.buffers[tensor] = self.summed(self.new(tensor), met, node)
        maker = self.made_by.get(tensor)
        if maker is not None:  # the gradient of an input stays alive
            self.expected[maker] -= 1
            if not self.expected[maker]:
                heapq.heappush(self.ready, -maker)
        return [gradient.storage] if met is not gradient else []

    def summed(self, into: int, met: Waiting, node: str) -> Waiting:
        """The sum of two gradients in a new storage; the older one is released."""
        self.live_set.mark("backward", node)
        self.live_set.drop(met.storage)
        return Waiting(into, dense=True)
