"""What runs again: stretches of a tape that keep only what goes into them, until backward comes to them.

As torch/utils/checkpoint.py has it (`use_reentrant=False`): in the forward pass a stretch keeps what goes into it and
the state of the random numbers. The first of its operations whose backward asks for something runs it again, up to the
last thing that it keeps; each operation lets go of its own share, and of the inputs when all have. While it runs again,
a second state of the random numbers is held.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from archcalc.graph.graph import Graph
from archcalc.memory.checkpointing import checkpointed_blocks
from archcalc.memory.tape import Op, Tape
from archcalc.memory.timeline import LiveSet

RANDOM_STATE = {"cpu": 5056, "cuda": 0}
"""Bytes of `torch.get_rng_state()`, in the CPU's memory; that of a GPU's generator is there too."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Operations `first` to `last` of a tape; `inputs`: the storages that go into them; `stop`: the last that saves
    something, None where none does."""

    first: int
    last: int
    stop: int | None
    inputs: tuple[int, ...]


def stretches(graph: Graph, tape: Tape, kinds: Collection[str]) -> tuple[Stretch, ...]:
    """The operations of the blocks that are checkpointed.

    Raises SpecError for a name that no block has.
    """
    places: dict[str, list[int]] = {}
    for place, op in enumerate(tape.ops):
        places.setdefault(op.node, []).append(place)
    blocks = [graph.within[scope.prefix] for scope in checkpointed_blocks(graph, kinds)]
    return tuple(stretch(tape, [place for node in inside for place in places[node.name]]) for inside in blocks)


def stretch(tape: Tape, places: list[int]) -> Stretch:
    saving = [place for place in places if packs(tape.ops[place])]
    return Stretch(places[0], places[-1], saving[-1] if saving else None, tuple(outside(tape, places)))


def outside(tape: Tape, places: list[int]) -> Iterator[int]:
    """The storages that operations read and that are there before; a view of one of them is no new one."""
    known: set[int] = set()
    for place in places:
        for storage in (tape.tensors[i].storage for i in tape.ops[place].reads):
            if storage not in known:
                known.add(storage)
                yield storage
        known.update(tape.tensors[tensor].storage for tensor in tape.ops[place].made)


def instead(again: Collection[Stretch]) -> dict[int, tuple[int, ...]]:
    """What the operations of stretches keep in the forward pass: the first what goes in, the others nothing."""
    kept: dict[int, tuple[int, ...]] = {}
    for each in again:
        kept |= dict.fromkeys(range(each.first, each.last + 1), ())
        if each.stop is not None:
            kept[each.first] = each.inputs
    return kept


def packs(op: Op) -> bool:
    """Whether autograd keeps something of an operation, were it only its weight."""
    return bool(op.saves or (op.contracts and op.learns))


@dataclass
class Recompute:
    """The state of one stretch in a training step. `keeps`: what its operations keep once it has run again."""

    stretch: Stretch
    live_set: LiveSet
    held: list[int] = field(default_factory=list)
    keeps: dict[int, tuple[int, ...]] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)

    @property
    def places(self) -> range:
        return range(self.stretch.first, self.stretch.last + 1)

    def begin(self) -> None:
        """In the forward pass: takes what is held until backward has come through, if that asks for anything."""
        tape = self.live_set.tape
        self.waiting = {place for place in self.places if packs(tape.ops[place])}
        self.held = [*self.stretch.inputs, self.random_state()]
        self.live_set.take_all(self.stretch.inputs)

    def random_state(self) -> int:
        return self.live_set.new("state of the random numbers", RANDOM_STATE[self.live_set.tape.run.device])

    def needed(self, place: int) -> tuple[int, ...]:
        """What the backward of an operation has kept for it; runs the stretch again if it is the first that asks."""
        if not self.keeps and packs(self.live_set.tape.ops[place]):
            self.run()
        return self.keeps.get(place, ())

    def done(self, place: int) -> None:
        """An operation has ended in backward, or the last one of the stretch in the forward pass."""
        self.waiting.discard(place)
        if not self.waiting:
            self.live_set.drop_all(self.held)
            self.held = []

    def run(self) -> None:
        """Runs again: new storages for all that is made, kept for backward, the rest gone as it was before."""
        live_set, tape = self.live_set, self.live_set.tape
        random = self.random_state()
        new = dict(self.renewed())
        alive: dict[int, int] = {}
        wrapped: list[int] = []
        for place in self.places:
            op = tape.ops[place]
            self.keeps[place] = tuple(new.get(storage, storage) for storage in op.saves)
            live_set.take_all(self.keeps[place])
            if place == self.stretch.stop:  # it ends in the middle of this one, as soon as all that it keeps is there
                live_set.mark("again", op.node)
                break
            alive |= {tensor: live_set.take(new[tape.tensors[tensor].storage]) for tensor in op.made}
            wrapped += live_set.take_all(new[storage] for storage in op.wrapped)
            live_set.mark("again", op.node)
            live_set.drop_all([alive.pop(t) for t in list(alive) if tape.ends[t] <= place])
        live_set.drop_all(alive.values())
        live_set.drop_all(wrapped)
        live_set.drop(random)

    def renewed(self) -> Iterator[tuple[int, int]]:
        """For every storage that the stretch makes, the one that it makes when it runs again."""
        tape = self.live_set.tape
        made = dict.fromkeys(
            storage
            for place in self.places
            for storage in (tape.tensors[tensor].storage for tensor in tape.ops[place].made)
            if storage not in self.stretch.inputs
        )
        for storage in made:
            yield storage, tape.storage(tape.names[storage], tape.bytes_of[storage])
        yield from ((storage, storage) for storage in self.stretch.inputs)
