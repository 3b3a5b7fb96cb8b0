"""Recomputation: checkpointed stretches of a tape, which save only their inputs and run again in backward.

Models torch/utils/checkpoint.py (`use_reentrant=False`). In the forward pass a stretch saves its inputs and the state
of the random number generator. The first backward operation that needs a saved tensor runs the stretch again, up to its
last saved tensor. Each operation releases its own saved tensors; the inputs are released when all operations are done.
During the second run, another random number state is held.
"""

from collections.abc import Collection, Iterator

from archcalc.graph.graph import Graph
from archcalc.memory.checkpointing import checkpointed_blocks
from archcalc.memory.tape import Tape
from archcalc.memory.timeline import LiveSet
from archcalc.record import field, record

RANDOM_STATE = {"cpu": 5056, "cuda": 0}
"""Bytes of `torch.get_rng_state()` in CPU memory; the state of a GPU's generator is in CPU memory too."""


@record
class Stretch:
    """Operations `first` to `last` of a tape; `inputs`: the storages that go into them; `stop`: the last that saves
    something, None where none does."""

    first: int
    last: int
    stop: int | None
    inputs: tuple[int, ...]


def stretches(graph: Graph, tape: Tape, kinds: Collection[str]) -> tuple[Stretch, ...]:
    """The operations of the blocks that are checkpointed.

    Raises SpecError if there is no block of that name.
    """
    if not kinds:
        return ()
    indices: dict[str, list[int]] = {}
    for index, op in enumerate(tape.ops):
        indices.setdefault(op.node, []).append(index)
    blocks = [graph.within[scope.prefix] for scope in checkpointed_blocks(graph, kinds)]
    return tuple(stretch(tape, [index for node in inside for index in indices[node.name]]) for inside in blocks)


def stretch(tape: Tape, indices: list[int]) -> Stretch:
    saving = [index for index in indices if tape.ops[index].packs or tape.ops[index].dropped]
    return Stretch(indices[0], indices[-1], saving[-1] if saving else None, tuple(outside(tape, indices)))


def outside(tape: Tape, indices: list[int]) -> Iterator[int]:
    """The storages that these operations read but do not make; views of them are not new storages."""
    known: set[int] = set()
    for index in indices:
        for storage in (tape.tensors[i].storage for i in tape.ops[index].reads):
            if storage not in known:
                known.add(storage)
                yield storage
        known.update(tape.tensors[tensor].storage for tensor in tape.ops[index].made)


def instead(again: Collection[Stretch]) -> dict[int, tuple[int, ...]]:
    """What the operations of stretches save in the forward pass: the first one the inputs, the others nothing."""
    kept: dict[int, tuple[int, ...]] = {}
    for each in again:
        kept |= dict.fromkeys(range(each.first, each.last + 1), ())
        if each.stop is not None:
            kept[each.first] = each.inputs
    return kept


@record(frozen=False)
class Recompute:
    """The state of one stretch in a training step. `keeps`: what its operations save after it has run again."""

    stretch: Stretch
    live_set: LiveSet
    held: list[int] = field(default_factory=list)
    keeps: dict[int, tuple[int, ...]] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)

    @property
    def indices(self) -> range:
        return range(self.stretch.first, self.stretch.last + 1)

    def begin(self) -> None:
        """In the forward pass: takes what is held until backward has come through, if that asks for anything."""
        tape = self.live_set.tape
        self.waiting = {index for index in self.indices if tape.ops[index].packs}
        self.held = [*self.stretch.inputs, self.random_state()]
        self.live_set.take_all(self.stretch.inputs)

    def random_state(self) -> int:
        return self.live_set.new("random number state", RANDOM_STATE[self.live_set.tape.run.device])

    def needed(self, index: int) -> tuple[int, ...]:
        """The saved tensors of an operation; the first call runs the stretch again."""
        if not self.keeps and self.live_set.tape.ops[index].packs:
            self.run()
        return self.keeps.get(index, ())

    def done(self, index: int) -> None:
        """An operation has ended in backward, or the last one of the stretch in the forward pass."""
        self.waiting.discard(index)
        if not self.waiting:
            self.live_set.drop_all(self.held)
            self.held = []

    def run(self) -> None:
        """Runs again: new storages for everything it makes; saved tensors stay, the rest is released as before."""
        live_set, tape = self.live_set, self.live_set.tape
        random = self.random_state()
        new = dict(self.renewed())
        alive: dict[int, int] = {}
        wrapped: list[int] = []
        for index in self.indices:
            op = tape.ops[index]
            self.keeps[index] = tuple(new.get(storage, storage) for storage in op.saves)
            live_set.take_all(self.keeps[index])
            if index == self.stretch.stop:  # it ends in the middle of this one, as soon as all that it keeps is there
                live_set.mark("again", op.node)
                break
            alive |= {tensor: live_set.take(new[tape.tensors[tensor].storage]) for tensor in op.made}
            wrapped += live_set.take_all(new[storage] for storage in op.wrapped)
            live_set.mark("again", op.node)
            live_set.drop_all([alive.pop(t) for t in list(alive) if tape.ends[t] <= index])
        live_set.drop_all(alive.values())
        live_set.drop_all(wrapped)
        live_set.drop(random)

    def renewed(self) -> Iterator[tuple[int, int]]:
        """For every storage that the stretch makes, the storage that the second run makes."""
        tape = self.live_set.tape
        made = dict.fromkeys(
            storage
            for index in self.indices
            for storage in (tape.tensors[tensor].storage for tensor in tape.ops[index].made)
            if storage not in self.stretch.inputs
        )
        for storage in made:
            yield storage, tape.storage(tape.names[storage], tape.bytes_of[storage])
        yield from ((storage, storage) for storage in self.stretch.inputs)
