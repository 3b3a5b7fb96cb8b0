"""The timeline of a run: which storages of a tape are alive, how many references each has, and the bytes per step."""

from collections.abc import Iterable, Sequence
from typing import cast

from archcalc.core.dim import Dim, is_number, running_sum
from archcalc.memory.tape import Op, Tape
from archcalc.record import field, record
from archcalc.sym.tally import Tally


@record
class TimelineStep:
    """The bytes alive while an operation runs; `phase` is forward, backward, or again (a recomputed forward); `part`:
    in which part of its layer it runs."""

    phase: str
    node: str
    live: int
    part: str = ""


@record
class Timeline:
    """The steps of a run in order, with their numbers; of a brief one, only those that may be the highest.

    `left`: bytes alive at its end; `alive`: storages by name, at the watched step; `tensors`: every storage with its
    bytes and the steps at which it is alive, from the first up to, excluding, the last, if a step is watched.
    """

    steps: tuple[TimelineStep, ...]
    numbers: Sequence[int]
    left: int
    alive: tuple[tuple[str, int], ...] = ()
    tensors: tuple[tuple[str, int, int, int], ...] = ()

    @property
    def peak(self) -> TimelineStep:
        """The first step with the most bytes alive; without layers, the caller's input alone."""
        return max(self.steps, key=lambda step: step.live, default=TimelineStep("forward", "input", self.left))

    @property
    def highest(self) -> int:
        """The number of that step; -1 without layers."""
        return max(zip(self.steps, self.numbers, strict=True), key=lambda pair: pair[0].live, default=(None, -1))[1]


@record(frozen=False)
class LiveSet:
    """What is alive. `holders`: how many references every storage has; `seen`: the live ones at step number `watch`.

    `brief`: only steps that may be the highest are kept: of numbers, those at which more is alive than before; of
    expressions, those after something was taken and before something is dropped. `marked`: how many there were;
    `beside`: the scratch of the last that was kept. `part`: that of the operation that runs.
    """

    tape: Tape
    holders: list[int] = field(default_factory=list)
    live: Dim = 0
    watch: int = -1
    brief: bool = False
    marked: int = 0
    most: int = -1
    beside: Dim = 0
    part: str = ""
    seen: list[tuple[str, int]] = field(default_factory=list)
    steps: list[TimelineStep] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    born: dict[int, int] = field(default_factory=dict)
    ended: list[tuple[str, int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.live = running_sum(self.tape.bytes_of)

    def begin(self, index: int) -> Op:
        """The operation of that number, which runs from now on."""
        op = self.tape.ops[index]
        self.part = op.part
        return op

    def take(self, storage: int) -> int:
        if storage >= len(self.holders):
            self.holders += [0] * (len(self.tape.bytes_of) - len(self.holders))
        self.holders[storage] += 1
        if self.holders[storage] == 1:
            self.live += self.tape.bytes_of[storage]
            if self.watch >= 0:
                self.born[storage] = self.marked
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
        return self.tape.names[storage], self.tape.bytes_of[storage], self.born.pop(storage), self.marked

    def drop_all(self, storages: Iterable[int]) -> None:
        for storage in storages:
            self.drop(storage)

    def new(self, name: str, nbytes: int) -> int:
        """A new storage. Its name is kept if a step is watched, which alone tells names."""
        return self.take(self.tape.storage(name if self.watch >= 0 else "", nbytes))

    def mark(self, phase: str, node: str, scratch: int = 0) -> None:
        if self.marked == self.watch:
            alive = [(self.tape.names[i], self.tape.bytes_of[i]) for i in self.born]
            self.seen = alive + [(f"{node}: scratch", scratch)] * bool(scratch)
        if not self.brief or self.is_higher(scratch):
            self.steps.append(TimelineStep(phase, node, self.live + scratch, self.part))
            self.numbers.append(self.marked)
        self.marked += 1

    def is_higher(self, scratch: Dim) -> bool:
        """Whether a step may be the highest so far."""
        if is_number(self.live, scratch):
            before, self.most = self.most, max(self.most, self.live + scratch)
            return self.most > before
        tally = cast(Tally, self.live)
        is_top = tally.risen or not is_number(scratch) or scratch > 0
        tally.risen = False
        if is_top:
            if self.steps and not tally.fallen and is_number(self.beside) and not self.beside:
                self.steps.pop(), self.numbers.pop()  # nothing was dropped since, so that this one is as high
            tally.fallen, self.beside = False, scratch
        return is_top

    @property
    def timeline(self) -> Timeline:
        """The timeline so far."""
        lives = [*self.ended, *(self.life(storage) for storage in tuple(self.born))]
        lived = sorted((each for each in lives if each[2] < each[3]), key=lambda each: each[2])
        return Timeline(tuple(self.steps), self.numbers, self.live + 0, tuple(self.seen), tuple(lived))
