"""The ledger: which storages of a tape are alive, how many hold each, and what that comes to at every moment."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from archcalc.memory.tape import Tape


@dataclass(frozen=True, slots=True)
class Moment:
    """What is alive while an operation runs, in bytes: `phase` is forward, backward, or again (a second forward)."""

    phase: str
    node: str
    live: int


@dataclass(frozen=True)
class Course:
    """The moments of a run in order. `left`: what is alive at its end; `alive`: by name, at the moment watched."""

    moments: tuple[Moment, ...]
    left: int
    alive: tuple[tuple[str, int], ...] = ()

    @property
    def peak(self) -> Moment:
        """The first of the moments at which most is alive."""
        return self.moments[self.highest]

    @property
    def highest(self) -> int:
        return max(range(len(self.moments)), key=lambda i: self.moments[i].live)


@dataclass
class Ledger:
    """Storages that are alive, each with how many hold it; `seen`: those alive at moment number `watch`."""

    tape: Tape
    holders: Counter[int] = field(default_factory=Counter)
    live: int = 0
    watch: int = -1
    seen: list[tuple[str, int]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def take(self, storage: int) -> int:
        self.holders[storage] += 1
        if self.holders[storage] == 1:
            self.live += self.tape.bytes_of[storage]
        return storage

    def take_all(self, storages: Iterable[int]) -> None:
        for storage in storages:
            self.take(storage)

    def drop(self, storage: int) -> None:
        self.holders[storage] -= 1
        if not self.holders[storage]:
            self.live -= self.tape.bytes_of[storage]

    def drop_all(self, storages: Iterable[int]) -> None:
        for storage in storages:
            self.drop(storage)

    def new(self, name: str, nbytes: int) -> int:
        return self.take(self.tape.storage(name, nbytes))

    def mark(self, phase: str, node: str, scratch: int = 0) -> None:
        if len(self.moments) == self.watch:
            alive = [(self.tape.names[i], self.tape.bytes_of[i]) for i, count in self.holders.items() if count]
            self.seen = alive + [(f"{node}: scratch", scratch)] * bool(scratch)
        self.moments.append(Moment(phase, node, self.live + scratch))

    @property
    def course(self) -> Course:
        """What has been so far."""
        return Course(tuple(self.moments), self.live, tuple(self.seen))
