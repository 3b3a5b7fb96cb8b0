"""The timeline of a run: which storages of a tape are alive, how many references each has, and the bytes per step."""

from collections import Counter
from collections.abc import Iterable

from archcalc.memory.tape import Tape
from archcalc.record import field, record


@record
class TimelineStep:
    """The bytes alive while an operation runs; `phase` is forward, backward, or again (a recomputed forward)."""

    phase: str
    node: str
    live: int


@record
class Timeline:
    """The steps of a run in order. `left`: bytes alive at its end; `alive`: storages by name, at the watched step;
    `tensors`: every storage with its bytes and the steps at which it is alive, from the first up to, excluding, the
    last, if a step is watched."""

    steps: tuple[TimelineStep, ...]
    left: int
    alive: tuple[tuple[str, int], ...] = ()
    tensors: tuple[tuple[str, int, int, int], ...] = ()

    @property
    def peak(self) -> TimelineStep:
        """The first step with the most bytes alive; without layers, the caller's input alone."""
        return self.steps[self.highest] if self.steps else TimelineStep("forward", "input", self.left)

    @property
    def highest(self) -> int:
        return max(range(len(self.steps)), key=lambda i: self.steps[i].live, default=-1)


@record(frozen=False)
class LiveSet:
    """The live storages, each with its reference count; `seen`: those alive at step number `watch`."""

    tape: Tape
    holders: Counter[int] = field(default_factory=Counter)
    live: int = 0
    watch: int = -1
    seen: list[tuple[str, int]] = field(default_factory=list)
    steps: list[TimelineStep] = field(default_factory=list)
    born: dict[int, int] = field(default_factory=dict)
    ended: list[tuple[str, int, int, int]] = field(default_factory=list)

    def take(self, storage: int) -> int:
        self.holders[storage] += 1
        if self.holders[storage] == 1:
            self.live += self.tape.bytes_of[storage]
            if self.watch >= 0:
                self.born[storage] = len(self.steps)
        return storage

    def take_all(self, storages: Iterable[int]) -> list[int]:
        return [self.take(storage) for storage in storages]

    def drop(self, storage: int) -> None:
        self.holders[storage] -= 1
        if not self.holders[storage]:
            self.live -= self.tape.bytes_of[storage]
            if self.watch >= 0:
                self.ended.append(self.life(storage))

    def life(self, storage: int) -> tuple[str, int, int, int]:
        """A storage that ends now, with the steps at which it was alive."""
        return self.tape.names[storage], self.tape.bytes_of[storage], self.born.pop(storage), len(self.steps)

    def drop_all(self, storages: Iterable[int]) -> None:
        for storage in storages:
            self.drop(storage)

    def new(self, name: str, nbytes: int) -> int:
        return self.take(self.tape.storage(name, nbytes))

    def mark(self, phase: str, node: str, scratch: int = 0) -> None:
        if len(self.steps) == self.watch:
            alive = [(self.tape.names[i], self.tape.bytes_of[i]) for i, count in self.holders.items() if count]
            self.seen = alive + [(f"{node}: scratch", scratch)] * bool(scratch)
        self.steps.append(TimelineStep(phase, node, self.live + scratch))

    @property
    def timeline(self) -> Timeline:
        """The timeline so far."""
        lives = [*self.ended, *(self.life(storage) for storage in tuple(self.born))]
        lived = sorted((each for each in lives if each[2] < each[3]), key=lambda each: each[2])
        return Timeline(tuple(self.steps), self.live, tuple(self.seen), tuple(lived))
